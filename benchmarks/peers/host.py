"""A contender in a process of its own: `host NAME URL FOLDER`, then a line of JSON for each thing it is to do."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path


async def main(name: str, url: str, folder: str) -> None:
    module = importlib.import_module(f"benchmarks.peers.{name}")
    contender = module.Contender(url, folder)
    pids = await contender.start()
    if not module.IS_CLIENT:
        pids = [os.getpid(), *pids]
    say(pids=pids)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        match order["do"]:
            case "trips":
                before = cpu_seconds(pids)
                trips, seconds = await trips_for(contender, order["width"], order["seconds"])
                say(trips=trips, seconds=seconds, cpu=cpu_seconds(pids) - before)
            case "submit":
                await asyncio.gather(
                    *(contender.submit(f"trip-{n}") for n in range(order["count"]))
                )
                say(accepted=order["count"])
            case "recover":
                await contender.recover()
            case "memory":
                say(mib=sum(peak_mib(pid) for pid in pids))
            case "stop":
                await contender.stop()
                return


async def trips_for(contender: object, width: int, seconds: float) -> tuple[int, float]:
    """So many at a time, each begun when one has ended; until the last has ended."""
    begin = time.perf_counter()
    done = 0

    async def worker(number: int) -> None:
        nonlocal done
        while time.perf_counter() < begin + seconds:
            await contender.run(f"{time.time_ns()}-{number}")  # type: ignore[attr-defined]
            done += 1

    await asyncio.gather(*(worker(number) for number in range(width)))
    return done, time.perf_counter() - begin


def cpu_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])
        ticks += sum(cpu_seconds([child]) * os.sysconf("SC_CLK_TCK") for child in children(pid))
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mib(pid: int) -> float:
    (line,) = (x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmHWM" in x)
    return int(line.split()[1]) / 1024 + sum(map(peak_mib, children(pid)))


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    try:
        from uvloop import run
    except ImportError:  # not in the project's own environment
        from asyncio import run
    run(main(*sys.argv[1:]))
