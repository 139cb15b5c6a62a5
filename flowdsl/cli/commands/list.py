"""`flowdsl list`: all runs, the newest first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_session

if TYPE_CHECKING:
    from flowdsl.plan.values import Json
    from flowdsl.view.run.status import RunRow
    from flowdsl.world.store.files import FileStore
    from flowdsl.world.store.summary import RunSummary

SHOWN = 20
STATES = [
    "running",
    "waiting",
    "compensating",
    "interrupted",
    "stuck",
    "succeeded",
    "compensated",
    "cancelled",
    "damaged",
]


@click.command("list")
@click.argument("workflow", metavar="[WORKFLOW]", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only those.")
@click.option("--all", "everything", is_flag=True, help=f"More than the newest {SHOWN}.")
@with_session
def command(session: Session, workflow: str | None, state: str | None, *, everything: bool) -> int:
    """All runs of the store, the newest first."""
    from flowdsl.cli.commands.status import nothing_yet
    from flowdsl.cli.runs import asked_wrongly, store_with_runs
    from flowdsl.view.run.status import list_text

    store = store_with_runs(session)
    if store is None:
        return _json(session, [], 0) if session.json else nothing_yet(session, {})
    with asked_wrongly():
        found = [one for one in store.list() if workflow in (None, one.workflow)]
    found.sort(key=lambda one: one.created_at, reverse=True)
    if state in ("succeeded", "compensated", "cancelled"):
        found = [one for one in found if one.ended == state]
    rows: list[RunRow] = []
    hidden = 0
    for index, one in enumerate(found):
        if len(rows) >= SHOWN and not everything:
            hidden = len(found) - index
            break
        row = row_of(store, one)
        if state in (None, row.state):
            rows.append(row)
    if session.json:
        return _json(session, rows, hidden)
    session.screen.show(list_text(rows, time.time(), hidden=hidden))
    _next(session, rows)
    return 0


def row_of(store: FileStore, one: RunSummary) -> RunRow:
    """A run that cannot be read is a row too, and stops none of the others."""
    from flowdsl.cli.runs import run_of, state_word
    from flowdsl.errors import FlowdslError
    from flowdsl.view.run.positions import label_of
    from flowdsl.view.run.status import RunRow, detail

    try:
        run = run_of(store, one.run)
    except FlowdslError as error:
        return RunRow(one.run, one.workflow, "damaged", None, one.created_at, None, error.message)
    return RunRow(
        run=one.run,
        workflow=run.plan.name,
        state=state_word(store, run),
        label=label_of(run),
        started=one.created_at,
        ended=run.ended_at,
        detail=detail(run),
        residue=len(run.progress.residue),
    )


def _json(session: Session, rows: list[RunRow], hidden: int) -> int:
    from flowdsl.view.times import rfc3339

    runs: list[Json] = [
        {
            "run": row.run,
            "workflow": row.workflow,
            "state": row.state,
            "status": row.label,
            "created": rfc3339(row.started) if row.started else None,
            "ended": None if row.ended is None else rfc3339(row.ended),
            "detail": row.detail,
            "residue": row.residue,
        }
        for row in rows
    ]
    session.screen.tell({"format": 1, "runs": runs, "hidden": hidden})
    return 0


def _next(session: Session, rows: list[RunRow]) -> None:
    from flowdsl.view.run.closing import Suggestion

    if not rows:
        return
    urgent = next((row for row in rows if row.state in ("stuck", "interrupted")), None)
    fallback = [Suggestion(f"flowdsl status {rows[0].run}", "one run, step by step")]
    if urgent is None:
        session.screen.suggest(fallback)
    elif urgent.state == "stuck":
        session.screen.suggest(
            [Suggestion(f"flowdsl status {urgent.run}", "what a person has to do")]
        )
    else:
        session.screen.suggest([Suggestion(f"flowdsl resume {urgent.run}", "go on with it")])
