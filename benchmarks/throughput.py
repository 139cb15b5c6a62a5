"""Durable trips a second beside the bare loop; syncs and bytes a trip."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.trip import bare, durable, per_second, plan
from flowdsl.engine.engine import Engine
from flowdsl.world.disk import RealDisk
from flowdsl.world.http import Http
from flowdsl.world.store import FileStore

WIDTHS = ((1, 200), (32, 1500), (256, 2500))


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


async def measure(url: str, *, quick: bool) -> None:
    network = Http()
    trip = plan()
    print("trips a second     bare loop   durable   ratio   syncs/trip   bytes/trip")
    try:
        for width, full in WIDTHS:
            total = full // 5 if quick else full
            await per_second(lambda _: bare(network, url), 0, total // 5, width)
            loose = await per_second(lambda _: bare(network, url), 0, total, width)
            with tempfile.TemporaryDirectory() as folder:
                disk = CountingDisk()
                async with Engine(FileStore(Path(folder) / "store", disk), network) as engine:
                    run = durable(engine, trip, url)
                    await per_second(run, 0, total // 5, width)
                    syncs, written = disk.syncs, disk.bytes
                    kept = await per_second(run, total, total, width)
                    syncs, written = disk.syncs - syncs, disk.bytes - written
            print(
                f"{width:5} at a time    {loose:9.0f} {kept:9.0f} {kept / loose:7.2f} "
                f"{syncs / total:12.2f} {written / total:12.0f}",
                flush=True,
            )
    finally:
        await network.aclose()
