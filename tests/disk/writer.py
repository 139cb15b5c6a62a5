"""A process that uses a store for everything, and says on stdout what of it was acknowledged: `run number-of-events`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from flowdsl.saga.events import Event
from flowdsl.world.store.files import FileStore
from tests.world.store.kit import DEFINITION, DIGEST, ENDED, created, fact

LONG = 40  # facts of a run, at most


def told(run: str) -> list[Event]:
    """All that is ever kept of a run; how long it gets depends on its name."""
    length = sum(run.encode()) % LONG
    return [created(run), *(fact(number) for number in range(length)), ENDED]


async def _drive(store: FileStore, name: str) -> None:
    events = told(name)
    for number, event in enumerate(events, 1):
        await (store.append if number > 1 else store.create)(name, [event])
        _say(f"{name} {number}")
    await store.finish(name)


async def _forever(store: FileStore, lane: int) -> None:
    for number in range(1_000_000):
        await _drive(store, f"run-{lane}-{number}")


async def main(root: Path) -> None:
    store = FileStore(root, rotate_bytes=30_000)
    await store.start()
    await store.pin(DIGEST, DEFINITION)
    _say("started 0")
    await asyncio.gather(*(_forever(store, lane) for lane in range(5)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
