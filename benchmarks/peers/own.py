"""flowdsl: `workflows/trip.yaml`, the engine in this process, a store on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.trip import INPUTS, plan
from flowdsl.engine.engine import Engine
from flowdsl.engine.project import Project
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore

IS_CLIENT = False


class Contender:
    def __init__(self, url: str, folder: str) -> None:
        self.network, self.plan = Http(), plan()
        self.project = Project(environment={"DEMO_URL": url})
        self.engine = Engine(FileStore(Path(folder) / "store"), self.network, Project())

    async def start(self) -> list[int]:
        await self.engine.__aenter__()
        return []

    async def run(self, _trip: str) -> None:
        handle = await self.engine.start(self.project.prepare(self.plan, INPUTS))
        assert (await handle.rest()).progress.state == "succeeded"

    async def submit(self, _trip: str) -> None:
        await self.engine.start(self.project.prepare(self.plan, INPUTS))

    async def recover(self) -> None:
        async def rest(run: str) -> None:
            await (await self.engine.attach(run)).rest()

        await asyncio.gather(*(rest(run) for run in (await self.engine.adopt()).taken))

    async def stop(self) -> None:
        await self.engine.__aexit__(None, None, None)
        await self.network.aclose()
