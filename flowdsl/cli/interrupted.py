"""One line about runs that nobody drives any more, at the end of commands that had something else to do."""

from __future__ import annotations

from flowdsl.cli.display import display_kind
from flowdsl.cli.options import Session
from flowdsl.cli.runs import existing_store, run_from
from flowdsl.errors import FlowdslError

LOOKED_AT_MAX = 50  # telling an interrupted run from a stuck one means reading it


def mention_interrupted(session: Session, *, besides: str = "") -> None:
    """`1 interrupted run: flowdsl resume trip-4m8q`. Never fails: it is an aside."""
    if display_kind(session) in ("json", "quiet"):
        return
    try:
        runs = interrupted_runs(session, besides)
    except FlowdslError:
        return
    if len(runs) == 1:
        session.screen.hint(f"\n1 interrupted run: flowdsl resume {runs[0]}")
    elif runs:
        session.screen.hint(f"\n{len(runs)} interrupted runs, the newest: flowdsl resume {runs[0]}")


def interrupted_runs(session: Session, besides: str) -> list[str]:
    """Unfinished runs without a driver that could go on, the newest first."""
    store = existing_store(session)
    left = [
        one for one in store.unfinished() if not (one.driven or one.damaged or one.run == besides)
    ]
    found = []
    for one in left[:LOOKED_AT_MAX]:
        try:
            facts = store.events(one.run)
            run = run_from(store, [event for _, _, event in facts])
        except FlowdslError:
            continue  # damaged: `list` and `fsck` say so
        if not run.progress.at_rest:
            found.append(one.run)
    return found
