"""A store that keeps nothing: for tests, exploration and `flowdsl test`. One `Memory`, any number of stores on it.

Each store stands for a process. `die` is a kill -9 of one: another store on the same memory may adopt its runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from msgspec import Struct, field

from flowdsl.codes import Code
from flowdsl.errors import InputError, StoreError
from flowdsl.plan.values import Json
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


class KeptRun(Struct):
    driver: MemoryStore | None
    epoch: int
    records: list[Recorded] = field(default_factory=list)
    closing: Closing | None = None

    @property
    def ended(self) -> str:
        last = self.records[-1].event
        return last.state if isinstance(last, Ended) else ""

    @property
    def events(self) -> list[Event]:
        return [record.event for record in self.records]


class Memory(Struct):
    """What the stores on it share."""

    key: bytes = b"a key that everybody knows"
    runs: dict[str, KeptRun] = field(default_factory=dict)
    definitions: dict[str, bytes] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)  # the run that each has started
    inbox: list[Ordered] = field(default_factory=list)
    queues: dict[str, list[str]] = field(default_factory=dict)  # by key, the runs in their order
    sent: int = 0
    at_the_inbox: asyncio.Lock = field(default_factory=asyncio.Lock)


class MemoryStore(Struct, eq=False):
    memory: Memory = field(default_factory=Memory)
    wall: Callable[[], float] = time.time
    _taken: set[str] = field(default_factory=set)
    _seen: dict[str, int] = field(default_factory=dict)  # of others' runs: facts that were told of

    @property
    def key(self) -> bytes:
        return self.memory.key

    async def is_there(self) -> bool:
        return True

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        self.die()

    def die(self) -> None:
        """Its runs may be adopted from now on, and it drives none."""
        for run in self.memory.runs.values():
            if run.driver is self:
                run.driver = None

    # --- writing -------------------------------------------------------------------------------------

    async def pin(self, digest: str, document: bytes) -> None:
        self.memory.definitions.setdefault(digest, document)

    async def definition(self, digest: str) -> bytes:
        return self.memory.definitions[digest]

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        known = self.memory.claims.setdefault(check_run_id(run), fingerprint)
        if run not in self.memory.runs:
            self.memory.claims[run] = fingerprint
            return Claim.MINE
        if known != fingerprint and not attach:
            raise taken(run)
        return Claim.TAKEN

    async def unclaim(self, run: str) -> None:
        if run not in self.memory.runs:
            self.memory.claims.pop(run, None)

    async def claim_event(self, event: str, run: str) -> str:
        started = await self.started_by(check_run_id(event))
        return self.memory.events.setdefault(event, started or check_run_id(run))

    async def started_by(self, event: str) -> str | None:
        return self.memory.events.get(event, event if event in self.memory.claims else None)

    async def create(self, run: str, events: Sequence[Event]) -> None:
        assert isinstance(next(iter(events), None), Created), "a run begins with its Created"
        if check_run_id(run) in self.memory.runs:
            raise taken(run)
        kept = self.memory.runs[run] = KeptRun(self, 1)
        self._add(kept, events)

    async def append(self, run: str, events: Sequence[Event]) -> None:
        self._add(self._driven(run), events)

    async def finish(self, run: str, closing: Closing | None = None) -> None:
        kept = self._driven(run)
        assert kept.ended, "a run is finished after it has ended"
        kept.closing = closing
        kept.driver = None

    async def first_in_queue(self, key: str, run: str) -> str | None:
        queue = self.memory.queues.setdefault(key, [])
        queue[:] = [other for other in queue if not self.memory.runs[other].ended]
        if run not in queue:
            queue.append(run)
        return queue[0]

    async def before_in_queue(self, key: str, run: str) -> str | None:
        waiting = [r for r in self.memory.queues.get(key, []) if not self.memory.runs[r].ended]
        ahead = waiting[: waiting.index(run)] if run in waiting else waiting
        return next(iter(ahead), None)

    async def leave_queue(self, key: str, run: str) -> None:
        with suppress(ValueError):
            self.memory.queues.get(key, []).remove(run)

    def _add(self, kept: KeptRun, events: Sequence[Event]) -> None:
        wall, count = int(self.wall() * 1000), len(kept.records)
        kept.records += [Recorded(n, wall, event) for n, event in enumerate(events, count + 1)]

    def _driven(self, run: str) -> KeptRun:
        kept = self.memory.runs.get(run)
        if kept is None or kept.driver is not self:
            raise not_driven(run)
        return kept

    # --- taking over ---------------------------------------------------------------------------------

    async def adopt(self, run: str) -> list[Event] | None:
        kept = self._kept(run)
        if kept.driver is not None or kept.ended:
            return None
        kept.driver, kept.epoch = self, kept.epoch + 1
        return kept.events

    async def adopt_all(self, wanted: Adoptable = everything) -> dict[str, list[Event]]:
        adopted = {}
        for run, kept in [*self.memory.runs.items()]:
            if kept.driver is None and not kept.ended and await wanted(kept.events):
                kept.driver, kept.epoch = self, kept.epoch + 1
                adopted[run] = kept.events
        return adopted

    def epoch(self, run: str) -> int:
        return self._driven(run).epoch

    # --- reading -------------------------------------------------------------------------------------

    async def events(self, run: str) -> list[Recorded]:
        return list(self._kept(run).records)

    async def follow(self, run: str, after_sequence: int) -> list[Recorded]:
        return self._kept(run).records[after_sequence:]

    async def find(self, prefix: str | None = None) -> str:
        if prefix is not None:
            return choose(prefix, sorted(self.memory.runs))
        newest = await self.list()
        if not newest:
            raise InputError(
                "there are no runs yet", code=Code.NO_RUN, help="`flowdsl run FILE` starts one"
            )
        return newest[0].run

    def _kept(self, run: str) -> KeptRun:
        kept = self.memory.runs.get(check_run_id(run))
        if kept is None:
            raise no_run(run)
        return kept

    # --- orders --------------------------------------------------------------------------------------

    async def send(self, run: str, order: Json) -> str:
        self.memory.sent += 1
        order_id = f"{check_run_id(run)}.{self.memory.sent:012x}"
        self.memory.inbox.append(Ordered(run, order_id, order))
        return order_id

    @asynccontextmanager
    async def alone_at_the_inbox(self) -> AsyncIterator[None]:
        async with self.memory.at_the_inbox:
            yield

    async def orders_for(self, run: str) -> Sequence[Ordered]:
        return [each for each in self.memory.inbox if each.run == check_run_id(run)]

    async def take_orders(self) -> Sequence[Ordered]:
        new = [each for each in self.memory.inbox if self._is_new(each)]
        self._taken |= {each.order_id for each in new}
        return new

    def unread(self) -> Mapping[str, StoreError]:
        return {}

    def put_back(self, order_id: str) -> None:
        self._taken.discard(order_id)

    async def drop_order(self, order_id: str) -> None:
        self._taken.discard(order_id)
        self.memory.inbox = [e for e in self.memory.inbox if e.order_id != order_id]

    def _is_new(self, each: Ordered) -> bool:
        kept = self.memory.runs.get(each.run)
        return kept is not None and kept.driver is self and each.order_id not in self._taken

    # --- the register --------------------------------------------------------------------------------

    async def unfinished(self) -> Sequence[RunSummary]:
        return [run for run in await self.list() if not run.ended]

    async def is_driven(self, run: str) -> bool:
        kept = self.memory.runs.get(run)
        return kept is not None and not kept.ended and kept.driver is not None

    async def moved(self) -> set[str]:
        counts = {
            run: len(kept.records)
            for run, kept in self.memory.runs.items()
            if kept.driver is not self
        }
        moved = {run for run, count in counts.items() if count != self._seen.get(run)}
        self._seen = counts
        return moved

    async def newest(self, most: int | None, wanted: Wanted = EVERY) -> Listed:
        return newest_of(await self.list(), most, wanted)

    async def list(self) -> Sequence[RunSummary]:
        found = [_summary(run, kept) for run, kept in self.memory.runs.items()]
        return sorted(found, key=lambda each: each.created_at, reverse=True)


def _summary(run: str, kept: KeptRun) -> RunSummary:
    created = kept.records[0].event
    assert isinstance(created, Created), "a run begins with its Created"
    driven = kept.driver is not None
    return RunSummary(
        run, created.workflow, created.at, kept.ended, driven=driven, closing=kept.closing
    )
