"""Following a run that another process drives: its facts as they become durable, in order, each shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from flowdsl.cli.display import Display
from flowdsl.cli.ending import Standing
from flowdsl.cli.runs import pinned_plan
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created, last_time
from flowdsl.saga.masking import names_masked
from flowdsl.saga.progress import progress
from flowdsl.saga.state import State, fold
from flowdsl.world.store.port import Store

POLL_SECONDS = 0.05
ALIVE_EVERY = 5  # polls between two looks at whether the driver lives


@dataclass(frozen=True, slots=True)
class Followed:
    """`rests`: the run is over or needs a person. Otherwise its driver died."""

    standing: Standing
    rests: bool


async def follow(store: Store, run: str, display: Display, *, past_rest: bool = False) -> Followed:
    """`past_rest`: a run that is stuck already is waited for, as somebody was just told to go on with it."""
    plan: Plan | None = None
    state, seen, at, begun, polls = State(), 0, 0.0, 0, 0
    while True:
        alive = polls % ALIVE_EVERY != 0 or await store.is_driven(run)
        facts = await store.follow(
            run, seen
        )  # after the look: what a driver wrote before it died is read
        polls += 1
        if facts:
            events = tuple(event for _, _, event in facts)
            seen, at = facts[-1][0], last_time(events, at)
            begun = begun or seen
            if plan is None:
                assert isinstance(events[0], Created), (
                    "the first fact of a run is that it was created"
                )
                plan = await pinned_plan(store, events[0].digest)
            before = state
            state = fold(replace(state, lost=state.lost | names_masked(events)), events)
            now = progress(plan, state)
            display.turn(plan, before, events, now)
            if state.ended or (now.at_rest and (seen > begun or not past_rest)):
                return Followed(Standing(run, plan, state, now, at), rests=True)
        if not alive and plan is not None:
            name = "" if now.at_rest else "interrupted"
            return Followed(
                Standing(run, plan, state, now, at, name), rests=now.at_rest and not past_rest
            )
        await asyncio.sleep(POLL_SECONDS)
