"""The runs of a store, read: where one stands, which one is meant, who drives it. Nothing here changes anything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

from flowdsl.cli.options import Session
from flowdsl.codes import Code
from flowdsl.engine.pinned import plan_from
from flowdsl.errors import InputError, StoreError
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.codec import as_json
from flowdsl.saga.events import Created, Event
from flowdsl.saga.run import Run
from flowdsl.view.times import rfc3339
from flowdsl.world.store import open_store, scheme_of
from flowdsl.world.store.port import Store
from flowdsl.world.store.summary import Recorded, check_run_id

T = TypeVar("T")

SHOWN_MAX = 8  # runs in one message


def read(session: Session, ask: Callable[[Store], Awaitable[T]]) -> T:
    """What the store of the project says; an error where nothing ever ran."""
    return asyncio.run(_read(session, ask))


def read_if_any(session: Session, ask: Callable[[Store], Awaitable[T]]) -> T | None:
    """The same, or None where nothing has run yet: for a reader that is not an error."""
    return asyncio.run(_read_if_any(session, ask))


async def _read(session: Session, ask: Callable[[Store], Awaitable[T]]) -> T:
    with asked_wrongly():
        store = await unopened_store(session)
        await store.start()
    try:
        return await ask(store)
    finally:
        await store.close()


async def _read_if_any(session: Session, ask: Callable[[Store], Awaitable[T]]) -> T | None:
    async def ask_if_any(store: Store) -> T | None:
        try:
            await find_run(store, None)
        except InputError as error:
            if error.code == Code.NO_RUN:
                return None
            raise
        return await ask(store)

    with asked_wrongly():
        is_there = await open_store(session.store, read_only=True).is_there()
    return await _read(session, ask_if_any) if is_there else None


async def unopened_store(session: Session) -> Store:
    """The store of the project, whatever is wrong with it."""
    with asked_wrongly():
        store = open_store(session.store, read_only=True)
        is_there = await store.is_there()
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


async def find_run(store: Store, run: str | None) -> str:
    """The run that is meant: an id, a unique beginning of one, or the newest."""
    if run is not None:
        check_run_id(run)
    with asked_wrongly():
        return await store.find(run)


async def find_unfinished(store: Store, run: str | None) -> str:
    """For orders that cannot be taken back: without a name, the one run that is unfinished."""
    if run is not None:
        return await find_run(store, run)
    with asked_wrongly():
        left = [one.run for one in await store.unfinished()]
    if len(left) == 1:
        return left[0]
    if not left:
        raise InputError(
            "no run is unfinished", code=Code.WHICH_RUN, help="`flowdsl list` shows them all"
        )
    shown = ", ".join(left[:SHOWN_MAX]) + (", …" if len(left) > SHOWN_MAX else "")
    message = f"{len(left)} runs are unfinished, and this cannot be taken back"
    raise InputError(message, code=Code.WHICH_RUN, help=f"name one of them: {shown}")


async def found_run(store: Store, name: str | None) -> Run:
    return await run_of(store, await find_run(store, name))


async def unfinished_run(store: Store, name: str | None) -> Run:
    return await run_of(store, await find_unfinished(store, name))


async def run_of(store: Store, name: str) -> Run:
    """A run as it stands by the facts that are on disk."""
    with asked_wrongly():
        facts = await store.events(name)
    return await run_from(store, [event for _, _, event in facts])


async def run_from(store: Store, events: Sequence[Event]) -> Run:
    """The same of facts that were read already, from the first one on."""
    created = events[0]
    assert isinstance(created, Created), "the first fact of a run is that it was created"
    return Run.of(await pinned_plan(store, created.digest), events)


def kept_events(facts: Iterable[Recorded]) -> list[Json]:
    """As `--json` has them."""
    return [
        {"sequence": n, "time": rfc3339(wall / 1000), "event": as_json(event)}
        for n, wall, event in facts
    ]


async def state_word(store: Store, run: Run) -> str:
    """The run's state; `interrupted` where it has something to do and nobody drives it."""
    unfinished = run.progress.state in ("running", "waiting", "compensating")
    return "interrupted" if unfinished and not await store.is_driven(run.id) else run.progress.state


async def run_and_word(store: Store, name: str | None) -> tuple[Run, str]:
    """A run that is meant, and its state in one word."""
    run = await found_run(store, name)
    return run, await state_word(store, run)


async def pinned_plan(store: Store, digest: str) -> Plan:
    return _plan_from(await store.definition(digest), digest)


@lru_cache(maxsize=64)
def _plan_from(document: bytes, digest: str) -> Plan:
    return plan_from(document, digest)


def shown(address: str) -> str:
    """A path as short as it can be said from here; anything else as it is."""
    if scheme_of(address):
        return address
    short = os.path.relpath(address)
    return short if not short.startswith("..") else address
