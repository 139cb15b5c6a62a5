"""One line about runs that nobody drives any more, at the end of commands that had something else to do."""

from __future__ import annotations

from flowdsl.cli.display import display_kind
from flowdsl.cli.options import Session
from flowdsl.cli.runs import read, run_from
from flowdsl.errors import FlowdslError
from flowdsl.world.store.port import Store

LOOKED_AT_MAX = 50  # telling an interrupted run from a stuck one means reading it


def mention_interrupted(session: Session, *, besides: str = "") -> None:
    """`1 interrupted run: flowdsl resume trip-4m8q`. Never fails: it is an aside."""
    if display_kind(session) in ("json", "quiet"):
        return
    try:
        runs = read(session, lambda store: interrupted_runs(store, besides))
    except FlowdslError:
        return
    if len(runs) == 1:
        session.screen.hint(f"\n1 interrupted run: flowdsl resume {runs[0]}")
    elif runs:
        session.screen.hint(f"\n{len(runs)} interrupted runs, the newest: flowdsl resume {runs[0]}")


async def interrupted_runs(store: Store, besides: str) -> list[str]:
    """Unfinished runs without a driver that could go on, the newest first."""
    left = [
        one
        for one in await store.unfinished()
        if not (one.driven or one.damaged or one.run == besides)
    ]
    found = []
    for one in left[:LOOKED_AT_MAX]:
        try:
            facts = await store.events(one.run)
            run = await run_from(store, [event for _, _, event in facts])
        except FlowdslError:
            continue  # damaged: `list` and `fsck` say so
        if not run.progress.at_rest:
            found.append(one.run)
    return found
