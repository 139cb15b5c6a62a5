"""Durable trips a second beside the bare loop; syncs and bytes a trip."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.trip import bare, durable, per_second, plan
from flowdsl.engine.engine import Engine
from flowdsl.engine.project import Project
from flowdsl.world.network.http import Http
from flowdsl.world.store.disk import RealDisk
from flowdsl.world.store.files import FileStore

WIDTHS = ((1, 200), (32, 1500), (256, 2500))
ROUNDS = 3


class CountingDisk(RealDisk):
    def __init__(self) -> None:
        self.syncs = 0
        self.bytes = 0

    def sync(self, handle: int) -> None:
        self.syncs += 1
        super().sync(handle)

    def write(self, handle: int, data: bytes) -> int:
        written = super().write(handle, data)
        self.bytes += written
        return written


async def measure(url: str, *, share: int) -> None:
    """One `share`-th of the trips. The two take turns, so that what else the machine does meets both."""
    network = Http()
    trip = plan()
    print("trips a second     bare loop   durable   ratio   syncs/trip   bytes/trip")
    try:
        for width, full in WIDTHS:
            each = max(full // share // ROUNDS, 1)
            with tempfile.TemporaryDirectory() as folder:
                disk = CountingDisk()
                async with Engine(
                    FileStore(Path(folder) / "store", disk), network, Project()
                ) as engine:
                    run = durable(engine, trip, url)
                    await per_second(lambda _: bare(network, url), 0, each, width)
                    await per_second(run, 0, each, width)
                    syncs, written = disk.syncs, disk.bytes
                    loose, kept = [], []
                    for first in range(each, each * (ROUNDS + 1), each):
                        loose.append(await per_second(lambda _: bare(network, url), 0, each, width))
                        kept.append(await per_second(run, first, each, width))
                    syncs, written = disk.syncs - syncs, disk.bytes - written
            ratio = median(ours / theirs for ours, theirs in zip(kept, loose, strict=True))
            print(
                f"{width:5} at a time    {median(loose):9.0f} {median(kept):9.0f} {ratio:7.2f} "
                f"{syncs / each / ROUNDS:12.2f} {written / each / ROUNDS:12.0f}",
                flush=True,
            )
    finally:
        await network.aclose()
