"""The journals of dead processes: locked, read to their end, and deleted when nothing depends on them any more.

One process at a time takes anything over (it holds the lock of `store.json`), so a journal that is locked is that of a
living driver and not of another adopter.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.archive_writer import ArchiveWriter
from flowdsl.world.store.archived_run import write_run
from flowdsl.world.store.disk import Disk, explained
from flowdsl.world.store.index import IndexEntry, summary_of
from flowdsl.world.store.journal import RESERVE_SUFFIX
from flowdsl.world.store.journals import JournalReader, Journals
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.offload import Offload, obtained
from flowdsl.world.store.quarantine import cut_off

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.01
_LOOKED_AT = -1


class DeadJournals(Struct):
    disk: Disk
    layout: StoreLayout
    journals: Journals
    archive: Archive
    writer: ArchiveWriter
    reading: Offload

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """No other process takes anything over meanwhile."""
        with explained(self.layout.about):
            opening = partial(self.disk.open, self.layout.about)
            handle = await obtained(self.reading, opening, self.disk.close)
        try:
            for _ in range(int(WAIT_SECONDS / _POLL_SECONDS)):
                if await self.reading(partial(self.disk.lock, handle)):
                    break
                await asyncio.sleep(_POLL_SECONDS)
            else:
                raise StoreError(
                    f"another process has been taking runs over for {WAIT_SECONDS:.0f} seconds",
                    code=Code.STORE_HELD,
                    help="is one stopped (Ctrl-Z)? `fg`, or end it",
                )
            yield
        finally:
            self.disk.close(handle)

    @asynccontextmanager
    async def held(self, reader: JournalReader) -> AsyncIterator[bool]:
        """Whether its writer is dead. If so the journal is locked and read to its end, its torn tail set aside."""
        handle = None
        try:
            with explained(reader.path):
                handle = await self._lock(reader)
                if handle is not None:
                    await self.reading(partial(self._read_to_its_end, reader, handle))
            yield handle is not None
        finally:
            if handle is not None:
                self.disk.close(handle)

    async def collect(
        self, reader: JournalReader, is_carried: Callable[[str, IndexEntry], bool]
    ) -> None:
        """Delete a dead journal, held locked, if nothing depends on it. What is damaged is never deleted."""
        ended = await self.reading(partial(self._ended, reader, is_carried))
        if ended is None:
            return
        await self.writer.keep(ended, partial(_line, reader))
        with explained(reader.path):
            await self.reading(partial(self._delete, reader))

    def _ended(
        self, reader: JournalReader, is_carried: Callable[[str, IndexEntry], bool]
    ) -> list[IndexEntry] | None:
        """The runs that have to be archived before it may go. None: it has to stay."""
        if reader.index.damages:
            return None
        left = [e for run, e in reader.index.entries.items() if not is_carried(run, e)]
        unended = {entry.run for entry in left if not entry.ended}
        if unended - self.archive.surely_over(unended):
            return None
        ended = [entry for entry in left if entry.ended]
        archived = self.archive.stand(entry.run for entry in ended)
        self.writer.sync(set(archived.values()))
        return [entry for entry in ended if entry.run not in archived]

    def _delete(self, reader: JournalReader) -> None:
        self.disk.unlink(reader.path)
        self.disk.sync_folder(self.layout.journals)

    def _read_to_its_end(self, reader: JournalReader, handle: int) -> None:
        reader.refresh()
        set_torn_tail_aside(self.disk, self.layout, reader, handle)
        with suppress(FileNotFoundError):
            self.disk.unlink(reader.path.with_suffix(RESERVE_SUFFIX))

    async def _lock(self, reader: JournalReader) -> int | None:
        """None where a living process has it, or it is gone."""
        for _ in range(int(WAIT_SECONDS / _POLL_SECONDS)):
            try:
                found = await obtained(
                    self.reading, partial(self._lock_now, reader), self._give_back
                )
            except FileNotFoundError:
                return None
            if found != _LOOKED_AT:
                return found
            await asyncio.sleep(_POLL_SECONDS)
        return None

    def _lock_now(self, reader: JournalReader) -> int | None:
        """_LOOKED_AT where somebody only looks whether there is a driver."""
        handle = self.disk.open(reader.path, append=True)
        if self.disk.lock(handle):
            found = self.disk.look(reader.path)
            if found is not None and found.inode == self.disk.status(handle).inode:
                return handle
            self.disk.close(handle)  # deleted or replaced while we waited
            return None
        is_driven = not self.disk.lock(handle, shared=True)
        self.disk.close(handle)
        return None if is_driven else _LOOKED_AT

    def _give_back(self, handle: int | None) -> None:
        if handle is not None and handle != _LOOKED_AT:
            self.disk.close(handle)


def _line(reader: JournalReader, entry: IndexEntry) -> bytes:
    """Of a run whose driver died before it was archived."""
    return write_run(summary_of(entry), [record for _, record in reader.records(entry)])


def set_torn_tail_aside(
    disk: Disk, layout: StoreLayout, reader: JournalReader, handle: int
) -> None:
    """Of a journal that is held locked, and was read to its end."""
    end, size = reader.index.end, disk.status(handle).size
    if size > end and not reader.index.rotten_tail:
        why = "the last batch is not whole: its writer died before it was acknowledged"
        cut_off(disk, layout, reader.path, handle, end, why)
