"""The inbox cannot be read for a while, or for good: no order that was acknowledged is lost, and nobody waits in silence."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import httpx
import pytest

from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.errors import StoreError
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from mock_services.app import MockServices, create_app
from tests.lives.simdisk import Operation, SimDisk
from tests.lives.stage import TRIP, workflow
from tests.lives.starting import PROJECT, STORE, resumed, to_rest
from tests.lives.virtual import VirtualClock, run_virtually

PLAN = workflow("trip.yaml")
OFTEN = 1 << 30


class DeafInbox:
    """So many operations of a kind in the inbox fail, once there is an order in it."""

    def __init__(self, kind: str, times: int) -> None:
        self.kind, self.left, self.struck, self.begun = kind, times, 0, False

    def see(self, when: str, operation: Operation) -> None:
        inbox = STORE / "inbox"
        mine = operation.kind == self.kind and inbox in (operation.path, operation.path.parent)
        if self.begun and mine and when == "before" and self.left:
            self.left -= 1
            self.struck += 1
            raise OSError(errno.EIO, "no", str(operation.path))


async def cancelled(app: MockServices, disk: SimDisk, deaf: DeafInbox) -> str:
    """A run whose charge takes eight seconds is cancelled after one."""
    store = FileStore(STORE, disk, offload=Inline())
    network = Http(httpx.ASGITransport(app=app))
    async with Engine(store, network, PROJECT, VirtualClock()) as engine:
        running = asyncio.create_task(to_rest(engine, PLAN, inputs=TRIP))
        await asyncio.sleep(1)
        other = FileStore(STORE, disk, offload=Inline(), read_only=True)
        await other.send("run-1", Order("cancel", actor="ada").to_json())
        disk.hook, deaf.begun = deaf.see, True
        return (await running).progress.state


def slow(seconds: int) -> MockServices:
    app = create_app()
    delay = f"delay:{seconds}s"
    app.faults.add(
        {"service": "payments", "method": "POST", "path": "/*", "fault": delay, "times": 1}
    )
    return app


@pytest.mark.parametrize("kind", ["list", "open", "read"])
@pytest.mark.parametrize("times", [1, 5])
def test_an_order_that_cannot_be_read_at_once_is_read_later(kind: str, times: int) -> None:
    app, deaf = slow(8), DeafInbox(kind, times)
    state = run_virtually(cancelled(app, SimDisk(), deaf))
    assert deaf.struck == times
    assert state == "cancelled"
    assert list(app.ledger.left_behind("cancelled")) == []


@pytest.mark.parametrize("kind", ["list", "open", "read"])
def test_who_cannot_hear_for_good_says_so_and_the_next_process_obeys(kind: str) -> None:
    # given a run that would wait for its answer for long
    app, disk, deaf = slow(25), SimDisk(), DeafInbox(kind, OFTEN)

    async def story() -> tuple[float, str]:
        begun = VirtualClock().now()
        with pytest.raises(StoreError) as refusal:
            await cancelled(app, disk, deaf)
        took = VirtualClock().now() - begun
        assert (refusal.value.code, refusal.value.exit_code) == ("F200", 74)
        assert refusal.value.help
        await asyncio.sleep(60)  # what had reached the services takes its effect
        return took, await gone_on_with(app, disk.killed())

    # when
    took, state = run_virtually(story())
    # then
    assert deaf.struck
    assert took < 20, "it waited in silence"
    assert state == "cancelled"
    assert list(app.ledger.left_behind("cancelled")) == []


def test_an_order_for_a_run_at_rest_is_obeyed_though_its_facts_cannot_be_read_at_once() -> None:
    # given a run that is stuck in a living process
    app, disk = create_app(), SimDisk()
    path, refuse = "/reservations/*", "refuse:409"
    app.faults.add(
        {"service": "flights", "method": "DELETE", "path": path, "fault": refuse, "times": 1}
    )
    struck: list[Path] = []

    def hook(when: str, operation: Operation) -> None:
        mine = operation.kind == "read" and operation.path.parent.name == "journals"
        if (when, mine, len(struck) < 3) == ("before", True, True):
            struck.append(operation.path)
            raise OSError(errno.EIO, "no", str(operation.path))

    async def story() -> str:
        store = FileStore(STORE, disk, offload=Inline())
        inputs = {**TRIP, "card": "tok_declined"}
        network = Http(httpx.ASGITransport(app=app))
        async with Engine(store, network, PROJECT, VirtualClock()) as engine:
            assert (await to_rest(engine, PLAN, inputs=inputs)).progress.state == "stuck"
            # when the disk fails as somebody tells it to go on
            other = FileStore(STORE, disk, offload=Inline(), read_only=True)
            await other.send("run-1", Order("retry", actor="ada").to_json())
            disk.hook = hook
            await asyncio.sleep(5)
            return {run.run: run.ended for run in await store.list()}["run-1"]

    # then
    assert run_virtually(story()) == "compensated"
    assert len(struck) == 3
    assert list(app.ledger.left_behind("compensated")) == []


async def gone_on_with(app: MockServices, disk: SimDisk) -> str:
    store = FileStore(STORE, disk, offload=Inline())
    async with Engine(store, Http(httpx.ASGITransport(app=app)), PROJECT, VirtualClock()) as engine:
        result = await resumed(engine, "run-1")
        assert result is not None
        return result.progress.state
