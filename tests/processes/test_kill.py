"""kill -9 at random moments, then `flowdsl resume`: every run ends, each effect once, nothing is left over."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from flowdsl.saga.state import State, fold
from flowdsl.world.store.files import FileStore
from tests.conftest import Counts
from tests.processes.real import TRIP, WORKFLOWS, Shell, patient_trip, services, wait_until

FILE = str(WORKFLOWS / "trip.yaml")
PHASES = ("reserve", "pay", "confirm", "notify")
CALLS = {
    "reserve": "POST flights/reservations",
    "pay": "POST payments/charges",
    "confirm": "POST flights/reservations/*/confirm",
    "notify": "POST mail/messages",
}
LATENCY_MILLISECONDS = 50
KILLS, KILLS_FULL = 8, 100
EARLY, EARLY_FULL = 3, 20


def phase_of(state: State) -> str:
    """Where the process was when it died: the first of the calls that were out, or the last that had ended."""
    calls = list(state.flying) or list(state.calls)[-1:]
    name = calls[0] if calls else ""
    if "!confirm" in name:
        return "confirm"
    return {"payment": "pay", "notice": "notify"}.get(name, "reserve")


def kill_in(phase: str, shell: Shell, chance: random.Random, *, held: bool) -> str | None:
    """Start a trip and kill it in that phase: while its call is out, or at some moment after it came.

    The phase that it really died in; None where it had ended.
    """
    shell.services.fault(CALLS[phase], "hold" if held else "delay:0ms")
    file = patient_trip(shell.store.parent)
    process = shell.start("run", file, *TRIP, "-i", "card=tok_visa", "--progress", "quiet")
    wait_until(phase, lambda: shell.services.fired() == [1])
    if not held:
        time.sleep(chance.uniform(0, LATENCY_MILLISECONDS / 1000))
    process.kill()
    process.communicate()
    shell.services.release()
    store = FileStore(shell.store, read_only=True)
    unfinished = [run for run in asyncio.run(store.list()) if not run.ended]
    if not unfinished:
        return None
    events = [recorded.event for recorded in asyncio.run(store.events(unfinished[0].run))]
    return phase_of(fold(State(), events))


@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_run_is_resumed_and_does_everything_once(
    phase: str, tmp_path: Path, counts: Counts, *, full: bool
) -> None:
    chance = random.Random(f"kill {phase}")
    died: Counter[str] = Counter()
    with services(LATENCY_MILLISECONDS) as mock:
        for number in range((KILLS_FULL if full else KILLS) // len(PHASES)):
            mock.clear()
            shell = Shell(tmp_path / f"store-{number}", mock)
            where = kill_in(phase, shell, chance, held=number % 2 == 0)
            if where is None:
                died["after the end"] += 1
                continue
            died[where] += 1
            report = shell.json("resume", expected=None)
            assert report["state"] in ("succeeded", "compensated"), report
            assert mock.residue(report["state"]) == []
            assert [e for e in mock.effects() if e["count"] != 1] == []
            assert report["residue"] == []
    assert died[phase] > 0, f"no kill hit {phase}: {died}"
    counts.add("kill -9 of a trip under way", died.total() - died["after the end"])


def test_a_run_killed_before_its_first_record_has_sent_nothing(
    tmp_path: Path, counts: Counts, *, full: bool
) -> None:
    chance = random.Random("early")
    early = 0
    with services() as mock:
        while early < (EARLY_FULL if full else EARLY):
            shell = Shell(tmp_path / f"store-{early}", mock)
            process = shell.start("run", FILE, *TRIP, "-i", "card=tok_visa")
            time.sleep(chance.uniform(0.05, 0.4))
            process.kill()
            process.communicate()
            if shell.journal().count(b'"t":"created"'):
                mock.clear()
                (shell.store).rename(tmp_path / f"late-{time.monotonic_ns()}")
                continue
            assert mock.requests() == []
            early += 1
    counts.add("kill -9 before the first record", early)
