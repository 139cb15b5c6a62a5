"""A run in the hands of who started it or asked for it: its turns as they come, and where it comes to rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from flowdsl.engine.follow import Follower, TurnSeen
from flowdsl.engine.tended import Tended
from flowdsl.plan.nodes import Plan
from flowdsl.saga.run import Run
from flowdsl.world.store.port import Store

PAUSE_SECONDS = 0.05

Driver: TypeAlias = Literal["ours", "another", "nobody"]


class Runs(Protocol):
    """The engine, as far as a handle has to do with it."""

    @property
    def store(self) -> Store: ...

    async def plan_of(self, digest: str) -> Plan: ...

    @property
    def tended(self) -> Mapping[str, Tended]: ...

    async def take_over(self, run: str) -> Tended | None:
        """None where another process drives it, or where there is nothing to do."""


class Handle(Struct):
    """`driver` and `sequence`: who drove it, and its last fact, when it was asked for; of a new run 0.

    `drives`: it is taken over should its driver die.
    """

    run: str
    driver: Driver
    sequence: int
    drives: bool
    _runs: Runs
    _tended: Tended | None = None  # the last time it was driven here

    async def turns(self, after: int = 0) -> AsyncIterator[TurnSeen]:
        """What happens to the run after a fact, until it is at rest; what is past already comes first, as one turn.

        Raises Interrupted where this process was stopped, and StoreError where its disk fails.
        """
        while True:
            tended = self._newest()
            if tended is not None:
                async for turned in tended.turns(after, self._runs.plan_of):
                    yield turned
                return
            follower = Follower(self._runs.store, self.run, self._runs.plan_of)
            async for turned in follower.turns(after):
                after = turned.sequence
                yield turned
            if follower.rests or not self.drives:
                return
            if await self._runs.take_over(self.run) is None:
                await asyncio.sleep(PAUSE_SECONDS)  # another process was faster

    async def rest(self) -> Run:
        """The run as it stands once it is at rest, whoever drove it there; the same errors as from `turns`."""
        tended = self._newest()
        if tended is None and self._tended is not None and self._tended.is_final:
            tended = self._tended
        if tended is not None:
            return await tended.rest()
        run = None
        async for turned in self.turns():
            run = turned.run
        assert run is not None, "a run that is there has facts"
        return run

    def _newest(self) -> Tended | None:
        """The run as it is driven here, or as that was stopped. What came of it after a rest stands in the store."""
        now = self._runs.tended.get(self.run)
        if now is not None:
            self._tended = now
        last = self._tended
        return None if last is not None and now is None and last.came_to_rest else last
