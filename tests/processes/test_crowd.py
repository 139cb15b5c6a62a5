"""Eight processes on one store, killed, stopped and let go on at random: each run has one driver, each effect happens once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from flowdsl.world.store.files import FileStore
from tests.conftest import Counts
from tests.processes.real import (
    PATIENCE_SECONDS,
    ROOT,
    WORKFLOWS,
    Services,
    Shell,
    services,
    wait_until,
)

FILE = str(WORKFLOWS / "trip.yaml")
PROCESSES = 8
RUNS, RUNS_FULL = 60, 2_000
KILLS, KILLS_FULL = 4, 8
EACH, EACH_FULL = 6, 25  # runs that a process starts
OPEN_MAX, OPEN_MAX_FULL = 60, 250  # then those that come help the others
ENDS, ENDS_FULL = 4, 15  # of runs between two kills: a machine of whatever speed gets somewhere
LATENCY_MILLISECONDS = 200
EFFECTS_OF_A_RUN = 5


@dataclass(slots=True)
class Crowd:
    store: Path
    mock: Services
    chance: random.Random
    each: int
    open_max: int
    ends: int
    kills: int
    read: int = 0  # of the diary
    begun: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    ended_then: int = 0  # when somebody was killed last
    driver: dict[str, int] = field(default_factory=dict)  # who was seen to drive a run last
    living: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    stopped: dict[int, float] = field(default_factory=dict)  # until when, by process
    done: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        self.done["processes"] += 1
        name = f"p{self.done['processes']}"
        crowded = len(self.begun) - len(self.ended) > self.open_max
        runs = "0" if crowded else str(self.each)
        words = [FILE, str(self.store), self.mock.url, name, runs]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.crowd", *words], cwd=ROOT
        )
        self.living[process.pid] = process

    def trouble(self) -> None:
        """Somebody is killed, stopped, or let go on."""
        now = time.monotonic()
        for pid in [pid for pid, until in self.stopped.items() if until < now]:
            del self.stopped[pid]
            os.kill(pid, signal.SIGCONT)
        self.look()
        # Mostly one that is at work; now and then one that has hardly begun, or is done.
        busy = {self.driver[run] for run in self.begun - self.ended}
        working = [pid for pid in self.living if pid in busy or self.chance.random() < 0.05]
        if not working:
            return
        pid = self.chance.choice(working)
        due = len(self.ended) - self.ended_then >= self.ends or self.begun == self.ended
        if due and self.chance.random() < 0.5:
            self.ended_then = len(self.ended)
            self.stopped.pop(pid, None)
            process = self.living.pop(pid)
            process.kill()  # a stopped one too
            process.wait()
            self.done["kills"] += 1
            self.start()
        elif pid not in self.stopped:
            os.kill(pid, signal.SIGSTOP)
            self.stopped[pid] = now + self.chance.uniform(0.2, 1.5)
            self.done["stops"] += 1

    def look(self) -> None:
        """Who has done something by now, and which runs there are."""
        path = self.store.with_suffix(".diary")
        if not path.exists():
            return
        with path.open("rb") as diary:
            diary.seek(self.read)
            lines = diary.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self.read += len(whole)
        for line in whole.decode().splitlines():
            _, pid, run, _, ended = line.split()
            self.driver[run] = int(pid)
            self.begun.add(run)
            self.ended |= set() if ended == "-" else {run}

    def has_seen_enough(self, runs: int) -> bool:
        troubles = self.done["kills"] >= self.kills and self.done["stops"] > 0
        return troubles and len(self.begun) >= runs

    def finish(self) -> None:
        """All go on, until there is nothing left to do."""
        for pid in self.stopped:
            os.kill(pid, signal.SIGCONT)
        self.stopped.clear()
        reader = FileStore(self.store, read_only=True)
        wait_until("the end of all runs", lambda: self._all_ended(reader), PATIENCE_SECONDS * 10)
        self.store.with_suffix(".stop").touch()
        for process in self.living.values():
            assert process.wait(PATIENCE_SECONDS) == 0

    def _all_ended(self, reader: FileStore) -> bool:
        time.sleep(0.1)
        assert all(process.poll() is None for process in self.living.values())
        return not asyncio.run(reader.unfinished())


def test_a_crowd_of_processes_does_everything_once(
    tmp_path: Path, counts: Counts, *, full: bool
) -> None:
    runs = RUNS_FULL if full else RUNS
    with services(LATENCY_MILLISECONDS) as mock:
        small, large = (
            (EACH, OPEN_MAX, ENDS, KILLS),
            (EACH_FULL, OPEN_MAX_FULL, ENDS_FULL, KILLS_FULL),
        )
        size = large if full else small
        crowd = Crowd(tmp_path / "store", mock, random.Random("crowd"), *size)
        try:
            for _ in range(PROCESSES):
                crowd.start()
            while not crowd.has_seen_enough(runs):
                crowd.trouble()
                time.sleep(crowd.chance.uniform(0.1, 0.5))
            crowd.finish()
        finally:
            for process in crowd.living.values():
                process.kill()
                process.wait()
        begun = check_ledger(crowd)
        took_over = check_diary(tmp_path / "store.diary")
        assert begun >= runs
        assert took_over > 0, "nobody took anything over"
        assert crowd.done["kills"] >= crowd.kills
        assert crowd.done["stops"] > 0
        Shell(crowd.store, mock).run("fsck")
    counts.add("runs of a crowd of processes", begun)
    counts.add("runs taken over from a dead process", took_over)
    counts.add("processes of a crowd killed", crowd.done["kills"])
    counts.add("processes of a crowd stopped and let go on", crowd.done["stops"])


def check_ledger(crowd: Crowd) -> int:
    """What the services say; how many runs there were.

    A call whose process is killed at each of its attempts has none left: such a run is undone, as it should be.
    """
    known = asyncio.run(FileStore(crowd.store, read_only=True).list())
    undone = {run.run for run in known if run.ended == "compensated"}
    assert {run.ended for run in known} <= {"succeeded", "compensated"}
    assert len(undone) < len(known) / 2
    by_run: Counter[str] = Counter()
    for effect in crowd.mock.effects():
        assert effect["count"] == 1, effect
        run = effect["body"]["reference"]
        by_run[run] += run not in undone
        assert run not in undone or effect["standing"] in ("released", "refunded"), effect
    assert +by_run == {run.run: EFFECTS_OF_A_RUN for run in known if run.run not in undone}
    assert crowd.mock.residue("succeeded") == []
    return len(known)


def check_diary(diary: Path) -> int:
    """In the order of time a run's epoch never falls, and an epoch has one process. How often a run changed hands."""
    turns: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for line in diary.read_text().splitlines():
        at, pid, run, epoch, _ = line.split()
        turns[run].append((int(at), int(epoch), int(pid)))
    changes = 0
    for run, noted in turns.items():
        noted.sort()
        epochs = [epoch for _, epoch, _ in noted]
        assert epochs == sorted(epochs), f"a stale driver of {run} wrote"
        drivers = {(epoch, pid) for _, epoch, pid in noted}
        assert len(drivers) == len({epoch for epoch, _ in drivers}), (
            f"{run} had two drivers at once"
        )
        changes += sum(one[2] != other[2] for one, other in pairwise(noted))
    return changes


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("1 100 r 1 -\n2 200 r 2 -\n3 100 r 1 -\n", "a stale driver of r wrote"),
        ("1 100 r 1 -\n2 200 r 1 -\n", "r had two drivers at once"),
    ],
)
def test_a_stale_driver_would_be_seen(lines: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "diary").write_text(lines)
    with pytest.raises(AssertionError, match=says):
        check_diary(tmp_path / "diary")
    (tmp_path / "diary").write_text("2 200 r 2 -\n1 100 r 1 -\n3 200 r 2 ended\n4 300 s 1 -\n")
    assert check_diary(tmp_path / "diary") == 1
