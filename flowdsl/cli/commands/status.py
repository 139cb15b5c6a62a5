"""`flowdsl status`: one run on one screen, and what can be done now. `--events` is its journal, `-w` follows it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from flowdsl.cli.options import Session, with_progress, with_session

if TYPE_CHECKING:
    from flowdsl.plan.values import Json
    from flowdsl.saga.run import Run
    from flowdsl.view.run.status import About
    from flowdsl.world.store.port import Store


@click.command("status")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("-w", "--watch", is_flag=True, help="Follow it until it ends or nobody drives it.")
@click.option("--events", is_flag=True, help="Its journal, one event a line.")
@with_progress
@with_session
def command(session: Session, run: str | None, *, watch: bool, events: bool) -> int:
    """Where a run stands, and what you can do now.

    RUN is an id or any unique beginning of one; without it, the newest run.
    """
    from flowdsl.cli.ending import report
    from flowdsl.cli.runs import find_run, read, read_if_any, run_and_word
    from flowdsl.view.run.status import status_text

    async def look(store: Store) -> int:
        name = await find_run(store, run)
        if watch:
            return await _watch(session, store, name)
        if events:
            return await _events(session, store, name)
        found, word = await run_and_word(store, name)
        if session.json:
            session.screen.tell(report(found, word))
            return 0
        about = replace(about_of(found, word), behind=await _behind(store, found))
        session.screen.show(status_text(found, about))
        return 0

    code = read_if_any(session, look) if run is None else read(session, look)
    if code is None:
        return nothing_yet(session, {"events": []} if events else {"workflow": None, "state": None})
    return code


def nothing_yet(session: Session, fields: Mapping[str, Json]) -> int:
    """Of a project in which nothing has run: an answer, not an error."""
    if session.json:
        session.screen.tell({"format": 1, "run": None, **fields})
    else:
        from flowdsl.cli.runs import shown
        from flowdsl.view.paint import line
        from flowdsl.view.run.closing import Suggestion

        said = f"nothing has run here yet: no runs in {shown(session.store)}"
        session.screen.show([line(said)])
        session.screen.suggest([Suggestion("flowdsl run FILE", "start one")])
    return 0


async def _behind(store: Store, run: Run) -> str:
    """The run that it waits for, where another one with its key is before it, and how that one stands."""
    from flowdsl.cli.runs import run_of, state_word
    from flowdsl.errors import FlowdslError
    from flowdsl.saga.commands import Queue

    waits = next((one for one in run.progress.commands if isinstance(one, Queue)), None)
    first = await store.before_in_queue(waits.key, run.id) if waits is not None else None
    if first is None:
        return ""
    try:
        other = await run_of(store, first)
    except FlowdslError:
        return f"{first} (damaged)"
    return f"{first} ({await state_word(store, other)})"


def about_of(run: Run, word: str) -> About:
    from flowdsl.cli.display import local_zone
    from flowdsl.view.run.status import About

    now = time.time()
    return About(
        now=now,
        driven=word != "interrupted",
        changed=has_changed(run),
        zone=local_zone(run.at),
    )


def has_changed(run: Run) -> bool | None:
    """Whether the file is another one by now; None where it is gone or was never there."""
    from pathlib import Path

    from flowdsl.cli.sources import library_for, read_source
    from flowdsl.errors import InputError

    path = run.plan.path
    try:
        # Not a pipe or a terminal: those were read when the run started.
        if not Path(path).is_file():
            return None
        source = read_source(path)
        texts = library_for(source).texts
        return source.text != run.plan.source or any(
            texts.get(key) != text for key, text in run.plan.files
        )
    except (InputError, OSError):
        return None


async def _events(session: Session, store: Store, run: str) -> int:
    """Every fact that was kept, in its order."""
    from flowdsl.cli.display import local_zone
    from flowdsl.cli.runs import asked_wrongly, kept_events, run_from
    from flowdsl.saga.advance import Turn
    from flowdsl.saga.run import Run
    from flowdsl.view.run.timeline import timeline

    with asked_wrongly():
        facts = await store.events(run)
    if session.json:
        session.screen.tell({"format": 1, "run": run, "events": kept_events(facts)})
        return 0
    events = tuple(event for _, _, event in facts)
    found = await run_from(store, events)
    told = timeline(Turn(Run.new(found.plan), events, found), local_zone)
    session.screen.result("\n".join(told))
    return 0


async def _watch(session: Session, store: Store, run: str) -> int:
    from flowdsl.cli.display import display_for
    from flowdsl.cli.ending import conclude, interrupted_report
    from flowdsl.cli.runs import pinned_plan, run_of
    from flowdsl.engine.follow import Follower

    follower = Follower(store, run, partial(pinned_plan, store))
    with display_for(session) as display:
        async for turned in follower.turns():
            display.turn(turned.turn)
    if follower.rests:
        conclude(session, await run_of(store, run))
    else:
        session.screen.hint(f"{run} is interrupted: nobody drives it")
        interrupted_report(session, await run_of(store, run), "interrupted")
    return 0
