"""Commands, facts, reports and screens do not depend on the hash seed: two processes decide and say the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEEDS = ("0", "1", "2")


def test_walks_are_told_alike_under_every_hash_seed() -> None:
    # given one process for each seed, side by side
    command = [sys.executable, "-m", "tests.explorer.retold"]
    tellers = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in SEEDS
    ]
    # when each has walked the same ways
    first, *others = [teller.communicate()[0].splitlines() for teller in tellers]
    # then the text is the same, line by line
    assert len(first) > 5_000
    assert all(teller.returncode == 0 for teller in tellers)
    for other in others:
        assert [pair for pair in zip(first, other, strict=True) if pair[0] != pair[1]][:1] == []
