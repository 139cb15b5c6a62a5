"""From `flowdsl run` to its exit, for a workflow of one step, beside what merely importing httpx takes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ONE_STEP = """\
flowdsl: 1
services:
  stock: {url}
steps:
  - call: GET stock/books
"""


def measure(url: str, *, times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "one.yaml"
        file.write_text(ONE_STEP.format(url=url))
        store = str(Path(folder) / "store")
        whole = seconds(
            [sys.executable, "-m", "flowdsl", "run", str(file), "--store", store], times
        )
        imported = seconds([sys.executable, "-c", "import httpx"], times)
        helped = seconds([sys.executable, "-m", "flowdsl", "--help"], times)
    print(
        f"one step, from `flowdsl run` to exit: {whole:.2f} s; `flowdsl --help`: {helped:.2f} s; "
        f"`import httpx`: {imported:.2f} s; ratio {whole / imported:.1f}",
        flush=True,
    )


def seconds(command: list[str], times: int) -> float:
    """The median."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "NO_COLOR": "1"}
        )
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)
