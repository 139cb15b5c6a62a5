"""Whose turn it is among the runs with one key: one of those that wait in this process looks for all of them.

Each draws its own place in the queue of the store, which is what counts between processes. After that only the first of
a line asks the store again and again; the others wait in memory until it is theirs to ask, or their turn has come.
"""

from __future__ import annotations

import asyncio

from msgspec import Struct, field

from flowdsl.world.clock import Clock
from flowdsl.world.store.port import Ownership

POLL_SECONDS = 0.2


class Turns(Struct, frozen=True):
    """`lines`: by key, the runs that wait here, in their order, and what wakes each."""

    store: Ownership
    clock: Clock
    lines: dict[str, dict[str, asyncio.Event]] = field(default_factory=dict)

    async def wait(self, run: str, key: str) -> None:
        """Returns once it is this run's turn among those with its key."""
        line = self.lines.setdefault(key, {})
        bell = line[run] = asyncio.Event()
        try:
            while (first := await self.store.first_in_queue(key, run)) != run:
                if first in line:  # adopted with an older place than those that came before it
                    line[first].set()
                if first is None or next(iter(line)) == run:
                    await self.clock.sleep(POLL_SECONDS)
                else:
                    await bell.wait()
                    bell.clear()
        finally:
            line.pop(run, None)
            if line:
                next(iter(line.values())).set()
            elif self.lines.get(key) is line:
                del self.lines[key]
