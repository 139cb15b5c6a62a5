"""A run as its facts become durable, whoever drives it: read from the store, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from msgspec import Struct

from flowdsl.plan.nodes import Plan
from flowdsl.saga.advance import Turn
from flowdsl.saga.events import Created, Event
from flowdsl.saga.run import Run
from flowdsl.world.store.port import Store

POLL_SECONDS = 0.05
ALIVE_EVERY = 5  # polls between two looks at whether the driver lives

PlanOf = Callable[[str], Awaitable[Plan]]  # by digest


class TurnSeen(Struct, frozen=True):
    """What happened to a run at once, once it is durable; no secret stands in it. `sequence`: of its last fact."""

    sequence: int
    turn: Turn
    is_ours: bool  # this process drives it

    @property
    def facts(self) -> tuple[Event, ...]:
        return self.turn.facts

    @property
    def run(self) -> Run:
        """As it stands after that."""
        return self.turn.after


class Follower(Struct):
    """Reads along. `rests` once the run is over, or needs a person and nothing for it lies in the inbox."""

    store: Store
    run: str
    plan_of: PlanOf
    rests: bool = False

    async def turns(self, after: int = 0) -> AsyncIterator[TurnSeen]:
        """What happened after a fact; what is there already is one turn. It ends where the run rests, or its driver is gone."""
        known, seen, polls = None, 0, 0
        while True:
            alive = polls % ALIVE_EVERY != 0 or await self.store.is_driven(self.run)
            # after the look: what a driver wrote before it died is read
            facts = [recorded.event for recorded in await self.store.follow(self.run, seen)]
            polls += 1
            if facts:
                told = (
                    await past_turn(facts, after, self.plan_of)
                    if known is None
                    else _next(known, facts)
                )
                seen, known = seen + len(facts), told.after
                if seen > after:
                    yield TurnSeen(seen, told, is_ours=False)
            if known is not None and await self._rests(known):
                self.rests = True
                return
            if not alive and known is not None:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _rests(self, known: Run) -> bool:
        if known.state.ended:
            return True
        return known.progress.at_rest and not await self.store.orders_for(self.run)


async def past_turn(facts: Sequence[Event], after: int, plan_of: PlanOf) -> Turn:
    """All that happened after a fact, as one turn."""
    before, now = facts[:after], await known_by(facts, plan_of)
    known = await known_by(before, plan_of) if before else Run.new(now.plan)
    return Turn(known, tuple(facts[after:]), now)


async def known_by(facts: Sequence[Event], plan_of: PlanOf) -> Run:
    """A run as its journal has it."""
    return Run.of(await plan_of(created_by(facts).digest), facts)


def created_by(facts: Sequence[Event]) -> Created:
    created = facts[0]
    assert isinstance(created, Created), "the first fact of a run is that it was created"
    return created


def _next(known: Run, facts: Sequence[Event]) -> Turn:
    return Turn(known, tuple(facts), known.with_facts(facts))
