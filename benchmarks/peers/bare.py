"""The trip in a loop without any memory: what nothing durable can beat."""

from __future__ import annotations

import asyncio
from functools import partial

from benchmarks.peers.saga import Client, book

IS_CLIENT = False  # whether the work is done in other processes than this one


class Contender:
    def __init__(self, url: str, folder: str) -> None:
        self.client = Client(url)

    async def start(self) -> list[int]:
        """The processes that belong to it, besides this one."""
        return []

    async def run(self, trip: str) -> None:
        await book(trip, partial(self.client.call, trip), lambda steps: asyncio.gather(*steps))

    async def submit(self, trip: str) -> None:
        """Returns once the trip would outlive the process."""
        raise NotImplementedError

    async def recover(self) -> None:
        """Goes on with what a dead process has left."""
        raise NotImplementedError

    async def stop(self) -> None:
        await self.client.aclose()
