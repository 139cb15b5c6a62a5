"""How much a suite tries: the size of CI, or all of it with `--full`, which `tests.conftest` sets before any test is read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Size:
    full: bool = False


SIZE = Size()


def examples(small: int, full: int) -> int:
    """For `hypothesis.settings`, which are read before a fixture is."""
    return full if SIZE.full else small
