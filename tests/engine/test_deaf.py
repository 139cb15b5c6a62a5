"""A process that cannot look into its inbox: it hears again when it can, and does not go on deaf for ever."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import httpx
import pytest

from flowdsl.engine.engine import Engine, Result
from flowdsl.engine.orders import Order
from flowdsl.errors import StoreError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created
from flowdsl.world.http import Http
from flowdsl.world.offload import Inline
from flowdsl.world.store import FileStore
from mock_services.app import MockServices, create_app
from tests.contract.sagas import PAY_AND_FAIL, reserve, saga
from tests.simdisk import SimDisk
from tests.virtual import EPOCH, VirtualClock, run_virtually

STORE = Path("/store")
PLAN = saga(reserve("flight") + "- id: yes\n  wait_for: approve\n  timeout: 1h\n")


def engine_on(disk: SimDisk, app: MockServices) -> Engine:
    network = Http(httpx.ASGITransport(app=app))
    return Engine(FileStore(STORE, disk, offload=Inline()), network, VirtualClock())


def created(plan: Plan) -> Created:
    return Created("run-1", plan.name, plan.digest, EPOCH, {}, {}, {})


async def waits_on_a_disk_that_fails(
    disk: SimDisk, app: MockServices, *, lasting: bool
) -> tuple[Result, float]:
    """It fails at second 5; somebody cancels at second 10. What it comes to, and when."""
    async with engine_on(disk, app) as engine:
        running = asyncio.create_task(engine.run(PLAN, created(PLAN)))
        await asyncio.sleep(5)
        disk.fail("list", 1, errno.EIO, lasting=lasting)
        await asyncio.sleep(5)
        if not running.done():
            outside = FileStore(STORE, disk, offload=Inline())
            await outside.start()
            await outside.send("run-1", Order("cancel").to_json())
            await outside.close()
        result = await running
        return result, asyncio.get_running_loop().time()


def test_what_is_ordered_after_a_look_that_failed_is_heard() -> None:
    disk, app = SimDisk(), create_app()
    result, ended = run_virtually(waits_on_a_disk_that_fails(disk, app, lasting=False))
    assert result.now.state == "cancelled"
    assert ended < 15
    assert list(app.ledger.left_behind("cancelled")) == []


def test_a_process_that_stays_deaf_says_so_and_its_run_can_be_gone_on_with() -> None:
    disk, app = SimDisk(), create_app()
    with pytest.raises(StoreError) as failed:
        run_virtually(waits_on_a_disk_that_fails(disk, app, lasting=True))
    assert failed.value.code
    assert failed.value.help

    async def cancelled(disk: SimDisk) -> str:
        async with engine_on(disk, app) as engine:
            result = await engine.resume("run-1", orders=[Order("cancel")])
        assert result is not None
        return result.now.state

    assert run_virtually(cancelled(disk.killed())) == "cancelled"
    assert list(app.ledger.left_behind("cancelled")) == []


@pytest.mark.parametrize("kind", ["list", "open", "status", "read"])
def test_an_order_that_could_not_be_read_at_once_is_heard_with_those_beside_it(kind: str) -> None:
    async def life() -> Result:
        async with engine_on(disk, app) as engine:
            running = asyncio.create_task(engine.run(PLAN, created(PLAN)))
            await asyncio.sleep(5)
            outside = FileStore(STORE, disk, offload=Inline())
            await outside.start()
            await outside.send("run-1", Order("signal", step="approve", body=1).to_json())
            await outside.send("run-1", Order("cancel").to_json())
            struck.append(disk.count(kind))
            disk.fail(kind, 1 if kind == "list" else 2, errno.EIO)
            await outside.close()
            return await running

    disk, app, struck = SimDisk(), create_app(), list[int]()
    result = run_virtually(life())
    assert disk.count(kind) > struck[0]
    assert len(result.state.signals) == 1, "the first of the two"
    assert result.now.state in ("cancelled", "succeeded")


@pytest.mark.parametrize(
    ("kind", "code"), [("write", errno.ENOSPC), ("read", errno.EIO), ("list", errno.EIO)]
)
@pytest.mark.parametrize("first", range(1, 9))
def test_a_stuck_run_is_woken_once_the_disk_has_room_or_answers_again(
    kind: str, code: int, first: int
) -> None:
    """It may fail before the order is a fact, and after."""
    plan = saga(reserve("flight") + PAY_AND_FAIL)
    disk, app = SimDisk(), create_app()
    undo = {"service": "flights", "method": "DELETE", "path": "/reservations/*"}
    app.faults.add({**undo, "fault": "refuse:422", "times": 1})

    async def life() -> dict[str, str]:
        async with engine_on(disk, app) as engine:
            result = await engine.run(plan, created(plan))
            assert result.now.state == "stuck"
            outside = FileStore(STORE, disk, offload=Inline())
            await outside.start()
            await outside.send("run-1", Order("retry", "flight").to_json())
            for number in range(first, first + (1 if kind == "list" else 3)):
                disk.fail(kind, number, code)
            await outside.close()
            await asyncio.sleep(60)
            return {summary.run: summary.ended for summary in engine.store.list()}

    assert run_virtually(life()) == {"run-1": "compensated"}
    assert list(app.ledger.left_behind("compensated")) == []
