"""Every screen is what it was when somebody last looked at it and said yes."""

from __future__ import annotations

import pytest

from tests.view.bless import SNAPSHOTS
from tests.view.screens import screens

KEPT = sorted(path.name for path in SNAPSHOTS.iterdir())


@pytest.fixture(scope="module")
def drawn() -> dict[str, str]:
    return screens()


@pytest.mark.parametrize("name", KEPT)
def test_a_screen_is_as_it_was_blessed(name: str, drawn: dict[str, str]) -> None:
    assert drawn[name] == (SNAPSHOTS / name).read_text(), "see `make bless`"


def test_every_screen_is_kept(drawn: dict[str, str]) -> None:
    assert sorted(drawn) == KEPT
