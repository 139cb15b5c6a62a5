"""Runs end while journals of theirs are tidied away: none is deleted before their lines in the archive are synced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TypeVar

from flowdsl.saga.events import Event
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from tests.counts import count
from tests.lives.simdisk import Operation, SimDisk
from tests.lives.virtual import at_once
from tests.world.store.kit import ENDED, ROOT, created, events_of, run

T = TypeVar("T")


class Slow:
    """An offload that lets others go on after each job, for longer or shorter."""

    def __init__(self) -> None:
        self.random = Random(4)

    async def __call__(self, work: Callable[[], T], /) -> T:
        result = work()
        for _ in range(self.random.randrange(40)):
            await asyncio.sleep(0)
        return result

    def beside(self, name: str) -> Slow:
        return self

    def close(self) -> None:
        pass


def short(name: str) -> list[Event]:
    return [created(name), ENDED]


def test_no_journal_goes_before_what_is_over_in_it_is_synced() -> None:
    acknowledged: dict[str, int] = {}
    found: list[tuple[SimDisk, dict[str, int]]] = []

    def hook(when: str, operation: Operation) -> None:
        is_journal = operation.path.parent.name == "journals" and operation.path.suffix == ".jsonl"
        if when == "after" and operation.kind == "unlink" and is_journal:
            found.append((disk.crash(names=True), dict(acknowledged)))

    disk = SimDisk(hook=hook)
    store = FileStore(ROOT, disk, offload=Slow(), wall=lambda: 1_000.0, rotate_bytes=1_500)

    async def drive(lane: int) -> None:
        for number in range(25):
            name = f"run-{lane}-{number}"
            for place, event in enumerate(short(name), 1):
                await (store.append if place > 1 else store.create)(name, [event])
                acknowledged[name] = place
            await store.finish(name)

    async def story() -> None:
        # given
        await store.start()
        await asyncio.gather(*(drive(lane) for lane in range(5)))
        await store.close()

    run(story())
    # when the power goes as soon as a journal is gone
    assert len(found) > 10
    for cut, kept in found:
        reader = FileStore(ROOT, cut, offload=Inline(), read_only=True)
        # then
        for name, least in kept.items():
            events = events_of(at_once(reader.events(name)))
            assert len(events) >= least
            assert events == short(name)[: len(events)]
    count("journals deleted, each followed by a power cut", len(found))
