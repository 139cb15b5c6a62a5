"""What one attempt looked like from here, before anybody judges what it means."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from flowdsl.plan.values import Json


class NotSent(Struct, frozen=True):
    """No byte of the request left: it would not build, or no connection came about or may be made.

    The first and the last of these, `unbuildable` and `forbidden`, are so the next time as well.
    """

    reason: str
    forbidden: bool = False
    unbuildable: bool = False


class Answer(Struct, frozen=True):
    """A status line came back. `problem` says why the body could not be read whole, if it could not; `misfit`, what
    in it is not as the contract of its service describes.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: Json = None
    problem: str | None = None
    misfit: str = ""


class Lost(Struct, frozen=True):
    """Bytes went out and no answer came back: the service may have done it, or not."""

    reason: str


Observation: TypeAlias = NotSent | Answer | Lost
