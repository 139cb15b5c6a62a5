"""How many requests may be in flight at once, over all runs of the process: to a host, and of a service with `max_concurrent`.

A call that has to wait does it here, before its time begins. Were it left to the transport, a crowd would
time out in front of its own connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

from msgspec import Struct, field

from flowdsl.plan.nodes import Service
from flowdsl.world.network.hosts import CONNECTIONS_PER_HOST


class ServiceLimits(Struct):
    """A place is kept until the answer is there. Those that find none wait, in the order in which they came."""

    _places: dict[tuple[str, str, int], asyncio.Semaphore] = field(default_factory=dict)

    def place(self, service: Service, url: str) -> AbstractAsyncContextManager[None]:
        host = urlsplit(url).netloc
        at_host = self._places_of("", host, CONNECTIONS_PER_HOST)
        if service.max_concurrent is None:
            return at_host
        return _both(self._places_of(service.name, host, service.max_concurrent), at_host)

    def _places_of(self, service: str, host: str, number: int) -> asyncio.Semaphore:
        key = (service, host, number)
        if key not in self._places:
            self._places[key] = asyncio.Semaphore(number)
        return self._places[key]


@asynccontextmanager
async def _both(first: asyncio.Semaphore, second: asyncio.Semaphore) -> AsyncIterator[None]:
    async with first, second:
        yield
