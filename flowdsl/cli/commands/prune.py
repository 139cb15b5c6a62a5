"""`flowdsl prune`: throw old runs away. `--plan` shows what would go, and removes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.world.store.summary import Pruned


@click.command("prune")
@click.option("--older", metavar="DURATION", required=True, help="Ended so long ago: 90d, 12h.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would go; remove nothing.")
@with_session
def command(session: Session, older: str, *, only_plan: bool) -> int:
    """Throw away runs that ended long ago, whole files of the archive at a time.

    Nothing of a run that is not over goes, nor what it needs. Ids that were chosen are not used again.
    """
    import asyncio

    from flowdsl.language.parse.reader import seconds_of

    seconds = seconds_of(older)
    if seconds is None:
        raise InputError(
            f"`{older}` is not a duration", code=Code.WRONG_USAGE, help="--older 90d, 12h, 30m"
        )
    pruned = asyncio.run(_prune(session, time.time() - seconds, only_plan=only_plan))
    _show(session, pruned, only_plan=only_plan)
    return 0


async def _prune(session: Session, before: float, *, only_plan: bool) -> Pruned:
    from flowdsl.cli.runs import asked_wrongly, unopened_store
    from flowdsl.world.store import open_store
    from flowdsl.world.store.port import Prunable

    await unopened_store(session)  # an error where there is none
    store = open_store(session.store, read_only=only_plan)
    if not isinstance(store, Prunable):
        raise InputError(
            f"{session.store} is not a store that can be pruned", code=Code.WRONG_USAGE
        )
    try:
        with asked_wrongly():
            await store.start()
            return await store.prune(before, only_plan=only_plan)
    finally:
        await store.close()


def _show(session: Session, pruned: Pruned, *, only_plan: bool) -> None:
    from flowdsl.cli.runs import shown
    from flowdsl.view.paint import counted, line

    if session.json:
        told = {"runs": pruned.runs, "bytes": pruned.bytes, "removed": not only_plan}
        session.screen.tell({"format": 1, **told})
        return
    what = "would go" if only_plan else "gone"
    size = f"{pruned.bytes / 1_000_000:.1f} MB"
    said = f"{counted(pruned.runs, 'run')} {what}, {size}: {shown(session.store)}"
    session.screen.show([line(said)])
