"""Every planted bug is caught by the test that is named for it, and that test passes without the bug.

The second is what `make test` sees elsewhere, for the test is one of those that pytest finds. `--full` sees both here.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterable

import pytest

from tests.conftest import Counts
from tests.explorer.test_planted import BUGS
from tests.museum.exhibit import Exhibit
from tests.museum.wings import WINGS
from tests.processes.real import ROOT

ALL = [exhibit for wing in WINGS.values() for exhibit in wing]
EXHIBITS_MIN = 30  # together with those that the explorer sees


@pytest.mark.parametrize("wing", WINGS)
def test_every_planted_bug_is_caught_by_its_test(wing: str, counts: Counts, *, full: bool) -> None:
    exhibits = WINGS[wing]
    visited = subprocess.run(
        [sys.executable, "-m", "tests.museum", wing, *(["--sound"] if full else [])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60 + 20 * len(exhibits),
        check=True,
    )
    answer = json.loads(visited.stdout)
    broken = answer["sound"]["failed"]
    assert not broken, "\n".join(f"{test}\n{how}" for test, how in broken.items())
    named = {exhibit.caught_by for exhibit in exhibits}
    assert {t for t in named if not _is_of(t, answer["found"])} == set()
    if full:
        assert {t for t in named if not _is_of(t, answer["sound"]["passed"])} == set()
    planted = answer["planted"]
    missed = [e.name for e in exhibits if not _is_of(e.caught_by, planted[e.name])]
    assert missed == [], visited.stderr
    for name, failed in planted.items():
        assert all(how.startswith("call: ") for how in failed.values()), (name, failed)
    counts.add("bugs in the museum, each caught by its test", len(exhibits))


def _is_of(test: str, nodes: Iterable[str]) -> bool:
    """A test that is named without its parameters stands for all of them."""
    return any(node == test or node.startswith(f"{test}[") for node in nodes)


@pytest.mark.parametrize("exhibit", ALL, ids=lambda exhibit: exhibit.name)
def test_a_bug_replaces_something_that_is_there(exhibit: Exhibit) -> None:
    for place in exhibit.places:
        parts = place.split(".")
        found: object = None
        for end in range(len(parts), 0, -1):
            try:
                found = importlib.import_module(".".join(parts[:end]))
            except ImportError:
                continue
            for name in parts[end:]:
                found = getattr(found, name)
            break
        assert found is not None
        assert found is not exhibit.instead


def test_the_museum_is_large_enough_and_every_bug_has_a_name_of_its_own() -> None:
    names = [exhibit.name for exhibit in ALL] + [bug.name for bug in BUGS]
    assert len(set(names)) == len(names)
    assert len(names) >= EXHIBITS_MIN
