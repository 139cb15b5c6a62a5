"""The runs of a store, read: where one stands, which one is meant, who drives it. Nothing here changes anything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from flowdsl.cli.options import Session
from flowdsl.codes import Code
from flowdsl.engine.pinned import plan_from
from flowdsl.errors import InputError, StoreError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created, Event
from flowdsl.saga.run import Run
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.summary import check_run_id

SHOWN_MAX = 8  # runs in one message


def store_for(session: Session) -> FileStore:
    """The store of the project; made when the first run starts."""
    with asked_wrongly():
        return FileStore(session.store)


def existing_store(session: Session) -> FileStore:
    """The store of the project, or an error where nothing ever ran."""
    store = unopened_store(session)
    with asked_wrongly():
        asyncio.run(store.start())
    return store


def store_with_runs(session: Session) -> FileStore | None:
    """The store of the project, or None where nothing has run yet: that is no error for who only looks."""
    store = FileStore(session.store, read_only=True)
    with asked_wrongly():
        if not store.is_there():
            return None
        asyncio.run(store.start())
    try:
        find_run(store, None)
    except InputError as error:
        if error.code == Code.NO_RUN:
            return None
        raise
    return store


def unopened_store(session: Session) -> FileStore:
    """The same, whatever is wrong with it."""
    store = FileStore(session.store, read_only=True)
    with asked_wrongly():
        is_there = store.is_there()
    if not is_there:
        raise InputError(
            f"nothing has run here: there is no store at {shown(session.store)}",
            code=Code.EMPTY_STORE,
            help="start a run with `flowdsl run FILE`, or name a store with --store",
        )
    return store


@contextmanager
def asked_wrongly() -> Iterator[None]:
    """What is wrong with a store before a run starts has sent nothing: exit code 2, not 74."""
    try:
        yield
    except StoreError as error:
        raise InputError(error.message, code=error.code, help=error.help) from None


def find_run(store: FileStore, run: str | None) -> str:
    """The run that is meant: an id, a unique beginning of one, or the newest."""
    if run is not None:
        check_run_id(run)
    with asked_wrongly():
        return store.find(run)


def find_unfinished(store: FileStore, run: str | None) -> str:
    """For orders that cannot be taken back: without a name, the one run that is unfinished."""
    if run is not None:
        return find_run(store, run)
    with asked_wrongly():
        left = [one.run for one in store.unfinished()]
    if len(left) == 1:
        return left[0]
    if not left:
        raise InputError(
            "no run is unfinished", code=Code.WHICH_RUN, help="`flowdsl list` shows them all"
        )
    shown = ", ".join(left[:SHOWN_MAX]) + (", …" if len(left) > SHOWN_MAX else "")
    message = f"{len(left)} runs are unfinished, and this cannot be taken back"
    raise InputError(message, code=Code.WHICH_RUN, help=f"name one of them: {shown}")


def run_of(store: FileStore, name: str) -> Run:
    """A run as it stands by the facts that are on disk."""
    with asked_wrongly():
        facts = store.events(name)
    return run_from(store, [event for _, _, event in facts])


def run_from(store: FileStore, events: Sequence[Event]) -> Run:
    """The same of facts that were read already, from the first one on."""
    created = events[0]
    assert isinstance(created, Created), "the first fact of a run is that it was created"
    return Run.of(pinned_plan(store, created.digest), events)


def state_word(store: FileStore, run: Run) -> str:
    """The run's state; `interrupted` where it has something to do and nobody drives it."""
    unfinished = run.progress.state in ("running", "waiting", "compensating")
    return "interrupted" if unfinished and not store.is_driven(run.id) else run.progress.state


def pinned_plan(store: FileStore, digest: str) -> Plan:
    return _plan_from(store.definition(digest), digest)


@lru_cache(maxsize=64)
def _plan_from(document: bytes, digest: str) -> Plan:
    return plan_from(document, digest)


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    short = os.path.relpath(path)
    return short if not short.startswith("..") else str(path)
