"""Runs that wait for one key in one process: one of them looks for all, whatever the order they came in."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from typing import NamedTuple

from flowdsl.engine.turns import POLL_SECONDS, Turns
from flowdsl.world.clock import SystemClock
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.memory import Memory, MemoryStore
from tests.lives.simdisk import SimDisk
from tests.lives.virtual import VirtualClock, VirtualLoop, run_virtually
from tests.world.store.kit import created, sim_store

KEY = "account ada"
RUNS, RUNS_FULL = 60, 1_000
LOOKS = 10
A_WHILE = 20.0  # seconds


class Asked(MemoryStore):
    """Counts how often it was asked whose turn it is."""

    times: int = 0

    async def first_in_queue(self, key: str, run: str) -> str | None:
        self.times += 1
        return await MemoryStore.first_in_queue(self, key, run)


def test_one_run_of_a_key_asks_for_all_that_wait_and_they_go_in_their_order() -> None:
    async def story() -> None:
        store = Asked(Memory())
        names = [f"run-{number}" for number in range(50)]
        for name in ["holder", *names]:
            await store.create(name, [created(name)])
        turns, went = Turns(store, VirtualClock()), list[str]()

        async def go(name: str) -> None:
            await turns.wait(name, KEY)
            went.append(name)
            await store.leave_queue(KEY, name)

        await turns.wait("holder", KEY)
        waiting = [asyncio.create_task(go(name)) for name in names]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        drawn = store.times
        await asyncio.sleep(LOOKS * POLL_SECONDS)
        assert LOOKS - 1 <= store.times - drawn <= LOOKS + 1, "one look at a time, for all fifty"
        waiting[0].cancel()  # whoever looked is gone: the next one looks
        await store.leave_queue(KEY, "holder")
        await store.leave_queue(KEY, names[0])
        await asyncio.wait(waiting)
        assert went == names[1:]
        assert turns.lines == {}

    run_virtually(story())


def test_a_run_that_is_adopted_with_an_older_place_goes_before_those_that_wait_here() -> None:
    async def story() -> None:
        store = MemoryStore(Memory())
        for name in ("holder", "older", "younger"):
            await store.create(name, [created(name)])
        turns = Turns(store, VirtualClock())
        for name in ("holder", "older"):  # its place was drawn by another process
            await store.first_in_queue(KEY, name)
        younger = asyncio.create_task(turns.wait("younger", KEY))
        await asyncio.sleep(1)
        older = asyncio.create_task(turns.wait("older", KEY))
        await asyncio.sleep(1)
        await store.leave_queue(KEY, "holder")
        await asyncio.wait_for(older, 2 * POLL_SECONDS)
        assert not younger.done()
        await store.leave_queue(KEY, "older")
        await asyncio.wait_for(younger, 2 * POLL_SECONDS)

    run_virtually(story())


def test_a_thousand_that_wait_cost_next_to_nothing(tmp_path: Path, *, full: bool) -> None:
    """Against the same number that each look for themselves, once: five looks a second of all of them are a busy core."""

    async def story() -> None:
        store = FileStore(tmp_path / "store")
        await store.start()
        count = RUNS_FULL if full else RUNS
        names = [f"run-{number}" for number in range(count)]
        await asyncio.gather(*(store.create(n, [created(n)]) for n in ["holder", *names]))
        turns = Turns(store, SystemClock())
        await turns.wait("holder", KEY)
        waiting = [asyncio.create_task(turns.wait(name, KEY)) for name in names]
        for name in names:  # all have their place
            await store.first_in_queue(KEY, name)
        gc.collect()
        begun = time.process_time()
        for name in names:
            await store.first_in_queue(KEY, name)
        each_for_itself = (time.process_time() - begun) / POLL_SECONDS  # of a core
        begun, clock = time.process_time(), time.monotonic()
        await asyncio.sleep(5 * POLL_SECONDS)
        core = (time.process_time() - begun) / (time.monotonic() - clock)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await store.close()
        assert core <= max(0.05, each_for_itself / 20), (core, each_for_itself)

    asyncio.run(story())


class Cost(NamedTuple):
    """Of runs that wait for one key: folders synced until each has its place, then what a while of it takes."""

    synced: int
    operations: int
    rounds_of_the_loop: int


def cost_of(count: int) -> Cost:
    disk = SimDisk()

    async def story() -> Cost:
        store = sim_store(disk)
        await store.start()
        names = ["holder", *(f"run-{number}" for number in range(count))]
        await asyncio.gather(*(store.create(name, [created(name)]) for name in names))
        turns, loop = Turns(store, VirtualClock()), asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        await turns.wait("holder", KEY)
        synced = disk.count("sync_folder")
        waiting = [asyncio.create_task(turns.wait(name, KEY)) for name in names[1:]]
        await asyncio.sleep(1)
        synced = disk.count("sync_folder") - synced
        assert sum(path.name.endswith(tuple(names)) for path in disk.files()) >= count
        operations, rounds = len(disk.operations), loop.rounds
        await asyncio.sleep(A_WHILE)
        cost = Cost(synced, len(disk.operations) - operations, loop.rounds - rounds)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await store.close()
        return cost

    return run_virtually(story())


def test_a_thousand_that_wait_cost_what_ten_cost() -> None:
    few, many = cost_of(10), cost_of(1_000)
    assert few == many
    assert many.synced <= 2 * 3, "the places are drawn at once: one sync of each folder above them"
    assert many.operations <= 10 * A_WHILE / POLL_SECONDS
    assert many.rounds_of_the_loop <= 10 * A_WHILE / POLL_SECONDS
