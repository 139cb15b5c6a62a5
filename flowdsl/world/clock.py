"""Time. Only the engine's loop asks for it; everything else is told."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

SLICE_SECONDS = 30.0


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since 1970. Never goes backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Never wakes before `now()` is that much later."""
        ...


class SystemClock:
    """The wall clock; while that is set back, time goes on at the pace of the monotonic one."""

    def __init__(self) -> None:
        self._now = time.time()
        self._monotonic = time.monotonic()

    def now(self) -> float:
        monotonic = time.monotonic()
        self._now = max(time.time(), self._now + monotonic - self._monotonic)
        self._monotonic = monotonic
        return self._now

    async def sleep(self, seconds: float) -> None:
        # In slices: while a machine is suspended only the wall clock goes on.
        due = self.now() + seconds
        left = seconds
        await asyncio.sleep(0)
        while left > 0:
            await asyncio.sleep(min(left, SLICE_SECONDS))
            left = due - self.now()
