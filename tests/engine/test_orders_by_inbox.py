"""A run that is stuck in a process that goes on living hears of the orders that another process leaves for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx

from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.world.network.http import Http
from flowdsl.world.store.memory import Memory, MemoryStore
from mock_services.app import MockServices, create_app
from tests.contract.sagas import PAY_AND_FAIL, saga
from tests.lives.stage import TRIP, workflow
from tests.lives.starting import PROJECT, to_rest
from tests.lives.virtual import VirtualClock, run_virtually

FLIGHT = """
- id: flight
  call: POST flights/reservations
  body: { flight: mine }
  compensate:
    call: DELETE flights/reservations/${flight.id}
    body: { pin: "${inputs.pin}" }
"""


def test_a_stuck_run_of_a_living_process_obeys() -> None:
    app = create_app()
    stuck = {
        "service": "flights",
        "method": "DELETE",
        "path": "/reservations/*",
        "fault": "refuse:409",
    }
    app.faults.add({**stuck, "times": 1})

    plan = workflow("trip.yaml")
    inputs = {**TRIP, "card": "tok_declined"}
    state = run_virtually(_stuck_then_retried(app, plan, inputs))

    assert app.faults.faults[0].fired == 1
    assert state == "compensated"
    assert list(app.ledger.left_behind("compensated")) == []


async def _stuck_then_retried(app: MockServices, plan: Plan, inputs: Mapping[str, Json]) -> str:
    memory = Memory()
    network = Http(httpx.ASGITransport(app=app))
    async with Engine(MemoryStore(memory), network, PROJECT, VirtualClock()) as engine:
        result = await to_rest(engine, plan, inputs=inputs)
        assert result.progress.state == "stuck"

        other = MemoryStore(memory)
        await other.start()
        await other.send("run-1", Order("retry", actor="ada").to_json())
        await asyncio.sleep(60)

        ended = {run.run: run.ended for run in await other.list()}["run-1"]
        await other.close()
    return ended


def test_it_still_knows_the_secrets_that_it_was_given() -> None:
    app = create_app()
    undo = {"service": "flights", "method": "DELETE", "path": "/reservations/*"}
    app.faults.add({**undo, "fault": "refuse:422", "times": 1})

    plan = saga(FLIGHT + PAY_AND_FAIL, head="inputs: { pin: { type: string, secret: true } }")
    given: dict[str, Json] = {"pin": "4711-and-more"}
    assert run_virtually(_stuck_then_retried(app, plan, given)) == "compensated"
    assert app.faults.faults[0].fired == 1
    undone = [logged for logged in app.requests if logged.method == "DELETE"]
    assert [logged.body for logged in undone] == [b'{"pin":"4711-and-more"}'] * 2


def test_what_is_no_order_is_dropped_and_those_after_it_are_obeyed() -> None:
    app = create_app()
    app.faults.add(
        {"service": "payments", "method": "POST", "path": "/*", "fault": "delay:8s", "times": 1}
    )

    left, ended = run_virtually(_rubbish_then_cancelled(app))

    assert app.faults.faults[0].fired == 1
    assert left == []
    assert ended == "cancelled"


async def _rubbish_then_cancelled(app: MockServices) -> tuple[list[str], str]:
    plan = workflow("trip.yaml")
    memory = Memory()
    network = Http(httpx.ASGITransport(app=app))
    async with Engine(MemoryStore(memory), network, PROJECT, VirtualClock()) as engine:
        running = asyncio.create_task(to_rest(engine, plan, inputs=TRIP))
        await asyncio.sleep(1)
        other = MemoryStore(memory)
        rubbish: list[Json] = [[], {"kind": "erase"}, {"kind": "skip", "step": 1}]
        for each in rubbish:
            await other.send("run-1", each)
        await other.send("run-1", Order("cancel", actor="ada").to_json())
        result = await running
        return [each.order_id for each in memory.inbox], result.progress.state
