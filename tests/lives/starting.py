"""Runs for tests: prepared as a program prepares them, under an id that the test has chosen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from flowdsl.engine.engine import Engine
from flowdsl.engine.handle import Handle
from flowdsl.engine.orders import Order
from flowdsl.engine.project import Project, Start
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.run import Run

MOCK_URL = "http://mock"
STORE = Path("/store")
PROJECT = Project(environment={"DEMO_URL": MOCK_URL})
NOTHING: Mapping[str, Json] = {}


def prepared(
    plan: Plan,
    run: str = "run-1",
    inputs: Mapping[str, Json] = NOTHING,
    *,
    project: Project = PROJECT,
    key: str = "",
) -> Start:
    """`key` instead of what its file says. The id is as good as drawn: it is not claimed."""
    start = project.prepare(plan, inputs).named(run)
    return replace(start, created=replace(start.created, key=key)) if key else start


async def begin(
    engine: Engine,
    plan: Plan,
    run: str = "run-1",
    inputs: Mapping[str, Json] = NOTHING,
    *,
    key: str = "",
) -> Handle:
    return await engine.start(prepared(plan, run, inputs, project=engine.project, key=key))


async def to_rest(
    engine: Engine,
    plan: Plan,
    run: str = "run-1",
    inputs: Mapping[str, Json] = NOTHING,
    *,
    key: str = "",
) -> Run:
    """A new run, driven until it is at rest."""
    return await (await begin(engine, plan, run, inputs, key=key)).rest()


async def resumed(
    engine: Engine,
    run: str,
    *orders: Order,
    secret_inputs: Mapping[str, str] | None = None,
) -> Run | None:
    """A run taken over and driven until it is at rest, with these orders. None where another process drives it."""
    handle = await engine.attach(run, drive=not orders, secret_inputs=secret_inputs or {})
    if handle.driver == "another":
        return None
    for order in orders:
        await engine.tell(run, order)
    return await handle.rest()


async def adopted(engine: Engine) -> tuple[list[Run], Mapping[str, str]]:
    """Every run that nobody drives, taken over and driven until it is at rest; and which were left, with the reasons."""
    found = await engine.adopt()
    return [await (await engine.attach(run)).rest() for run in found.taken], found.left
