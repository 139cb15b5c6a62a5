"""The disk runs full while a run goes on: nothing new is sent, no answer is lost, and with room again it goes on."""

from __future__ import annotations

import errno

import pytest

from flowdsl.errors import DiskFull, StoreError
from flowdsl.saga.events import Finished, Started
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from tests.conftest import Counts
from tests.lives.machine import RUN, OneRun
from tests.lives.stage import TRIP, workflow
from tests.lives.starting import STORE
from tests.lives.virtual import at_once


@pytest.mark.parametrize("declined", [False, True])
@pytest.mark.parametrize("refusal", [None, errno.EBADF], ids=["allocated", "written"])
def test_a_full_disk_loses_nothing(
    counts: Counts, refusal: int | None, *, declined: bool, full: bool
) -> None:
    inputs = {**TRIP, "card": "tok_declined"} if declined else TRIP
    plan = workflow("trip.yaml")
    struck = 0
    for capacity in range(262_144 + 4_000, 262_144 + 24_000, 97 if full else 487):
        one = OneRun(plan, inputs)
        one.disk.capacity, one.disk.refusal = capacity, refusal
        failure = _failure_of(one)
        if failure is not None:
            assert failure.exit_code == 74
            struck += isinstance(failure, DiskFull)
            assert _answers_kept(one) == len(one.app.requests), "an answer was lost"
            one.disk.capacity = None
            one.kill()
        result, _ = one.live()
        assert result is not None
        one.judge(result)
    assert struck > 5, "the disk was never full while the run went on"
    counts.add("disks that ran full under a run", struck)


def _failure_of(one: OneRun) -> StoreError | None:
    """What the disk's trouble made of the run; None where there was room for all of it."""
    try:
        one.live()
    except StoreError as error:
        return error
    return None


def _answers_kept(one: OneRun) -> int:
    """How many of the requests that were sent have their answer in the store, as the next process finds it."""
    store = FileStore(STORE, one.disk.killed(), offload=Inline(), read_only=True)
    if RUN not in {summary.run for summary in at_once(store.list())}:
        return 0
    events = [recorded.event for recorded in at_once(store.events(RUN))]
    started = sum(isinstance(event, Started) for event in events)
    finished = sum(isinstance(event, Finished) for event in events)
    assert started == finished
    return finished
