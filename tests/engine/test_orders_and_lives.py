"""Orders that come while nobody drives the run, or several at once; and runs that go on when their starter has ended."""

from __future__ import annotations

import asyncio

import httpx

from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Event, Resumed
from flowdsl.world.network.http import Http
from flowdsl.world.store.memory import KeptRun, Memory, MemoryStore
from flowdsl.world.store.summary import Closing, Ordered
from mock_services.app import create_app
from tests.conftest import Counts
from tests.lives.constructs import APPROVED, constructs
from tests.lives.stage import TRIP, workflow
from tests.lives.starting import PROJECT, to_rest
from tests.lives.theatre import Theatre
from tests.lives.virtual import VirtualClock, run_virtually


def test_what_was_said_while_nobody_drove_it_outlives_the_next_crash(counts: Counts) -> None:
    """The command is in the inbox until what it means is in the journal."""
    scene = constructs()["wait_for"]

    def theatre() -> Theatre:
        return Theatre(scene.plan, orders=((5.0, APPROVED),), killed=True, gap_seconds=6.0)

    points = theatre().play(3.0).points[1]
    assert points > 10
    for point in range(1, points + 1):
        played = theatre().play(3.0, point)
        played.judge()
        assert played.state == "succeeded", f"died while it waited, and at {point}"
        assert len(played.acknowledged) == 1
    counts.add("crashes after a signal that nobody heard at first", points)


def test_two_orders_at_once_wake_a_run_once() -> None:
    app = create_app()
    undo = {"service": "flights", "method": "DELETE", "path": "/reservations/*"}
    app.faults.add({**undo, "fault": "refuse:409", "times": 1})

    events, ended = run_virtually(_stuck_then_retried_twice(app))

    assert ended == "compensated"
    epochs = [event.epoch for event in events if isinstance(event, Resumed)]
    assert len(epochs) == len(set(epochs)), f"two drove it at once: {epochs}"


async def _stuck_then_retried_twice(app: object) -> tuple[list[Event], str]:
    plan = workflow("trip.yaml")
    memory = Memory()
    network = Http(httpx.ASGITransport(app=app))  # type: ignore[arg-type]
    inputs = {**TRIP, "card": "tok_declined"}
    async with Engine(MemoryStore(memory), network, PROJECT, VirtualClock()) as engine:
        result = await to_rest(engine, plan, inputs=inputs)
        assert result.progress.state == "stuck"
        other = MemoryStore(memory)
        for actor in ("ada", "bob"):
            await other.send("run-1", Order("retry", actor=actor).to_json())
        await asyncio.sleep(30)
        assert not memory.inbox
    kept = memory.runs["run-1"]
    return kept.events, kept.ended


HEAD = """\
flowdsl: 1
name: {name}
services:
  flights: {{ url: 'http://mock/flights', idempotency: 24h }}
steps:
  - wait: 2s
  - call: POST flights/reservations
    body: {{ flight: {name} }}
    compensate: none
"""


def test_a_detached_run_of_a_detached_run_goes_on_to_its_end() -> None:
    memory = run_virtually(_three_generations())
    ends = {kept.events[0].workflow: kept.ended for kept in memory.runs.values()}  # type: ignore[union-attr]
    assert ends == {"parent": "succeeded", "child": "succeeded", "grandchild": "succeeded"}


async def _three_generations() -> Memory:
    files = [
        (
            "child.yaml",
            HEAD.format(name="child") + "  - uses: ./grandchild.yaml\n    detach: true\n",
        ),
        ("grandchild.yaml", HEAD.format(name="grandchild")),
    ]
    text = HEAD.format(name="parent") + "  - uses: ./child.yaml\n    detach: true\n"
    plan: Plan = compile_plan(text, "parent.yaml", files)
    memory = Memory()
    network = Http(httpx.ASGITransport(app=create_app()))
    async with Engine(MemoryStore(memory), network, PROJECT, VirtualClock()) as engine:
        await to_rest(engine, plan)
    return memory


class Slow(MemoryStore):
    """Takes its time to write the document of a run that has ended."""

    async def finish(self, run: str, closing: Closing | None = None) -> None:
        await asyncio.sleep(2)
        await MemoryStore.finish(self, run, closing)


def test_an_order_that_comes_while_the_run_is_put_away_changes_nothing() -> None:
    kept, inbox = run_virtually(_cancelled_while_put_away())
    assert inbox == []
    assert kept.ended == "succeeded"
    assert not any(isinstance(event, Resumed) for event in kept.events)


async def _cancelled_while_put_away() -> tuple[KeptRun, list[Ordered]]:
    plan = workflow("trip.yaml")
    memory = Memory()
    network = Http(httpx.ASGITransport(app=create_app()))
    async with Engine(Slow(memory), network, PROJECT, VirtualClock()) as engine:
        running = asyncio.create_task(to_rest(engine, plan, inputs=TRIP))
        await asyncio.sleep(1)
        await MemoryStore(memory).send("run-1", Order("cancel").to_json())
        await running
        await asyncio.sleep(1)
    return memory.runs["run-1"], memory.inbox
