"""Many open runs at once: the memory they take, and how long it takes to get them back after kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flowdsl.engine.engine import Engine
from flowdsl.engine.follow import TurnSeen
from flowdsl.engine.project import Project
from flowdsl.language import compile_plan
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore

WAITING = """\
flowdsl: 1
name: waiting
services:
  stock: {url}
steps:
  - id: hold
    call: POST stock/holds
    body: {{ sku: book, quantity: 1, reference: "${{run.id}}" }}
    compensate: DELETE stock/holds/${{hold.id}}
  - wait: 1h
"""
AT_A_TIME = 256


def measure(url: str, *, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.crowd", url, folder, str(runs)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            bare, crowded = (float(word) for word in process.stdout.readline().split())
            os.kill(process.pid, signal.SIGKILL)
        print(f"{runs} open runs: {crowded:.0f} MiB resident ({bare:.0f} MiB before the first)")
        begin = time.perf_counter()
        found = asyncio.run(recover(Path(folder)))
        seconds = time.perf_counter() - begin
        print(f"{found} of them recovered after kill -9 in {seconds:.2f} s", flush=True)


async def recover(folder: Path) -> int:
    """Take them all over, until each of them is where it was: waiting."""
    network = Http()
    back: set[str] = set()
    all_back = asyncio.Event()

    def watch(turned: TurnSeen) -> None:
        back.add(turned.run.id)
        all_back.set()

    async with Engine(FileStore(folder / "store"), network, Project(), watch=watch) as engine:
        taken = (await engine.adopt()).taken
        while len(back) < len(taken):
            all_back.clear()
            await all_back.wait()
        await engine.drain()
    await network.aclose()
    return len(taken)


async def gather_a_crowd(url: str, folder: Path, runs: int) -> None:
    plan = compile_plan(WAITING.format(url=url), "waiting.yaml")
    network = Http()
    project, waiting = Project(), asyncio.Semaphore(0)
    gate = asyncio.Semaphore(AT_A_TIME)

    def watch(turned: TurnSeen) -> None:
        if turned.run.progress.state == "waiting":
            gate.release()
            waiting.release()

    async with Engine(FileStore(folder / "store"), network, project, watch=watch) as engine:
        before = resident_mib()
        for _ in range(runs):
            await gate.acquire()
            await engine.start(project.prepare(plan, {}))
        for _ in range(runs):
            await waiting.acquire()
        print(before, resident_mib(), flush=True)


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    asyncio.run(gather_a_crowd(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
