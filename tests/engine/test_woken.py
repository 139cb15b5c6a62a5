"""A run that is stuck in a process that goes on living, and an order for it that comes when the disk is full or fails."""

from __future__ import annotations

import asyncio
import errno

import httpx
import pytest

from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from mock_services.app import MockServices, create_app
from tests.contract.sagas import PAY_AND_FAIL, reserve, saga
from tests.lives.simdisk import SimDisk
from tests.lives.starting import PROJECT, STORE, to_rest
from tests.lives.virtual import VirtualClock, run_virtually


def engine_on(disk: SimDisk, app: MockServices) -> Engine:
    network = Http(httpx.ASGITransport(app=app))
    return Engine(FileStore(STORE, disk, offload=Inline()), network, PROJECT, VirtualClock())


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
            result = await to_rest(engine, plan)
            assert result.progress.state == "stuck"
            outside = FileStore(STORE, disk, offload=Inline())
            await outside.start()
            await outside.send("run-1", Order("retry", "flight").to_json())
            for number in range(first, first + (1 if kind == "list" else 3)):
                disk.fail(kind, number, code)
            await outside.close()
            await asyncio.sleep(60)
            return {summary.run: summary.ended for summary in await engine.store.list()}

    assert run_virtually(life()) == {"run-1": "compensated"}
    assert list(app.ledger.left_behind("compensated")) == []
