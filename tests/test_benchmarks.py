"""The benchmarks can be run, and print every figure they promise. What the figures are is nobody's business here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIGURE = r"([0-9]+(?:\.[0-9]+)?)"
LINES = (
    *(rf" *{width} at a time" + rf" +{FIGURE}" * 5 for width in (1, 32, 256)),
    rf"20 open runs: {FIGURE} MiB resident \({FIGURE} MiB before the first\)",
    rf"20 of them recovered after kill -9 in {FIGURE} s",
    (
        rf"one step, from `flowdsl run` to exit: {FIGURE} s; `flowdsl --help`: {FIGURE} s; "
        rf"`import httpx`: {FIGURE} s; ratio {FIGURE}"
    ),
)


def test_every_figure_is_printed_and_positive() -> None:
    command = [sys.executable, "-m", "benchmarks", "--tiny"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for wanted in LINES:
        found = re.search(rf"^{wanted}$", done.stdout, re.MULTILINE)
        assert found is not None, f"{wanted}\n{done.stdout}"
        assert all(float(figure) > 0 for figure in found.groups()), found[0]
