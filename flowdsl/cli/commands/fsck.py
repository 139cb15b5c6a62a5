"""`flowdsl fsck`: what is wrong with the store, explained. Changes nothing without `--repair`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_session

if TYPE_CHECKING:
    from flowdsl.plan.values import Json


DAMAGE = frozenset({"damaged", "unreadable"})  # the rest is lost on nobody


@click.command("fsck")
@click.option(
    "--repair", is_flag=True, help="Mend what can be mended; what is cut off goes to quarantine."
)
@with_session
def command(session: Session, *, repair: bool) -> int:
    """Check the store and explain what is wrong with it. Changes nothing without --repair.

    Exit code 1: there is damage.
    """
    from flowdsl.cli.runs import asked_wrongly, existing_store, shown
    from flowdsl.errors import InputError
    from flowdsl.plan.json import to_text
    from flowdsl.view.closing import Suggestion
    from flowdsl.view.paint import Piece, dim, fit, line, wrapped
    from flowdsl.world.contents import Finding

    try:
        store = existing_store(session)
        with asked_wrongly():
            findings = store.fsck(repair=repair)
    except (
        InputError
    ) as error:  # so damaged that it cannot be opened: here that is what was asked for
        if error.code != "F203":
            raise
        findings = [Finding(str(shown(session.store)), "damaged", error.message)]
    damaged = any(finding.kind in DAMAGE for finding in findings)
    if session.json:
        found: list[Json] = [
            {
                "path": f.path,
                "kind": f.kind,
                "explanation": f.explanation,
                "repairable": f.repairable,
            }
            for f in findings
        ]
        session.screen.result(to_text({"format": 1, "repaired": repair, "findings": found}))
        return 1 if damaged else 0
    lines = []
    for finding in findings:
        mend = (
            "mended"
            if repair and finding.repairable
            else "can be mended"
            if finding.repairable
            else ""
        )
        lines.append(
            fit(
                line(
                    Piece(finding.kind, "red" if finding.kind in DAMAGE else "yellow"),
                    f"  {finding.path}  ",
                    dim(mend),
                )
            )
        )
        lines += [line("  ", text) for text in wrapped(finding.explanation, 84)]
    number = len(findings)
    lines.append(
        line(
            f"{session.store}: {number} finding{'' if number == 1 else 's'}."
            if number
            else f"{session.store}: nothing wrong."
        )
    )
    session.screen.show(lines)
    if not repair and any(finding.repairable for finding in findings):
        session.screen.suggest([Suggestion("flowdsl fsck --repair", "mend what can be mended")])
    return 1 if damaged else 0
