"""The disk fails under a real `flowdsl`: exit 74 and why, or 2 with nothing sent; and on a well disk the run goes on."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from flowdsl.world.store.files import FileStore
from tests.counts import count
from tests.processes.real import TRIP, WORKFLOWS, Services, Shell, services
from tests.processes.sick import STRUCK

FILE = str(WORKFLOWS / "trip.yaml")
ORDER = (*TRIP, "-i", "card=tok_declined", "--id", "trip-a", "--progress", "plain")
# What is kept at the same moment is synced together, so a busy machine needs fewer operations for a run: from here down to one in its middle.
IN_THE_MIDDLE = 9


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_the_process_says_so_and_nothing_acknowledged_is_lost(
    kind: str, tmp_path: Path, *, full: bool
) -> None:
    codes: list[int] = []
    with services() as mock:
        for number in range(1, 100) if full else range(IN_THE_MIDDLE, 0, -1):
            # given
            mock.clear()
            before = len(mock.requests())
            shell = Shell(tmp_path / f"store-{kind}-{number}", mock)
            # when
            done = on_a_sick_disk(shell, kind, number)
            assert "Traceback" not in done.stderr
            if STRUCK not in done.stderr:
                assert done.returncode == 1
                if full:
                    break
                continue
            # then
            codes.append(done.returncode)
            if done.returncode == 1:  # the run had ended: nothing was left to keep but a copy of it
                assert "nothing is left behind" in done.stderr
            else:
                check_what_it_said(done)
                assert done.returncode == 74 or len(mock.requests()) == before, "sent all the same"
            goes_on(shell, mock)
            if not full and 74 in codes:
                break
    assert 74 in codes
    assert len(codes) < 99, "it never came to an end"
    count("operations of a real process on the disk that failed", len(codes))


def check_what_it_said(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode in (2, 74), done.stderr
    said = r"^error\[F20\d\]: .*(Input/output error|cannot be)"
    assert re.search(said, done.stderr, re.MULTILINE), done.stderr


def on_a_sick_disk(shell: Shell, kind: str, number: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.processes.sick", kind, str(number), "run", FILE, *ORDER],
        cwd=shell.folder,
        env=shell.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def goes_on(shell: Shell, mock: Services) -> None:
    """What was told on the screen is known; the same command ends the run, and nothing is left of it."""
    report = shell.json("run", FILE, *ORDER[:-2], expected=1)
    assert report["state"] == "compensated"
    assert mock.residue("compensated") == []
    assert [effect for effect in mock.effects() if effect["count"] != 1] == []
    assert asyncio.run(FileStore(shell.store, read_only=True).fsck()) == []
