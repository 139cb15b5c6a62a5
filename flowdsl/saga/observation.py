"""What one attempt looked like from here, before anybody judges what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from flowdsl.plan.values import Json


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left: it would not build, or no connection came about or may be made.

    The first and the last of these, `unbuildable` and `forbidden`, are so the next time as well.
    """

    reason: str
    forbidden: bool = False
    unbuildable: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A status line came back. `problem` says why the body could not be read whole, if it could not; `misfit`, what
    in it is not as the contract of its service describes.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: Json = None
    problem: str | None = None
    misfit: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Bytes went out and no answer came back: the service may have done it, or not."""

    reason: str


Observation: TypeAlias = NotSent | Answer | Lost
