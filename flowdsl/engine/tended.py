"""A run while this process drives it: who waits for what, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from flowdsl.engine.follow import PlanOf, TurnSeen, past_turn
from flowdsl.engine.loop import Drive
from flowdsl.saga.advance import Turn
from flowdsl.saga.events import Event
from flowdsl.saga.run import Run
from flowdsl.world.store.port import Store

Watch = Callable[[TurnSeen], None]


@dataclass(slots=True, eq=False)
class Tended:
    """`sequence`: how many of its facts are durable and told. `is_awaited`: somebody hears what comes of it."""

    run: str
    store: Store
    sequence: int
    watch: Watch | None
    drive: Drive = field(init=False)
    task: asyncio.Task[Run] = field(init=False)
    last: TurnSeen | None = None
    is_awaited: bool = False
    is_over: bool = False
    _begun: asyncio.Future[bool] = field(init=False)
    _promised: list[asyncio.Future[bool]] = field(default_factory=list)
    _ears: list[Ear] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begun = self._promise()

    async def is_begun(self) -> bool:
        """True once its first turn is durable; False where it came to its end before."""
        return await asyncio.shield(self._begun)

    async def hear(self, told: Sequence[Event]) -> bool:
        """True once these facts are durable; False where it came to its end before."""
        if self.is_over or not told:
            return not self.is_over
        kept = self._promise()
        self.drive.tell(*told, kept=lambda: _keep(kept))
        return await kept

    async def rest(self) -> Run:
        """Where it came to rest. Raises what stopped it."""
        self.is_awaited = True
        return await asyncio.shield(self.task)

    @property
    def came_to_rest(self) -> bool:
        """It is over, and nothing stopped it."""
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None

    @property
    def is_final(self) -> bool:
        """What it came to can never change, so nobody need read it."""
        return self.came_to_rest and bool(self.task.result().state.ended)

    @property
    def open_calls(self) -> int:
        return len(self.drive.run.state.flying)

    async def turns(self, after: int, plan_of: PlanOf) -> AsyncIterator[TurnSeen]:
        """Those after a fact. A slow reader sees several as one, as all see what is past."""
        ear = Ear(closed=self.is_over)
        self._ears.append(ear)
        until, last = self.sequence, self.last
        try:
            if last is not None and after == until - len(last.facts):
                yield last
            elif after < until:
                facts = [recorded.event for recorded in await self.store.follow(self.run, 0)]
                yield TurnSeen(until, await past_turn(facts[:until], after, plan_of), is_ours=True)
            while (turned := await ear.next()) is not None:
                yield turned
        finally:
            self._ears.remove(ear)
        await self.rest()

    async def keep(self, events: Sequence[Event]) -> None:
        """For the drive: they are durable when this returns."""
        if self.sequence:
            await self.store.append(self.run, events)
        else:
            await self.store.create(self.run, events)

    def tell(self, turn: Turn) -> None:
        """The drive has made a turn."""
        self.sequence += len(turn.facts)
        self.last = turned = TurnSeen(self.sequence, turn, is_ours=True)
        _keep(self._begun)
        for ear in self._ears:
            ear.hear(turned)
        if self.watch is not None:
            self.watch(turned)

    def end(self) -> None:
        """The drive makes no turn any more."""
        self.is_over = True
        del self.drive  # which holds us as well: a ring is left to the garbage collector
        for promise in self._promised:
            if not promise.done():
                promise.set_result(False)
        for ear in self._ears:
            ear.close()

    def _promise(self) -> asyncio.Future[bool]:
        self._promised = [one for one in self._promised if not one.done()]
        promise: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._promised.append(promise)
        return promise


@dataclass(slots=True, eq=False)
class Ear:
    """What one reader has not been told yet."""

    closed: bool = False
    turns: list[TurnSeen] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, turned: TurnSeen) -> None:
        self.turns.append(turned)
        self.bell.set()

    def close(self) -> None:
        self.closed = True
        self.bell.set()

    async def next(self) -> TurnSeen | None:
        """None once there is no more."""
        while not self.turns and not self.closed:
            self.bell.clear()
            await self.bell.wait()
        turns, self.turns = self.turns, []
        return _as_one(turns) if turns else None


def _as_one(turns: Sequence[TurnSeen]) -> TurnSeen:
    first, last = turns[0], turns[-1]
    if first is last:
        return first
    facts = tuple(fact for each in turns for fact in each.facts)
    return TurnSeen(last.sequence, Turn(first.turn.before, facts, last.run), last.is_ours)


def _keep(promise: asyncio.Future[bool]) -> None:
    if not promise.done():
        promise.set_result(True)
