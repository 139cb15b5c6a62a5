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
from flowdsl.saga.events import Created
from flowdsl.world.http import Http
from flowdsl.world.offload import Inline
from flowdsl.world.store import FileStore
from mock_services.app import MockServices, create_app
from tests.contract.sagas import reserve, saga
from tests.simdisk import SimDisk
from tests.virtual import EPOCH, VirtualClock, run_virtually

STORE = Path("/store")
PLAN = saga(reserve("flight") + "- id: yes\n  wait_for: approve\n  timeout: 1h\n")


async def waits_on_a_disk_that_fails(
    disk: SimDisk, app: MockServices, *, lasting: bool
) -> tuple[Result, float]:
    """It fails at second 5; somebody cancels at second 10. What it comes to, and when."""
    network = Http(httpx.ASGITransport(app=app))
    created = Created("run-1", PLAN.name, PLAN.digest, EPOCH, {}, {}, {})
    async with Engine(FileStore(STORE, disk, offload=Inline()), network, VirtualClock()) as engine:
        running = asyncio.create_task(engine.run(PLAN, created))
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
        network = Http(httpx.ASGITransport(app=app))
        store = FileStore(STORE, disk, offload=Inline())
        async with Engine(store, network, VirtualClock()) as engine:
            result = await engine.resume("run-1", orders=[Order("cancel")])
        assert result is not None
        return result.now.state

    assert run_virtually(cancelled(disk.killed())) == "cancelled"
    assert list(app.ledger.left_behind("cancelled")) == []
