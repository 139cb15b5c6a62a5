"""Runs that start with an id, beside runs that start without one: what the claims cost."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

from flowdsl.engine.engine import Engine
from flowdsl.language import Source, load
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created
from flowdsl.world.network.http import Http
from flowdsl.world.store.claims import fingerprint_of
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.summary import Claim

PLAN = load(Source("w.yaml", "flowdsl: 1\nname: waits\nsteps:\n  - wait: 1h\n"))
STARTS, STARTS_FULL = 100, 1_000
ROUNDS = 5


async def seconds(folder: Path, count: int, *, claimed: bool) -> float:
    """Of the processor, until the first facts of all of them are durable: a busy machine does not change it. That they share their
    syncs is a claim of `tests/world/test_claims.py`."""
    created = [
        Created(f"run-{number}", PLAN.name, PLAN.digest, 1.0, {}, {}, {}) for number in range(count)
    ]
    async with aclosing(Http()) as network, Engine(FileStore(folder), network) as engine:
        begun, all_there = 0, asyncio.Event()

        def watch(_: object) -> None:
            nonlocal begun
            begun += 1
            if begun == count:
                all_there.set()

        async def start(plan: Plan, first: Created) -> None:
            if claimed:
                claim = await engine.store.claim(first.run, fingerprint_of(first))
                assert claim is Claim.MINE
            await engine.run(plan, first, watch=watch)

        at = time.process_time()
        tasks = [asyncio.create_task(start(PLAN, first)) for first in created]
        await all_there.wait()
        took = time.process_time() - at
        engine.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
    return took


def test_a_start_with_an_id_costs_little_more_than_one_without(
    tmp_path: Path, *, full: bool
) -> None:
    count = STARTS_FULL if full else STARTS

    async def story() -> tuple[float, float]:
        await seconds(tmp_path / "warm", count, claimed=True)
        without, with_id = [], []
        for number in range(ROUNDS):
            without.append(await seconds(tmp_path / f"without-{number}", count, claimed=False))
            with_id.append(await seconds(tmp_path / f"with-{number}", count, claimed=True))
        return min(without), min(with_id)

    without, with_id = asyncio.run(story())
    # The aim is 1.5, wall clock, on a quiet machine; a claim that is a file with two syncs of its own costs 25 times as much.
    assert with_id <= 4 * without, (with_id, without)
