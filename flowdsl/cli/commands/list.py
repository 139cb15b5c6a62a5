"""`flowdsl list`: all runs, the newest first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_session

if TYPE_CHECKING:
    from flowdsl.plan.values import Json
    from flowdsl.view.run.status import RunRow
    from flowdsl.world.store.port import Store
    from flowdsl.world.store.summary import RunSummary

SHOWN = 20
UNFINISHED = ("running", "waiting", "compensating", "interrupted", "stuck")
ENDED = ("succeeded", "compensated", "cancelled")
STATES = (*UNFINISHED, *ENDED, "damaged")


@click.command("list")
@click.argument("workflow", metavar="[WORKFLOW]", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only those.")
@click.option("--all", "everything", is_flag=True, help=f"More than the newest {SHOWN}.")
@with_session
def command(session: Session, workflow: str | None, state: str | None, *, everything: bool) -> int:
    """All runs of the store, the newest first."""
    from flowdsl.cli.commands.status import nothing_yet
    from flowdsl.cli.runs import read_if_any
    from flowdsl.view.run.status import list_text

    async def look(store: Store) -> tuple[list[RunRow], int]:
        return await _rows(store, workflow, state, len_max=None if everything else SHOWN)

    found = read_if_any(session, look)
    if found is None:
        return _json(session, [], 0) if session.json else nothing_yet(session, {})
    rows, hidden = found
    if session.json:
        return _json(session, rows, hidden)
    session.screen.show(list_text(rows, time.time(), hidden=hidden))
    _next(session, rows)
    return 0


async def _rows(
    store: Store, workflow: str | None, state: str | None, *, len_max: int | None
) -> tuple[list[RunRow], int]:
    """And how many runs were not looked at any more. What cannot be in that state is not read."""
    from flowdsl.cli.runs import asked_wrongly
    from flowdsl.world.store.summary import Wanted

    with asked_wrongly():
        if state in (None, *ENDED):
            found, hidden = await store.newest(len_max, Wanted(workflow, state))
            return [await row_of(store, one) for one in found], hidden
        runs = await (store.unfinished() if state in UNFINISHED else store.list())
    rows: list[RunRow] = []
    left = sorted(runs, key=lambda one: one.created_at, reverse=True)
    left = [one for one in left if workflow in (None, one.workflow)]
    for index, one in enumerate(left):
        if len_max is not None and len(rows) >= len_max:
            return rows, len(left) - index
        row = await row_of(store, one)
        if row.state == state:
            rows.append(row)
    return rows, 0


async def row_of(store: Store, one: RunSummary) -> RunRow:
    """A run that cannot be read is a row too, and stops none of the others."""
    from flowdsl.cli.runs import run_of, state_word
    from flowdsl.errors import FlowdslError
    from flowdsl.view.run.positions import label_of
    from flowdsl.view.run.status import RunRow, detail

    if (end := one.closing) is not None:
        return RunRow(
            run=one.run,
            workflow=one.workflow,
            state=one.ended,
            label=end.label,
            started=one.created_at,
            ended=end.ended_at,
            detail=end.detail,
            residue=end.residue,
        )
    try:
        run = await run_of(store, one.run)
    except FlowdslError as error:
        return RunRow(one.run, one.workflow, "damaged", None, one.created_at, None, error.message)
    return RunRow(
        run=one.run,
        workflow=run.plan.name,
        state=await state_word(store, run),
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
