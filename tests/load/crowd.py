"""One process that holds very many runs open at once, or takes them all over. It prints how it fares, a line of JSON a second."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from flowdsl.engine.engine import Engine
from flowdsl.engine.follow import TurnSeen
from flowdsl.engine.project import Project
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.run import Run
from flowdsl.world.clock import SystemClock
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from tests.lives.starting import to_rest

ORDER = """\
flowdsl: 1
name: order
inputs: {{ due: number }}
services:
  shop: {{ url: {url}, idempotency: 24h }}
steps:
  - id: hold
    call: POST shop/holds
    body: {{ reference: "${{run.id}}" }}
    compensate: DELETE shop/holds/${{run.id}}
  - wait_until: ${{inputs.due}}
  - id: charge
    call: POST shop/charges
    body: {{ reference: "${{run.id}}" }}
    compensate: DELETE shop/charges/${{run.id}}
"""
HOUR = 3600
AT_A_TIME = 128  # runs that are on their way to their wait


@dataclass(slots=True)
class Crowd:
    """`open_now` are runs that were begun, or taken over, and have not ended; `waited` those that have come to their wait."""

    open_now: int = 0
    waited: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_TIME))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def watch(self, turned: TurnSeen) -> None:
        # Where there is nothing to wait for any more, it is as far as it would be.
        run = turned.run
        if run.id not in self.waited and run.progress.state != "running":
            self.waited.add(run.id)
            self.gate.release()

    def count(self, task: asyncio.Task[Run]) -> None:
        result = task.result()
        self.ended[result.state.ended or "-"] += 1
        self.waited.discard(result.id)
        self.open_now -= 1
        self.changed.set()

    def say(self) -> None:
        now = {"open": self.open_now, "waiting": len(self.waited), "mib": resident_mib()}
        now |= {"descriptors": len(list(Path("/proc/self/fd").iterdir())), "at": time.monotonic()}
        print(json.dumps(now | {"ended": self.ended}), flush=True)

    async def report(self) -> None:
        while True:
            self.say()
            await asyncio.sleep(1)


async def gather(crowd: Crowd, engine: Engine, plan: Plan, size: int) -> None:
    """As soon as one ends the next begins, until the process is killed."""
    number = 0
    while True:
        while crowd.open_now < size:
            await crowd.gate.acquire()
            number += 1
            crowd.open_now += 1
            stays = number <= size and number % 4 > 0
            task = asyncio.create_task(to_rest(engine, plan, f"order-{number}", due(number, stays)))
            task.add_done_callback(crowd.count)
        crowd.changed.clear()
        await crowd.changed.wait()


def due(number: int, stays: bool) -> dict[str, Json]:
    """Of the first, three in four wait for what is an hour away; the others, and all after them, come and go."""
    return {"due": int(time.time()) + (HOUR if stays else random.Random(number).randint(5, 45))}


class HourLater(SystemClock):
    """Of a machine that was off for so long."""

    def now(self) -> float:
        return super().now() + HOUR


async def take_over(crowd: Crowd, engine: Engine) -> None:
    taken = (await engine.adopt()).taken
    crowd.open_now = len(taken)

    async def rest(run: str) -> Run:
        return await (await engine.attach(run)).rest()

    driving = [asyncio.create_task(rest(run)) for run in taken]
    for task in driving:
        task.add_done_callback(crowd.count)
    await asyncio.gather(*driving)


async def main(words: Sequence[str]) -> None:
    folder, *rest = words
    crowd = Crowd()
    store, clock = FileStore(Path(folder)), SystemClock() if rest else HourLater()
    network = Http()
    engine = Engine(store, network, Project(), clock, watch=crowd.watch)
    async with aclosing(network), engine:
        crowd.say()
        reporting = asyncio.create_task(crowd.report())
        if rest:
            url, size = rest
            plan = compile_plan(ORDER.format(url=url), "order.yaml")
            await gather(crowd, engine, plan, int(size))
        else:
            await take_over(crowd, engine)
        reporting.cancel()
        crowd.say()


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
