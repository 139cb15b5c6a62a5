"""`--full` for the large size of a suite, and the counts that suites print at the end."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings


class Counts:
    """What was tried, by name; summed over all tests and all worker processes, and printed at the end."""

    def __init__(self) -> None:
        self.by_name: Counter[str] = Counter()

    def add(self, name: str, number: int) -> None:
        self.by_name[name] += number


COUNTS = pytest.StashKey[Counts]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the large size of every suite")
    parser.addoption("--bless", action="store_true", help="rewrite golden files and snapshots")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COUNTS] = Counts()
    # No deadlines, for machines are noisy; and the same examples each time, but for the full size.
    derandomized = not config.getoption("--full")
    settings.register_profile("flowdsl", deadline=None, derandomize=derandomized)
    settings.load_profile("flowdsl")


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--full"))


@pytest.fixture
def bless(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--bless"))


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Counts:
    return request.config.stash[COUNTS]


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["counts"] = dict(session.config.stash[COUNTS].by_name)


class FromWorkers:
    """Takes in what the workers of pytest-xdist counted."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        config: pytest.Config = node.config  # type: ignore[attr-defined]
        config.stash[COUNTS].by_name.update(getattr(node, "workeroutput", {}).get("counts", {}))


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    if type(plugin).__name__ == "DSession" and not manager.has_plugin("counts from workers"):
        manager.register(FromWorkers(), "counts from workers")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    by_name = terminalreporter.config.stash[COUNTS].by_name
    if by_name:
        terminalreporter.section("counts")
        for name, number in sorted(by_name.items()):
            terminalreporter.write_line(f"{number:12,}  {name}")
