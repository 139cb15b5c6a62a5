"""One of many processes on a store: it starts runs, takes over what the dead leave, and writes down what it drives."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import aclosing
from pathlib import Path

from flowdsl.engine.engine import Engine
from flowdsl.engine.follow import TurnSeen
from flowdsl.engine.project import Project
from flowdsl.errors import StoreError
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from tests.lives.starting import begin

PAUSE_SECONDS = 0.1
OTHERS_ARE_AT_IT = "F210"


class Diary:
    """A line for each turn of each run, after it is on disk: when, who, which run, under which epoch, and how it ended."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def note(self, turned: TurnSeen) -> None:
        if turned.facts:
            run, state = turned.run.id, turned.run.state
            words = (time.monotonic_ns(), os.getpid(), run, state.epoch, state.ended or "-")
            os.write(self._handle, f"{' '.join(map(str, words))}\n".encode())


async def work(plan: Plan, store: Path, url: str, name: str, runs: int) -> None:
    diary, stop = Diary(store.with_suffix(".diary")), store.with_suffix(".stop")
    inputs: dict[str, Json] = {"flight": "LH-454", "hotel": "Savoy", "car": "compact"}
    inputs |= {"nights": 1, "card": "tok_visa", "email": "ada@example.com"}
    project = Project(environment={"DEMO_URL": url})
    async with (
        aclosing(Http()) as network,
        Engine(FileStore(store), network, project, watch=diary.note) as engine,
    ):
        await asyncio.gather(*(begin(engine, plan, f"{name}-{n}", inputs) for n in range(runs)))
        while not stop.exists():
            try:
                await engine.adopt()
            except StoreError as error:
                if error.code != OTHERS_ARE_AT_IT:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    file, store, url, name, runs = sys.argv[1:]
    plan = compile_plan(Path(file).read_text(), file)
    asyncio.run(work(plan, Path(store), url, name, int(runs)))
