"""How a process dies: at a point that it passes, at a change of its disk, or while a request is out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowdsl.engine.ports import Network
from flowdsl.plan.request import Request
from flowdsl.saga.observation import Observation

if TYPE_CHECKING:
    from tests.lives.simdisk import Operation, SimDisk

CHANGES = frozenset(
    {"write", "sync", "sync_folder", "create", "make_folder", "rename", "link", "unlink"}
    | {"truncate", "symlink"}
)


class Death(BaseException):
    """The process is gone: it was killed, or the power went. No `except Exception` may survive it."""


@dataclass(slots=True)
class Fuse:
    """Counts the points where a process may die, over all its lives, and burns at those of `burns_at`, or where it is told to.

    `disk` dies with the process. `after`: an operation of the disk is a point after it is done as well as before.
    """

    burns_at: frozenset[int] = frozenset()
    disk: SimDisk | None = None
    after: bool = False
    passed: int = 0
    crashes: int = 0  # at points of `burns_at`
    outside: bool = False  # somebody else is at the disk
    died: asyncio.Event = field(default_factory=asyncio.Event)
    _dies_on: str = ""
    _dies_at: int = 0

    def begin(self, dies_on: str = "", dies_at: int = 0) -> None:
        """A new life, that dies while that line is out, or at so many points from here; "" and 0: it lives on."""
        self.died.clear()
        self._dies_on, self._dies_at = dies_on, self.passed + dies_at if dies_at else 0

    def pass_point(self) -> None:
        self.check()
        self.passed += 1
        self.crashes += self.passed in self.burns_at
        if self.passed in self.burns_at or self.passed == self._dies_at:
            self.burn()
            raise Death

    def check(self) -> None:
        if self.died.is_set():
            raise Death

    def burn(self) -> None:
        self.died.set()
        if self.disk is not None:
            self.disk.dead = True

    def out(self, request: Request) -> None:
        """The bytes are on their way, and nobody has answered yet."""
        self.pass_point()
        if f"{request.method} {request.url.removeprefix('http://mock/')}" == self._dies_on:
            self.burn()
            raise Death

    def see(self, when: str, operation: Operation) -> None:
        """The hook of a simulated disk."""
        is_point = when == "before" or self.after
        if is_point and operation.kind in CHANGES and not self.outside:
            self.pass_point()


@dataclass(frozen=True, slots=True)
class DyingNetwork:
    """A network whose user may die before, during and after each request.

    What was out is cut off with its process, or goes on in `underway`.
    """

    network: Network
    fuse: Fuse
    underway: set[asyncio.Task[object]] | None = None

    async def send(
        self, request: Request, *, secrets: Mapping[str, str], timeout_seconds: float, fresh: bool
    ) -> Observation:
        self.fuse.pass_point()
        exchange = asyncio.create_task(
            self.network.send(
                request, secrets=secrets, timeout_seconds=timeout_seconds, fresh=fresh
            )
        )
        await asyncio.sleep(0)  # the bytes are on their way
        try:
            self.fuse.out(request)
            seen = await (exchange if self.underway is None else asyncio.shield(exchange))
            self.fuse.pass_point()
        except BaseException:
            if self.underway is None:
                exchange.cancel()
            else:
                self.underway.add(exchange)
            raise
        return seen
