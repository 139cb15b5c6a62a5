"""A network whose user may die before, during and after each request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from flowdsl.plan.request import Request
from flowdsl.saga.observation import Observation
from flowdsl.world.network.http import Http


class Points(Protocol):
    """Where a process may die: these raise when it does."""

    def pass_point(self) -> None: ...

    def out(self, request: Request) -> None:
        """The bytes are on their way, and nobody has answered yet."""


@dataclass(frozen=True, slots=True)
class DyingNetwork:
    network: Http
    fuse: Points

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
            seen = await exchange
            self.fuse.pass_point()
        except BaseException:
            exchange.cancel()
            raise
        return seen
