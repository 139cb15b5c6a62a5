"""Where something stands in a file, so that every message can point at it."""

from __future__ import annotations

from msgspec import Struct


class Span(Struct, frozen=True):
    """A stretch of one line. Line and column count from 1, in characters."""

    line: int
    column: int
    length: int = 1


NOWHERE = Span(0, 0, 0)
