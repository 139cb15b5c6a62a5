"""The trip, as flowdsl runs it and as a bare loop sends it: the same eight calls over the same transport."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from flowdsl.engine.engine import Engine
from flowdsl.engine.project import Project
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer
from flowdsl.world.network.http import Http

WORKFLOW = Path(__file__).parents[1] / "workflows" / "trip.yaml"
KEY = "fd1-0123456789012345678901234567890123456789"
INPUTS: dict[str, Json] = {
    "flight": "LH-454",
    "hotel": "Savoy",
    "car": "compact",
    "nights": 2,
    "card": "tok_visa",
    "email": "ada@example.com",
}
RESERVED = ("flights", "hotels", "cars")


def plan() -> Plan:
    return compile_plan(WORKFLOW.read_text(), str(WORKFLOW))


async def bare(network: Http, url: str) -> None:
    """What a careful person would write by hand, without any memory."""

    async def call(path: str, body: str | None = None) -> None:
        headers = (("Content-Type", ("application/json",)), ("Idempotency-Key", (KEY,)))
        request = Request("POST", url + path, headers, None if body is None else (body,))
        seen = await network.send(request, secrets={}, timeout_seconds=10, fresh=False)
        assert isinstance(seen, Answer)

    body = '{"flight":"LH-454","reference":"book-trip-abcdefghij"}'
    await asyncio.gather(*(call(f"/{service}/reservations", body) for service in RESERVED))
    await call("/payments/charges", body)
    await asyncio.gather(*(call(f"/{service}/reservations/r-1/confirm") for service in RESERVED))
    await call("/mail/messages", body)


def durable(engine: Engine, plan: Plan, url: str) -> Callable[[int], Awaitable[None]]:
    project = Project(environment={"DEMO_URL": url})

    async def trip(_: int) -> None:
        handle = await engine.start(project.prepare(plan, INPUTS))
        result = await handle.rest()
        assert result.progress.state == "succeeded", result.progress.state

    return trip


async def per_second(
    work: Callable[[int], Awaitable[None]], first: int, total: int, width: int
) -> float:
    """How many a second, with so many at a time, each begun when one has ended."""
    numbers = iter(range(first, first + total))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    loop = asyncio.get_running_loop()
    begin = loop.time()
    await asyncio.gather(*(worker() for _ in range(width)))
    return total / (loop.time() - begin)
