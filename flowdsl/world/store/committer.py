"""Group commit: while one batch is being synced, the next one queues up and goes out as a whole. No timer is involved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from msgspec import Struct, field

from flowdsl.world.store.journal import JournalFile, RecordGroup
from flowdsl.world.store.offload import Offload

BATCH_BYTES = 1024 * 1024
_LINE_BYTES = 200  # about what a line holds besides its event

Waiting = tuple[RecordGroup, "asyncio.Future[None]"]


class Committer(Struct):
    """`between`: called after each batch, when nothing is being written; it may replace the journal."""

    journal: JournalFile
    offload: Offload
    between: Callable[[], Awaitable[None]]
    _queue: list[Waiting] = field(default_factory=list)
    _pump: asyncio.Task[None] | None = None

    def append(self, group: RecordGroup) -> asyncio.Future[None]:
        """Done when it is durable. It is appended even if nobody waits for it any more."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((group, done))
        if (
            self._pump is None
        ):  # it starts in the loop's next turn: all that this turn appends shares a batch
            self._pump = asyncio.create_task(self._run())
        return done

    async def drain(self) -> None:
        while self._pump is not None:
            await asyncio.wait([self._pump])

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._commit(self._take())
                await self.between()
        except BaseException as error:
            _settle(self._queue, error)
            self._queue.clear()
            if not isinstance(error, Exception):
                raise
        finally:
            self._pump = None

    def _take(self) -> list[Waiting]:
        size = taken = 0
        for group, _ in self._queue:
            size += sum(len(record.data) + _LINE_BYTES for record in group.records)
            if taken and size > BATCH_BYTES:
                break
            taken += 1
        batch = self._queue[:taken]
        del self._queue[:taken]
        return batch

    async def _commit(self, waiting: list[Waiting]) -> None:
        groups = [group for group, _ in waiting]
        try:
            batch, refused = await self.offload(partial(self.journal.write_what_fits, groups))
        except BaseException as error:
            _settle(waiting, error)
            if isinstance(error, Exception):
                return
            raise
        if batch is not None:
            self.journal.kept(batch)
        if refused is not None:
            _settle([each for each in waiting if each[0].intent], refused)
        for _, done in waiting:
            if not done.done():
                done.set_result(None)


def _settle(waiting: Sequence[Waiting], error: BaseException) -> None:
    for _, done in waiting:
        if done.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            done.cancel()
        else:
            done.set_exception(error)
