"""`max_concurrent`: how many requests of a service may be in flight at once, over all runs of the process."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from flowdsl.plan.nodes import Service


@dataclass(slots=True)
class ServiceLimits:
    """A place is kept until the answer is there. Whoever finds none waits, in the order they came."""

    _places: dict[tuple[str, str, int], asyncio.Semaphore] = field(default_factory=dict)

    def place(self, service: Service, url: str) -> AbstractAsyncContextManager[object]:
        if service.max_concurrent is None:
            return nullcontext()
        key = (service.name, urlsplit(url).netloc, service.max_concurrent)
        if key not in self._places:
            self._places[key] = asyncio.Semaphore(service.max_concurrent)
        return self._places[key]
