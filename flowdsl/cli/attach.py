"""`--id`: a run that starts once. Asked for again, it is followed, taken over, or its end is told."""

from __future__ import annotations

import asyncio

from flowdsl.cli.drive import Pilot
from flowdsl.cli.ending import Standing
from flowdsl.cli.prepare import Start
from flowdsl.cli.runs import standing_of
from flowdsl.world.contents import Claim

PAUSE_SECONDS = 0.05
TRIES_MAX = 100  # how often a run may change hands under our eyes


async def start_once(pilot: Pilot, start: Start) -> Standing:
    """The run of this id, started here if nobody has. Other inputs under the same id: an error."""
    claim = await pilot.store.claim(start.created.run, start.fingerprint)
    if claim is Claim.MINE:
        return await pilot.start(start)
    pilot.display.message(f"{start.created.run} was started before: this is the same run")
    return await attach(pilot, start)


async def attach(pilot: Pilot, start: Start) -> Standing:
    run = start.created.run
    for _ in range(TRIES_MAX):
        if pilot.store.is_driven(run):
            followed = await pilot.follow(run)
            if followed.rests:
                return followed.standing
            pilot.display.message("its driver is gone: this process takes the run over")
        standing = standing_of(pilot.store, run)
        if standing.now.at_rest:
            return pilot.tell(standing)
        taken = await pilot.adopt(run, (), start.secret_inputs)
        if taken is not None:
            return taken
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{run} changes hands without end")
