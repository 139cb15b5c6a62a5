"""`count("disk states", 12)`: what a suite tried, summed over all tests and worker processes, printed at the end of a session.

A test that lets its cases be tried by processes of its own counts what they report.
"""

from __future__ import annotations

from collections import Counter

import pytest

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
        if _BY_NAME:
            terminalreporter.section("counts")
            for name, number in sorted(_BY_NAME.items()):
                terminalreporter.write_line(f"{number:12,}  {name}")
