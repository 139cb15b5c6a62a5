"""A thousand runs open at once against a service of 20 ms that fails now and then; kill -9; an hour later all of them are due at once.

1,000 for twenty seconds by default, 10,000 for ten minutes by `--full`. What is asked of memory and descriptors is that they stay as they are, not how much they are.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowdsl.world.network.hosts import CONNECTIONS_PER_HOST
from flowdsl.world.store.files import FileStore
from tests.counts import count
from tests.load.service import books_of, service

OPEN, OPEN_FULL = 1_000, 10_000
SECONDS, SECONDS_FULL = 20.0, 600.0
FULL = 0.95
DESCRIPTORS = 32  # of the process itself, its store, and connections being closed
GROWTH_MAX = 1.10  # of the memory of the last quarter over that of the first
ROOT = Path(__file__).parents[2]

Sample = dict[str, Any]


@contextmanager
def crowd(*words: str) -> Iterator[Iterator[Sample]]:
    """What a process of the crowd says, a second at a time; it is killed at the end of the block."""
    command = [sys.executable, "-m", "tests.load.crowd", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield map(json.loads, process.stdout)
        finally:
            process.kill()


def test_very_many_open_runs_stay_within_bounds_and_survive_a_kill(
    tmp_path: Path, *, full: bool
) -> None:
    size, seconds = (OPEN_FULL, SECONDS_FULL) if full else (OPEN, SECONDS)
    store = tmp_path / "store"
    with service() as url:
        with crowd(str(store), url, str(size)) as samples:
            steady = while_full(samples, size, seconds)
        assert_bounded(steady, size)
        left = asyncio.run(FileStore(store, read_only=True).unfinished())
        assert len(left) > size * FULL
        with crowd(str(store)) as samples:
            afterwards = list(samples)
        assert_all_ended(store, books_of(url), size)
    count("runs open at once", max(sample["open"] for sample in steady))
    count("runs open at once: MiB resident at the end", round(steady[-1]["mib"]))
    count("runs open at once: taken over after kill -9", len(left))
    count("runs open at once: milliseconds until they were", recovery(afterwards, len(left)))


def while_full(samples: Iterator[Sample], size: int, seconds: float) -> list[Sample]:
    """From a moment when all are open to another, with so many seconds between them."""
    steady: list[Sample] = []
    for sample in samples:
        is_full = sample["waiting"] >= size * FULL
        if steady or is_full:
            steady.append(sample)
        if is_full and sample["at"] - steady[0]["at"] >= seconds:
            return steady
    raise AssertionError("the process ended by itself")


def assert_bounded(steady: Sequence[Sample], size: int) -> None:
    """Its memory stays as it is, however many runs come and go; so do its descriptors, but for idle connections."""
    quarter = len(steady) // 4
    first, last = (
        statistics.median(sample["mib"] for sample in part)
        for part in (steady[:quarter], steady[-quarter:])
    )
    assert last <= first * GROWTH_MAX, f"from {first:.0f} to {last:.0f} MiB"
    assert max(sample["descriptors"] for sample in steady) < CONNECTIONS_PER_HOST + DESCRIPTORS
    ended = [sum(sample["ended"].values()) for sample in steady]
    assert ended[-1] - ended[0] > size / 10, "hardly a run came and went"


def recovery(samples: Sequence[Sample], taken_over: int) -> int:
    """Milliseconds until each of them was driven again."""
    begin: float = samples[0]["at"]
    for sample in samples:
        if sample["open"] + sum(sample["ended"].values()) == taken_over:
            return int(1000 * (sample["at"] - begin))
    raise AssertionError("some were never taken over")


def assert_all_ended(store: Path, books: dict[str, Any], size: int) -> None:
    runs = asyncio.run(FileStore(store, read_only=True).list())
    ended = {run.run: run.ended for run in runs}
    ends = Counter(ended.values())
    refused = books["struck"]["refuses"]
    assert ends == {"succeeded": len(runs) - refused, "compensated": refused}, ends
    assert len(ended) > size
    assert set(books["struck"]) == {"breaks", "loses the answer", "refuses"}
    assert set(books["made"].values()) == {1}, "something was done twice"
    holds, charges = books["standing"]["holds"], books["standing"]["charges"]
    for run, how in ended.items():
        stands = "made" if how == "succeeded" else "undone"
        assert holds.get(run, "undone") == charges.get(run, "undone") == stands, run
    count("runs under load", len(ended))
    count("faults struck under load", sum(books["struck"].values()))
