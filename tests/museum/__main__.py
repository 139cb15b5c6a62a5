"""Runs one wing: every named test with its bug planted, and with `--sound` as flowdsl is, before. Prints what was seen as JSON.

In a process of its own, for pytest runs in it many times over.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.museum.exhibit import Exhibit, plant
from tests.museum.wings import WINGS

ROOT = Path(__file__).parents[2]


@dataclass(slots=True, eq=False)
class Seen:
    """Of one session: the tests that were found, those that passed, and those that did not, with how it showed."""

    found: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.found = [item.nodeid for item in session.items]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed[report.nodeid] = f"{report.when}: {report.longreprtext[-2000:]}"
        elif report.when == "call" and report.passed:
            self.passed.append(report.nodeid)


def session(tests: list[str]) -> Seen:
    seen = Seen()
    quiet = ["-q", "-x", "--no-header", "--no-summary", "-p", "no:cacheprovider"]
    pytest.main(["--rootdir", str(ROOT), *quiet, *tests], plugins=[seen])
    return seen


def visit(exhibit: Exhibit) -> Seen:
    with pytest.MonkeyPatch.context() as monkeypatch:
        plant(monkeypatch, exhibit.places, exhibit.instead)
        return session([exhibit.caught_by])


def main(wing: str, *, sound_too: bool) -> dict[str, object]:
    exhibits = WINGS[wing]
    tests = list(dict.fromkeys(exhibit.caught_by for exhibit in exhibits))
    # Collected in any case before a bug is planted: what a module makes when it is imported is sound.
    sound = session(tests if sound_too else ["--collect-only", *tests])
    return {
        "found": sound.found,
        "sound": {"passed": sound.passed, "failed": sound.failed},
        "planted": {exhibit.name: visit(exhibit).failed for exhibit in exhibits},
    }


if __name__ == "__main__":
    out = sys.stdout
    sys.stdout = sys.stderr  # what pytest says is not a part of the answer
    answer = main(sys.argv[1], sound_too="--sound" in sys.argv)
    print(json.dumps(answer), file=out)
