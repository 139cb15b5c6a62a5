"""How many requests may be in flight at once, over all runs of the process: to a host, and of a service with `max_concurrent`.

Whoever has to wait does it here, before its time begins. Were it left to the transport, a crowd would
time out in front of its own connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from msgspec import Struct, field

from flowdsl.plan.nodes import Service
from flowdsl.world.network.hosts import CONNECTIONS_PER_HOST


class ServiceLimits(Struct):
    """A place is kept until the answer is there. Those that find none wait, in the order in which they came."""

    _places: dict[tuple[str, str, int], asyncio.Semaphore] = field(default_factory=dict)

    @asynccontextmanager
    async def place(self, service: Service, url: str) -> AsyncIterator[None]:
        host = urlsplit(url).netloc
        async with AsyncExitStack() as taken:
            if service.max_concurrent is not None:
                await taken.enter_async_context(
                    self._places_of(service.name, host, service.max_concurrent)
                )
            await taken.enter_async_context(self._places_of("", host, CONNECTIONS_PER_HOST))
            yield

    def _places_of(self, service: str, host: str, number: int) -> asyncio.Semaphore:
        key = (service, host, number)
        if key not in self._places:
            self._places[key] = asyncio.Semaphore(number)
        return self._places[key]
