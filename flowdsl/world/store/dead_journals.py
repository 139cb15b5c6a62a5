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
from flowdsl.plan.json import to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.store.disk import Disk, explained, write_new
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.index import IndexEntry
from flowdsl.world.store.journal import RESERVE_SUFFIX
from flowdsl.world.store.journals import JournalReader, Journals
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.offload import Offload, obtained

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.01
_LOOKED_AT = -1
_CHUNK = 64  # documents synced in one go: appends of our own come in between


class DeadJournals(Struct):
    disk: Disk
    layout: StoreLayout
    journals: Journals
    documents: Documents
    writing: Offload
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
        for start in range(0, len(ended), _CHUNK):
            chunk = ended[start : start + _CHUNK]
            await self.writing(partial(self._export, reader, chunk))
        with explained(reader.path):
            await self.reading(partial(self._delete, reader))

    def _ended(
        self, reader: JournalReader, is_carried: Callable[[str, IndexEntry], bool]
    ) -> list[IndexEntry] | None:
        """The runs whose documents have to be there before it may go. None: it has to stay."""
        if reader.index.damages:
            return None
        documents = set(self.documents.runs())
        ended: list[IndexEntry] = []
        for run, entry in reader.index.entries.items():
            if is_carried(run, entry):
                continue
            if entry.ended:
                ended.append(entry)
            elif run not in documents:
                return None
        return ended

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

    def _export(self, reader: JournalReader, entries: list[IndexEntry]) -> None:
        """Runs that ended, and whose driver died before it wrote their documents, or before those were synced."""
        for entry in entries:
            if not self._is_exported(entry.run):
                report: Json = {
                    "format": 1,
                    "run": entry.run,
                    "workflow": entry.workflow,
                    "state": entry.ended,
                }
                records = [record for _, record in reader.records(entry)]
                self.documents.write(entry.run, to_bytes(report), records)
        self.documents.sync([entry.run for entry in entries])

    def _is_exported(self, run: str) -> bool:
        try:
            return self.documents.read(run) is not None
        except StoreError:
            return False


def set_torn_tail_aside(
    disk: Disk, layout: StoreLayout, reader: JournalReader, handle: int
) -> None:
    """Of a journal that is held locked, and was read to its end."""
    end, size = reader.index.end, disk.status(handle).size
    if size == end or reader.index.rotten_tail:
        return
    name = f"{reader.index.writer}.{end}"
    why: Json = {
        "journal": reader.path.name,
        "offset": end,
        "bytes": size - end,
        "why": "the last batch is not whole: its writer died before it was acknowledged",
    }
    tail = disk.read(handle, end, size - end)
    write_new(disk, layout.quarantine / f"{name}.torn", tail)
    write_new(disk, layout.quarantine / f"{name}.why.json", to_bytes(why))
    disk.truncate(handle, end)
    disk.sync(handle)
