"""`--id` and `--event`: a run that starts once. Asked for again, it is followed, taken over, or its end is told."""

from __future__ import annotations

import asyncio

from flowdsl.cli.drive import Pilot
from flowdsl.cli.ending import Standing
from flowdsl.cli.given import CloudEvent
from flowdsl.cli.prepare import Start
from flowdsl.cli.runs import standing_of
from flowdsl.codes import Code
from flowdsl.engine.sign import event_run
from flowdsl.engine.wanting import given_before
from flowdsl.errors import InputError
from flowdsl.saga.secret_inputs import needed_again
from flowdsl.world.store.summary import Claim

PAUSE_SECONDS = 0.05
TRIES_MAX = 100  # how often a run may change hands under our eyes


async def start_once(pilot: Pilot, start: Start) -> Standing:
    """The run of this id, started here if nobody has. Other inputs under the same id: an error."""
    return await _start(pilot, start, await pilot.store.claim(start.created.run, start.fingerprint))


async def start_by_event(
    pilot: Pilot, start: Start, told: CloudEvent, *, claimed: bool
) -> Standing:
    """The run of this event, started here if nobody has. `claimed`: under the id that a person chose."""
    store = pilot.store
    event = event_run(store.key, start.plan.name, told.source, told.id)
    if not claimed:
        start = start.named(await store.started_by(event) or event)
        claim = await store.claim(start.created.run, start.fingerprint, attach=True)
        return await _start(pilot, start, claim)
    run = start.created.run
    claim = await store.claim(run, start.fingerprint)
    started = await store.claim_event(event, run)
    if started != run:
        await store.unclaim(run)
        message = f"this event has started {started}, and no event starts two runs"
        raise InputError(message, code=Code.ID_TAKEN, help=f"flowdsl status {started}")
    return await _start(pilot, start, claim)


async def _start(pilot: Pilot, start: Start, claim: Claim) -> Standing:
    if claim is Claim.MINE:
        return await pilot.start(start)
    pilot.display.message(f"{start.created.run} was started before: this is the same run")
    return await attach(pilot, start)


async def attach(pilot: Pilot, start: Start) -> Standing:
    run = start.created.run
    for _ in range(TRIES_MAX):
        if await pilot.store.is_driven(run):
            followed = await pilot.follow(run)
            if followed.rests:
                return followed.standing
            pilot.display.message("its driver is gone: this process takes the run over")
        standing = await standing_of(pilot.store, run)
        if standing.now.at_rest:
            return pilot.tell(standing)
        _check_secrets(standing, start)
        taken = await pilot.adopt(run, (), start.secret_inputs)
        if taken is not None:
            return taken
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{run} changes hands without end")


def _check_secrets(standing: Standing, start: Start) -> None:
    """The run is the same if it goes on with the same."""
    created = standing.state.created
    assert created is not None, "the first fact of a run is that it was created"
    missing = set(needed_again(standing.plan, created)) - start.secret_inputs.keys()
    if missing:
        raise given_before(sorted(missing))
