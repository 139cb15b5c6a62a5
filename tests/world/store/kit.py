"""What the tests of the store share: a few facts, and a store on a simulated disk without threads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from flowdsl.saga.codec import encode
from flowdsl.saga.events import Armed, Created, Ended, Event, Fired, Started
from flowdsl.world.store.claims import fingerprint_of
from flowdsl.world.store.definitions import Definition
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from flowdsl.world.store.summary import Recorded
from tests.lives.simdisk import SimDisk

ROOT = Path("/home/me/.flowdsl")
TEXT = "flowdsl: 1\nname: trip\nsteps: [{ wait: 1s }]\n"
DIGEST = sha256(TEXT.encode()).hexdigest()
DEFINITION = Definition("trip.yaml", TEXT).to_json()
T = TypeVar("T")


def created(run: str, at: float = 1.0) -> Created:
    return Created(run, "trip", DIGEST, at, {"seats": 2}, {}, {})


def fingerprint(run: str) -> str:
    """What claims the id of a run that begins with `created(run)`."""
    return fingerprint_of(created(run))


def intent(number: int = 1) -> Started:
    return Started("flight", number, 2.0, key="fd1-abc")


def fact(number: int) -> Event:
    return Fired(f"timer-{number}", float(number))


def facts(*numbers: int) -> list[Event]:
    return [fact(number) for number in numbers]


def armed(run: str) -> Event:
    return Armed(f"timer of {run}", 5.0)


ENDED = Ended("succeeded")


def sim_store(disk: SimDisk, root: Path = ROOT, **settings: Any) -> FileStore:
    return FileStore(root, disk, offload=Inline(), wall=lambda: 1_000.0, **settings)


async def nothing(_: list[Event]) -> bool:
    """Of what could be adopted."""
    return False


def run(story: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(story)


def events_of(records: list[Recorded]) -> list[Event]:
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    return [record.event for record in records]


def journals(disk: SimDisk) -> list[Path]:
    return [
        path
        for path in disk.files()
        if path.parent.name == "journals" and path.suffix == ".jsonl" and path.name[0] != "."
    ]


def archived(disk: SimDisk) -> list[dict[str, Any]]:
    """The lines of the archive."""
    return [
        json.loads(line)
        for path in disk.files()
        if path.parent.name == "archive"
        for line in disk.content(path).splitlines()
    ]


# --- what older versions left ------------------------------------------------------------------------


def document(events: Sequence[Event]) -> bytes:
    """`runs/<id>.json` of a run that ended, as they wrote it."""
    lines = [
        b'{"s":%d,"w":1000000,"d":%b}' % (number, encode(event))
        for number, event in enumerate(events, 1)
    ]
    check = sha256(b"".join(line + b"\n" for line in lines)).hexdigest()[:32].encode()
    return b'{"state":"succeeded","events":[\n%b\n],"check":"%b"}\n' % (b",\n".join(lines), check)


def put(disk: SimDisk, path: Path, data: bytes) -> None:
    handle = disk.create(path)
    disk.write(handle, data)
    disk.sync(handle)
    disk.close(handle)
    disk.sync_folder(path.parent)


def old_store(*runs: str) -> SimDisk:
    """A store of version 1, in which these runs are over."""
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.close()

    run(story())
    disk.lose_folder(ROOT / "archive")
    disk.make_folder(ROOT / "runs")
    disk.sync_folder(ROOT)
    about = disk.content(ROOT / "store.json")
    disk.overwrite(ROOT / "store.json", about.replace(b'"version":2', b'"version":1'))
    for name in runs:
        put(disk, ROOT / "runs" / f"{name}.json", document([created(name), ENDED]))
    return disk
