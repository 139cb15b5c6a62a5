"""A planted bug: one function of flowdsl replaced by one that is wrong, and the test that must notice.

`tests.explorer.test_planted` keeps those that the explorer sees; they are planted by the same `plant`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, slots=True)
class Exhibit:
    """`where` is the dotted name of what `instead` takes the place of; several where it is known by several names."""

    name: str
    where: str | tuple[str, ...]
    instead: object
    caught_by: str

    @property
    def places(self) -> tuple[str, ...]:
        return (self.where,) if isinstance(self.where, str) else self.where


def plant(monkeypatch: pytest.MonkeyPatch, where: Sequence[str], instead: object) -> None:
    """`instead` is one for all places, or a tuple with one for each."""
    each = instead if isinstance(instead, tuple) else (instead,) * len(where)
    for place, what in zip(where, each, strict=True):
        monkeypatch.setattr(place, what)
