"""Beside an earlier commit, in alternation: `python -m benchmarks --against COMMIT`. It is unpacked and installed in a cache once."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.cold import ONE_STEP

ROOT = Path(__file__).parents[1]
WIDTH = 256
DRIVER = """\
import asyncio, json, resource, sys, tempfile, time
from pathlib import Path
from benchmarks.throughput import CountingDisk, Engine, FileStore, Http
from benchmarks.trip import durable, per_second, plan
try:
    from flowdsl.engine.project import Project
    more = (Project(),)
except ImportError:
    more = ()

async def main(url, trips, width):
    network, disk = Http(), CountingDisk()
    with tempfile.TemporaryDirectory() as folder:
        async with Engine(FileStore(Path(folder) / "store", disk), network, *more) as engine:
            run = durable(engine, plan(), url)
            await per_second(run, 0, width, width)
            bytes_before, cpu = disk.bytes, time.process_time()
            speed = await per_second(run, width, trips, width)
            cpu = time.process_time() - cpu
        written = disk.bytes - bytes_before
    await network.aclose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"trips/s": speed, "CPU ms a trip": cpu / trips * 1000, "bytes a trip": written / trips, "peak MiB": peak}))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def measure(url: str, commit: str, *, trips: int, rounds: int) -> None:
    """Medians of the ratios, each of two turns that followed each other."""
    trees = {"then": unpacked(commit), "now": (ROOT, sys.executable)}
    found: dict[str, list[dict[str, float]]] = {"then": [], "now": []}
    for _ in range(rounds):
        for when, (tree, python) in trees.items():
            found[when].append(dict(_figures(url, tree, python, trips)))
    for name in found["now"][0]:
        now, then = ([turn[name] for turn in found[when]] for when in ("now", "then"))
        ratio = median(mine / theirs for mine, theirs in zip(now, then, strict=True))
        print(
            f"{name:22} {median(now):9.2f}, at {commit[:9]} {median(then):9.2f}: ratio {ratio:.2f}",
            flush=True,
        )


def unpacked(commit: str) -> tuple[Path, str]:
    """Its tree, and a Python that has what it needs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    tree = cache / "flowdsl-benchmarks" / commit
    python = str(tree / ".venv" / "bin" / "python")
    if not (tree / "ready").exists():
        tree.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
        )
        subprocess.run(["tar", "x", "-C", tree], input=packed.stdout, check=True)
        subprocess.run([sys.executable, "-m", "venv", tree / ".venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--editable", tree], check=True)
        (tree / "ready").touch()
    return tree, python


def _figures(url: str, tree: Path, python: str, trips: int) -> Iterator[tuple[str, float]]:
    ran = subprocess.run(
        [python, "-c", DRIVER, url, str(trips), str(min(WIDTH, trips))],
        cwd=tree,
        check=True,
        capture_output=True,
    )
    yield from json.loads(ran.stdout).items()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "one.yaml").write_text(ONE_STEP.format(url=url))
        yield "CPU s of `run`", cpu_of([python, "-m", "flowdsl", "run", "one.yaml"], folder)
        yield "CPU s of `status`", cpu_of([python, "-m", "flowdsl", "status"], folder)


def cpu_of(command: list[str], folder: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
