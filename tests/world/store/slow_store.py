"""A third store, to see that the port is one: a dict, and every look at it takes a moment.

It stands in no package of flowdsl; `docs/design/0006-adding-a-store.md` counts what it took.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from flowdsl.codes import Code
from flowdsl.errors import InputError, StoreError
from flowdsl.plan.values import Json
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Created, Ended, Event
from flowdsl.world.store.port import Adoptable, everything
from flowdsl.world.store.summary import (
    EVERY,
    Claim,
    Closing,
    Listed,
    Ordered,
    Recorded,
    RunSummary,
    Wanted,
    check_run_id,
    choose,
    newest_of,
    no_run,
    not_driven,
    taken,
)

DELAY_SECONDS = 0.0005


@dataclass(slots=True)
class Shelf:
    """What a server would keep: bytes by name, no object of any process."""

    facts: dict[str, list[bytes]] = field(default_factory=dict)
    drivers: dict[str, int] = field(default_factory=dict)  # run → the process that drives it
    definitions: dict[str, bytes] = field(default_factory=dict)
    claims: dict[str, tuple[str, int]] = field(default_factory=dict)  # and who is about to start it
    events: dict[str, str] = field(default_factory=dict)
    orders: dict[str, tuple[str, Json]] = field(default_factory=dict)
    queues: dict[str, list[str]] = field(default_factory=dict)
    living: set[int] = field(default_factory=set)
    last: int = 0

    def number(self) -> int:
        self.last += 1
        return self.last


SHELVES: dict[str, Shelf] = {}


def open_shelf(name: str, *, read_only: bool = False) -> SlowStore:
    return SlowStore(SHELVES.setdefault(name, Shelf()))


@dataclass(slots=True, eq=False)
class SlowStore:
    shelf: Shelf
    process: int = 0
    key: bytes = b"the key of every shelf there is"
    _taken: set[str] = field(default_factory=set)
    _told: dict[str, int] = field(default_factory=dict)

    async def _look(self) -> Shelf:
        await asyncio.sleep(DELAY_SECONDS)
        return self.shelf

    async def is_there(self) -> bool:
        return bool((await self._look()).facts)

    async def start(self) -> None:
        self.process = (await self._look()).number()
        self.shelf.living.add(self.process)

    async def close(self) -> None:
        self.die()

    def die(self) -> None:
        self.shelf.living.discard(self.process)

    async def create(self, run: str, events: Sequence[Event]) -> None:
        if check_run_id(run) in (await self._look()).facts:
            raise taken(run)
        self.shelf.facts[run], self.shelf.drivers[run] = [*map(encode, events)], self.process

    async def append(self, run: str, events: Sequence[Event]) -> None:
        await self._look()
        self._mine(run).extend(map(encode, events))

    async def finish(self, run: str, closing: Closing | None = None) -> None:
        await self._look()
        self._mine(run)
        del self.shelf.drivers[run]

    async def events(self, run: str) -> list[Recorded]:
        return await self.follow(run, 0)

    async def follow(self, run: str, after_sequence: int) -> list[Recorded]:
        facts = (await self._look()).facts.get(check_run_id(run))
        if facts is None:
            raise no_run(run)
        return [Recorded(n, 0, decode(data)) for n, data in enumerate(facts, 1)][after_sequence:]

    def _mine(self, run: str) -> list[bytes]:
        if self.shelf.drivers.get(run) != self.process:
            raise not_driven(run)
        return self.shelf.facts[run]

    async def pin(self, digest: str, document: bytes) -> None:
        (await self._look()).definitions.setdefault(digest, document)

    async def definition(self, digest: str) -> bytes:
        return (await self._look()).definitions[digest]

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        known, claimer = (await self._look()).claims.get(check_run_id(run), (fingerprint, 0))
        if run not in self.shelf.facts and claimer not in self.shelf.living:
            self.shelf.claims[run] = (fingerprint, self.process)
            return Claim.MINE
        if known != fingerprint and not attach:
            raise taken(run)
        if run in self.shelf.facts:
            return Claim.TAKEN
        return await self.claim(run, fingerprint, attach=attach)  # its claimer is about to start it

    async def unclaim(self, run: str) -> None:
        (await self._look()).claims.pop(run, None)

    async def claim_event(self, event: str, run: str) -> str:
        started = await self.started_by(event)
        return started or self.shelf.events.setdefault(event, check_run_id(run))

    async def started_by(self, event: str) -> str | None:
        own = event if event in (await self._look()).claims else None
        return self.shelf.events.get(check_run_id(event), own)

    async def adopt(self, run: str) -> list[Event] | None:
        facts = [recorded.event for recorded in await self.events(run)]
        if isinstance(facts[-1], Ended) or self.shelf.drivers[run] in self.shelf.living:
            return None
        self.shelf.drivers[run] = self.process
        return facts

    async def adopt_all(self, wanted: Adoptable = everything) -> dict[str, list[Event]]:
        left = {run: [one.event for one in await self.events(run)] for run in [*self.shelf.facts]}
        chosen = [run for run, facts in left.items() if await wanted(facts)]
        adopted = {run: await self.adopt(run) for run in chosen}
        return {run: facts for run, facts in adopted.items() if facts is not None}

    async def is_driven(self, run: str) -> bool:
        return (await self._look()).drivers.get(run) in self.shelf.living

    async def first_in_queue(self, key: str, run: str) -> str | None:
        queue = (await self._look()).queues.setdefault(key, [])
        queue[:] = [other for other in queue if not self._ended(other)]
        if run not in queue:
            queue.append(run)
        return queue[0]

    async def before_in_queue(self, key: str, run: str) -> str | None:
        waiting = [r for r in (await self._look()).queues.get(key, []) if not self._ended(r)]
        return waiting[0] if waiting and waiting[0] != run else None

    async def leave_queue(self, key: str, run: str) -> None:
        queue = (await self._look()).queues.get(key, [])
        queue[:] = [other for other in queue if other != run]

    def _ended(self, run: str) -> str:
        last = decode(self.shelf.facts[run][-1])
        return last.state if isinstance(last, Ended) else ""

    async def send(self, run: str, order: Json) -> str:
        order_id = f"{check_run_id(run)}.{(await self._look()).number():012x}"
        self.shelf.orders[order_id] = (run, order)
        return order_id

    @asynccontextmanager
    async def alone_at_the_inbox(self) -> AsyncIterator[None]:
        await self._look()
        yield

    async def orders_for(self, run: str) -> Sequence[Ordered]:
        orders = (await self._look()).orders
        return [Ordered(to, one, order) for one, (to, order) in orders.items() if to == run]

    async def take_orders(self) -> Sequence[Ordered]:
        mine = [run for run, driver in self.shelf.drivers.items() if driver == self.process]
        found = [one for run in mine for one in await self.orders_for(run)]
        new = [one for one in found if one.order_id not in self._taken]
        self._taken |= {one.order_id for one in new}
        return new

    def unread(self) -> Mapping[str, StoreError]:
        return {}

    def put_back(self, order_id: str) -> None:
        self._taken.discard(order_id)

    async def drop_order(self, order_id: str) -> None:
        (await self._look()).orders.pop(order_id, None)

    async def find(self, prefix: str | None = None) -> str:
        if prefix is not None:
            return choose(prefix, sorted((await self._look()).facts))
        runs = await self.list()
        if not runs:
            raise InputError("there are no runs yet", code=Code.NO_RUN)
        return runs[0].run

    async def list(self) -> Sequence[RunSummary]:
        found = [self._summary(run) for run in (await self._look()).facts]
        return sorted(found, key=lambda one: one.created_at, reverse=True)

    async def newest(self, most: int | None, wanted: Wanted = EVERY) -> Listed:
        return newest_of(await self.list(), most, wanted)

    async def unfinished(self) -> Sequence[RunSummary]:
        return [one for one in await self.list() if not one.ended]

    async def moved(self) -> set[str]:
        others = {run for run, driver in self.shelf.drivers.items() if driver != self.process}
        counts = {run: len((await self._look()).facts[run]) for run in others}
        moved = {run for run, count in counts.items() if self._told.get(run) != count}
        self._told = counts
        return moved

    def _summary(self, run: str) -> RunSummary:
        first = decode(self.shelf.facts[run][0])
        assert isinstance(first, Created), "a run begins with its Created"
        driven = self.shelf.drivers.get(run) in self.shelf.living and not self._ended(run)
        return RunSummary(run, first.workflow, first.at, self._ended(run), driven=driven)
