"""`--id` and `--event`: a run that starts once. Asked for again, it is followed, taken over, or its end is told."""

from __future__ import annotations

import asyncio

from flowdsl.cli.drive import Pilot
from flowdsl.cli.runs import run_of
from flowdsl.codes import Code
from flowdsl.engine.project import Start
from flowdsl.engine.sign import event_run
from flowdsl.engine.wanting import given_before
from flowdsl.errors import InputError
from flowdsl.saga.run import Run
from flowdsl.saga.secret_inputs import needed_again
from flowdsl.world.store.summary import Claim

PAUSE_SECONDS = 0.05
TRIES_MAX = 100  # how often a run may change hands under our eyes


async def start_once(pilot: Pilot, start: Start) -> Run:
    """The run of this id, started here if nobody has. Other inputs under the same id: an error."""
    return await _start(pilot, start, await pilot.store.claim(start.created.run, start.fingerprint))


async def start_by_event(pilot: Pilot, start: Start) -> Run:
    """The run of this event, started here if nobody has."""
    store = pilot.store
    assert start.event is not None, "an event starts it"
    event = event_run(store.key, start.plan.name, *start.event)
    if not start.is_named:
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


async def _start(pilot: Pilot, start: Start, claim: Claim) -> Run:
    if claim is Claim.MINE:
        return await pilot.start(start)
    pilot.display.message(f"{start.created.run} was started before: this is the same run")
    return await attach(pilot, start)


async def attach(pilot: Pilot, start: Start) -> Run:
    name = start.created.run
    for _ in range(TRIES_MAX):
        if await pilot.store.is_driven(name):
            followed = await pilot.follow(name)
            if followed.rests:
                return followed.run
            pilot.display.message("its driver is gone: this process takes the run over")
        run = await run_of(pilot.store, name)
        if run.progress.at_rest:
            return pilot.tell(run)
        _check_secrets(run, start)
        taken = await pilot.adopt(name, (), start.secret_inputs)
        if taken is not None:
            return taken
        await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError(f"{name} changes hands without end")


def _check_secrets(run: Run, start: Start) -> None:
    """The run is the same if it goes on with the same."""
    missing = set(needed_again(run.plan, run.created)) - start.secret_inputs.keys()
    if missing:
        raise given_before(sorted(missing))
