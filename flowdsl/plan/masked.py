"""A text as it is written and shown: where a secret's value stood there is a mark, and a reference from which it comes back.

`Masked` is the text with its marks, so a view need not know of it. With the secrets it can be opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

ALL_HEADERS = "all"  # the only name, where the headers of an answer are masked as a whole
BARE = "bare"  # the spelling of a number in JSON text
LOST = "lost"  # a spelling that nobody can write again


class StandIn(Struct, frozen=True):
    """A place where the value of a secret stood.

    `spelling`: how it was written there (`world.restoring`); `inner`: what was encoded there, where that is
    more than the value; `part`: which leaf of a secret that is JSON, 0 for all of it.
    """

    secret: str
    spelling: str = ""
    inner: tuple[str | StandIn, ...] = ()
    part: int = 0

    @property
    def mark(self) -> str:
        """JSON with marks for its values is JSON still."""
        mark = f"‹secret {self.secret}›"
        return f'"{mark}"' if self.spelling == BARE else mark


def value_name(secret: str, part: int) -> str:
    return f"{secret}#{part}" if part else secret


Parts: TypeAlias = "tuple[str | StandIn, ...]"


class Masked(str):
    """The marks and what stands between them. `seal`: HMAC of the true value, so that only that one is ever restored."""

    __slots__ = ("parts", "seal")

    parts: Parts
    seal: str

    @classmethod
    def of(cls, parts: Parts, seal: str) -> Masked:
        masked = cls("".join(part if isinstance(part, str) else part.mark for part in parts))
        masked.parts, masked.seal = parts, seal
        return masked

    @property
    def names(self) -> frozenset[str]:
        """The secrets that are referred to."""
        return frozenset(one.secret for one in stand_ins(self.parts))


def stand_ins(parts: Parts) -> Iterator[StandIn]:
    for part in parts:
        if isinstance(part, StandIn):
            yield part
            yield from stand_ins(part.inner)


def names_in(value: object) -> frozenset[str]:
    """The secrets that stand by reference anywhere in a JSON value."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        match waiting.pop():
            case Masked() as masked:
                found |= masked.names
            case list() | tuple() as items:
                waiting.extend(items)
            case dict() as fields:
                waiting.extend(fields.values())
            case _:
                pass
    return frozenset(found)
