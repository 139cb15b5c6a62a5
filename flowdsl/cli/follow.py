"""Following a run that another process drives: its facts as they become durable, in order, each shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from flowdsl.cli.display import Display
from flowdsl.cli.runs import run_from
from flowdsl.saga.advance import Turn
from flowdsl.saga.run import Run
from flowdsl.world.store.port import Store

POLL_SECONDS = 0.05
ALIVE_EVERY = 5  # polls between two looks at whether the driver lives


@dataclass(frozen=True, slots=True)
class Followed:
    """`rests`: the run is over or needs a person. Otherwise its driver died."""

    run: Run
    rests: bool


async def follow(store: Store, name: str, display: Display, *, past_rest: bool = False) -> Followed:
    """`past_rest`: a run that is stuck already is waited for, as somebody was just told to go on with it."""
    run: Run | None = None
    seen, begun, polls = 0, 0, 0
    while True:
        alive = polls % ALIVE_EVERY != 0 or await store.is_driven(name)
        facts = await store.follow(
            name, seen
        )  # after the look: what a driver wrote before it died is read
        polls += 1
        if facts:
            events = tuple(event for _, _, event in facts)
            seen = facts[-1][0]
            begun = begun or seen
            if run is None:
                run = await run_from(store, events)
                before = Run.new(run.plan)
            else:
                before, run = run, run.with_facts(events)
            display.turn(Turn(before, events, run))
            at_rest = run.progress.at_rest
            if run.state.ended or (at_rest and (seen > begun or not past_rest)):
                return Followed(run, rests=True)
        if not alive and run is not None:
            return Followed(run, rests=run.progress.at_rest and not past_rest)
        await asyncio.sleep(POLL_SECONDS)
