"""The benchmarks can be run, and print every figure they promise. What the figures are is nobody's business here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from benchmarks.against import _figures
from benchmarks.responder import responder

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
    *(
        rf"{name} +{FIGURE} → {FIGURE} +[0-9.]+ +[0-9.]+ +[0-9.]+"
        for name in (
            "a sequence",
            "a sequence, undone",
            "for_each",
            "validate",
            "plan",
            "graph, text and SVG",
            "list of ended runs",
            "status of the newest",
        )
    ),
)


def test_every_figure_is_printed_and_positive() -> None:
    command = [sys.executable, "-m", "benchmarks", "--tiny"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed(LINES, done.stdout)


def test_peers_are_measured_and_killed_by_one_harness() -> None:
    """Of the contenders only flowdsl is installed here; the others are asked in the same words."""
    words = [
        "--only",
        "own",
        "--rounds",
        "1",
        "--seconds",
        "0.1",
        "--kills",
        "1",
        "--latency",
        "0.6",
        "--in-flight",
        "5",
    ]
    command = [sys.executable, "-m", "benchmarks.peers", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed((rf"flowdsl(?: +{FIGURE}){{7}}(?: +[0-9.na]+){{2}}",), done.stdout)
    assert "0 calls repeated after an answer" in done.stdout
    assert "; 0 runs lost; " in done.stdout


def test_a_commit_is_measured_by_what_it_has_itself() -> None:
    with responder() as url:
        found = dict(_figures(url, ROOT, sys.executable, 5))
    assert len(found) == 6
    assert all(figure > 0 for figure in found.values())


def printed(lines: tuple[str, ...], out: str) -> None:
    for wanted in lines:
        found = re.search(rf"^{wanted}$", out, re.MULTILINE)
        assert found is not None, f"{wanted}\n{out}"
        assert all(float(figure) > 0 for figure in found.groups()), found[0]
