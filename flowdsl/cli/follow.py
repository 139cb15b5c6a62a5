"""Following a run that another process drives: its facts as they become durable, one by one, in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from flowdsl.cli.display import Display
from flowdsl.cli.ending import Standing
from flowdsl.cli.runs import is_driven, pinned_plan
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created
from flowdsl.saga.progress import progress
from flowdsl.saga.state import State, apply
from flowdsl.world.store import Store

POLL_SECONDS = 0.05
ALIVE_EVERY = 10  # polls between two looks at whether the driver lives


@dataclass(frozen=True, slots=True)
class Followed:
    """`rests`: the run is over or needs a person. Otherwise its driver died."""

    standing: Standing
    rests: bool


async def follow(store: Store, run: str, display: Display, *, past_rest: bool = False) -> Followed:
    """`past_rest`: a run that is stuck already is waited for, as somebody has just been told to go on with it."""
    plan: Plan | None = None
    state, seen, at, first, polls = State(), 0, 0.0, True, 0
    while True:
        alive = polls % ALIVE_EVERY != 0 or is_driven(store, run)
        news = store.follow(run, seen)  # after the look: what a driver wrote before it died is read
        polls += 1
        for seen, wall_ms, event in news:
            if isinstance(event, Created):
                plan = pinned_plan(store, event.digest)
            assert plan is not None, "the first fact of a run is that it was created"
            before, state, at = state, apply(state, event), wall_ms / 1000
            display.turn(plan, before, (event,), progress(plan, state))
        if plan is not None:
            now = progress(plan, state)
            rests = bool(state.ended) or (now.at_rest and not (past_rest and first))
            if rests or not alive:
                name = "" if rests or now.at_rest else "interrupted"
                return Followed(Standing(run, plan, state, now, at, name), rests=rests)
        elif not alive:
            raise AssertionError("a run without a driver has facts, or it was never started")
        first = first and (polls == 1 or not news)
        await asyncio.sleep(POLL_SECONDS)
