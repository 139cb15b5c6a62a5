"""One process with many trips at once, for tests that kill it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from flowdsl.engine.engine import Engine
from flowdsl.engine.project import Project
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from tests.lives.starting import to_rest


async def drive(plan: Plan, store: Path, url: str, runs: int) -> None:
    inputs: dict[str, Json] = {"flight": "LH-454", "hotel": "Savoy", "car": "compact"}
    inputs |= {"nights": 1, "card": "tok_visa", "email": "ada@example.com"}
    project = Project(environment={"DEMO_URL": url})
    async with Engine(FileStore(store), Http(), project) as engine:
        await asyncio.gather(*(to_rest(engine, plan, f"many-{n}", inputs) for n in range(runs)))


if __name__ == "__main__":
    file = Path(sys.argv[1])
    plan = compile_plan(file.read_text(), str(file))
    asyncio.run(drive(plan, Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
