"""How a driver dies: at a point that it passes, or while a request is out."""

from __future__ import annotations

from dataclasses import dataclass

from flowdsl.plan.request import Request


class Death(BaseException):
    """The process is gone: nothing catches this."""


@dataclass(slots=True)
class Fuse:
    """Burns where the story wants its driver to die, and at `crash_at`: points, counted over all lives, where it crashes as well."""

    crash_at: frozenset[int] = frozenset()
    passed: int = 0
    crashes: int = 0
    dead: bool = False
    _dies_on: str = ""
    _dies_at: int = 0

    def begin(self, dies_on: str, dies_at: int) -> None:
        """A new life, that dies while that line is out, or at so many points from here; "" and 0: it lives on."""
        self.dead = False
        self._dies_on, self._dies_at = dies_on, self.passed + dies_at if dies_at else 0

    def pass_point(self) -> None:
        if self.dead:
            raise Death
        self.passed += 1
        self.crashes += self.passed in self.crash_at
        if self.passed in self.crash_at or self.passed == self._dies_at:
            self._die()

    def out(self, request: Request) -> None:
        self.pass_point()
        line = f"{request.method} {request.url.removeprefix('http://mock/')}"
        if line == self._dies_on:
            self._die()

    def _die(self) -> None:
        self.dead = True
        raise Death
