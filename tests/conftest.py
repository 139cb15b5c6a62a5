"""`--full` for the large size of a suite, and the counts that suites print at the end."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from functools import lru_cache

import pytest
from hypothesis import settings

from flowdsl.engine.contracts import AnswerContracts, contracts_of
from flowdsl.language import compile_pinned
from flowdsl.language.openapi.reading import Readings
from flowdsl.plan.nodes import Plan
from flowdsl.world.store.offload import Offload
from tests import warm
from tests.counts import Counts, Table
from tests.sizes import SIZE

__all__ = ["Counts"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the large size of every suite")
    parser.addoption("--counts", help="a file to which the counts of this session are added")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table(), "counts")
    # As from a terminal: what a shell starts in the background ignores these, and so would all that we start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # No deadlines, for machines are noisy; and the same examples each time, but for the full size.
    derandomized = not config.getoption("--full")
    warm.WAY.afresh = not derandomized
    SIZE.full = not derandomized
    settings.register_profile("flowdsl", deadline=None, derandomize=derandomized)
    settings.load_profile("flowdsl")


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--full"))


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def unswept() -> Iterator[None]:
    """For an exploration: what it keeps by the thousand is never a cycle, and would be searched for cycles all the time."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """The lives after a crash, tens of thousands, make the same of the same pinned texts: but for the full size it is made once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        if not SIZE.full:
            compiled = lru_cache(maxsize=256)(compile_pinned)
            monkeypatch.setattr("flowdsl.language.compile_pinned", compiled)
            readings = Readings()

            def contracts(plan: Plan, _: Readings, aside: Offload | None = None) -> AnswerContracts:
                return contracts_of(plan, readings, aside)

            monkeypatch.setattr("flowdsl.engine.pinned.contracts_of", contracts)
        yield
