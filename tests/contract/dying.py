"""How a driver dies: at a point that it passes, or while a request is out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from flowdsl.plan.request import Request
from flowdsl.saga.observation import Observation
from flowdsl.world.http import Http


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

    def point(self) -> None:
        if self.dead:
            raise Death
        self.passed += 1
        self.crashes += self.passed in self.crash_at
        if self.passed in self.crash_at or self.passed == self._dies_at:
            self._die()

    def out(self, line: str) -> None:
        self.point()
        if line == self._dies_on:
            self._die()

    def _die(self) -> None:
        self.dead = True
        raise Death


@dataclass(frozen=True, slots=True)
class Wire:
    """The network of a driver that may die."""

    network: Http
    fuse: Fuse

    async def send(
        self, request: Request, *, secrets: Mapping[str, str], timeout_seconds: float, fresh: bool
    ) -> Observation:
        self.fuse.point()
        exchange = asyncio.create_task(
            self.network.send(
                request, secrets=secrets, timeout_seconds=timeout_seconds, fresh=fresh
            )
        )
        await asyncio.sleep(0)  # the bytes are on their way
        try:
            self.fuse.out(f"{request.method} {request.url.removeprefix('http://mock/')}")
            seen = await exchange
            self.fuse.point()
        except BaseException:
            exchange.cancel()
            raise
        return seen
