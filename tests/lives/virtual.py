"""Time that stands still while anything can be done, and jumps when nothing can.

Hours of waiting finish at once, and in the same order every time. Only for code without threads and sockets.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import TypeVar

if find_spec("sniffio") is None:
    # httpx imports it for every request of an ASGITransport; that it is not there is looked up once.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

T = TypeVar("T")

EPOCH = 1_700_000_000.0


class Stalled(Exception):
    """Everybody waits, and nothing will ever happen."""


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.elapsed = 0.0
        self.rounds = 0  # turns of the loop
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.elapsed


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._jumper = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._jumper.rounds += 1
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Stalled
        self._jumper.elapsed += max(timeout, 0.0)
        return []


class VirtualClock:
    """The clock of a virtual loop, as the engine sees it."""

    def now(self) -> float:
        return EPOCH + asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtually(main: Coroutine[object, object, T]) -> T:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def at_once(work: Coroutine[object, object, T]) -> T:
    """What waits for nothing, as a store without threads does: it needs no loop, and one may be running."""
    try:
        work.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    raise AssertionError("it waits for something")
