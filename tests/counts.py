"""`count("disk states", 12)`: what a suite tried, summed over all tests and worker processes, printed at the end of a session.

A test that lets its cases be tried by processes of its own counts what they report. With `--counts FILE` the sums of several
sessions are added up in a file, and `python -m tests.counts FILE` prints them all; they have to be those of the manual.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

MANUAL = Path(__file__).parents[1] / "docs" / "promises.md"
LINE = re.compile(r"^ {0,12}([\d,]+)  (\S.*)$", re.MULTILINE)

_BY_NAME: Counter[str] = Counter()


def count(name: str, number: int = 1) -> None:
    _BY_NAME[name] += number


class Counts:
    """The same as a fixture."""

    def add(self, name: str, number: int) -> None:
        count(name, number)


class Table:
    """The plugin: a worker of pytest-xdist sends what it counted, the session prints the sum."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["counts"] = dict(_BY_NAME)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        _BY_NAME.update(getattr(node, "workeroutput", {}).get("counts", {}))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if hasattr(terminalreporter.config, "workeroutput"):
            return  # a worker has nobody to tell but its session
        if _BY_NAME:
            terminalreporter.section("counts")
            terminalreporter.write_line(table(_BY_NAME))
        file = terminalreporter.config.getoption("--counts")
        if file:
            so_far = json.loads(Path(file).read_text()) if Path(file).exists() else {}
            both = {name: so_far.get(name, 0) + _BY_NAME[name] for name in so_far.keys() | _BY_NAME}
            Path(file).write_text(json.dumps(both))


def table(counts: Mapping[str, int]) -> str:
    return "\n".join(f"{number:12,}  {name}" for name, number in sorted(counts.items()))


def main(file: str) -> int:
    """Prints what all sessions tried. 1 if the manual names something else."""
    counts: dict[str, int] = json.loads(Path(file).read_text())
    print(f"What was tried:\n\n{table(counts)}\n")
    named = {name for _, name in LINE.findall(MANUAL.read_text())}
    for name in sorted(counts.keys() - named):
        print(f"{MANUAL.name} does not name what was tried here: {name}")
    for name in sorted(named - counts.keys()):
        print(f"{MANUAL.name} names what was not tried here: {name}")
    return int(counts.keys() != named)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
