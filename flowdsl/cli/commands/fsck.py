"""`flowdsl fsck`: what is wrong with the store, explained. Changes nothing without `--repair`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.plan.values import Json
    from flowdsl.world.store.summary import StoreFinding


DAMAGE = frozenset({"damaged", "unreadable"})  # the rest is lost on nobody


@click.command("fsck")
@click.option(
    "--repair",
    is_flag=True,
    help="Mend what can be mended; what it takes away goes to quarantine/.",
)
@with_session
def command(session: Session, *, repair: bool) -> int:
    """Check the store and explain what is wrong with it. Changes nothing without --repair.

    Exit code 1: there is damage.
    """
    import asyncio

    findings = asyncio.run(_findings(session, repair=repair))
    if session.json:
        _show_json(session, findings, repaired=repair)
    else:
        _show(session, findings, repaired=repair)
    return 1 if any(finding.kind in DAMAGE for finding in findings) else 0


async def _findings(session: Session, *, repair: bool) -> Sequence[StoreFinding]:
    """Also of a store so damaged that it cannot be opened."""
    from flowdsl.cli.runs import asked_wrongly, unopened_store
    from flowdsl.world.store.port import Checkable

    store = await unopened_store(session)
    if not isinstance(store, Checkable):
        raise InputError(
            f"{session.store} is not a store that can be checked", code=Code.WRONG_USAGE
        )
    try:
        with asked_wrongly():
            return await store.fsck(repair=repair)
    finally:
        await store.close()


def _show_json(session: Session, findings: Sequence[StoreFinding], *, repaired: bool) -> None:
    from msgspec.structs import asdict

    found: list[Json] = [asdict(finding) for finding in findings]
    session.screen.tell({"format": 1, "repaired": repaired, "findings": found})


def _show(session: Session, findings: Sequence[StoreFinding], *, repaired: bool) -> None:
    from flowdsl.view.paint import Line, Styled, counted, dim, fit, line, wrapped
    from flowdsl.view.run.closing import Suggestion

    lines: list[Line] = []
    for finding in findings:
        kind = Styled(finding.kind, "red" if finding.kind in DAMAGE else "yellow")
        mend = "" if not finding.repairable else "mended" if repaired else "can be mended"
        lines.append(fit(line(kind, f"  {finding.path}  ", dim(mend))))
        lines += [line("  ", text) for text in wrapped(finding.explanation, 84)]
        if finding.help and not (repaired and finding.repairable):
            lines += [line("  ", dim(text)) for text in wrapped(finding.help, 84)]
        if finding.code:
            lines.append(line("  ", dim(f"flowdsl explain {finding.code}")))
    said = counted(len(findings), "finding") + "." if findings else "nothing wrong."
    session.screen.show([*lines, line(f"{session.store}: {said}")])
    if not repaired and any(finding.repairable for finding in findings):
        session.screen.suggest([Suggestion("flowdsl fsck --repair", "mend what can be mended")])
