"""Taking over what dead processes left: their journals are locked, read to the end, and their runs carried elsewhere.

One process at a time does it (it holds the lock of `store.json`), so a journal that is locked is that of a living driver
and not of another adopter. A run counts as taken over once all its records stand, under a higher epoch, in
another journal and are synced: that also rewrites a tail that a failed sync may have left in memory only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

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
from flowdsl.world.store.offload import Offload

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.01
_CHUNK = 64  # documents synced in one go: appends of our own come in between


@dataclass(slots=True)
class Adoption:
    disk: Disk
    layout: StoreLayout
    journals: Journals
    documents: Documents
    offload: Offload

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """No other process takes anything over meanwhile."""
        with explained(self.layout.about):
            handle = self.disk.open(self.layout.about)
        try:
            for _ in range(int(WAIT_SECONDS / _POLL_SECONDS)):
                if self.disk.lock(handle):
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
    async def dead(self, reader: JournalReader) -> AsyncIterator[bool]:
        """Whether its writer is dead. If so the journal is locked and read to its end, its torn tail set aside."""
        handle = None
        try:
            with explained(reader.path):
                handle = await self._lock(reader)
                if handle is not None:
                    reader.refresh()
                    set_torn_tail_aside(self.disk, self.layout, reader, handle)
                    with suppress(FileNotFoundError):
                        self.disk.unlink(reader.path.with_suffix(RESERVE_SUFFIX))
            yield handle is not None
        finally:
            if handle is not None:
                self.disk.close(handle)

    async def collect(
        self, reader: JournalReader, is_carried: Callable[[str, IndexEntry], bool]
    ) -> bool:
        """Delete a dead journal, held locked, if nothing depends on it. What is damaged is never deleted."""
        if reader.index.damages:
            return False
        documents = set(self.documents.runs())
        ended: list[IndexEntry] = []
        for run, entry in reader.index.entries.items():
            if is_carried(run, entry):
                continue
            if entry.ended:
                ended.append(entry)
            elif run not in documents:
                return False
        for start in range(0, len(ended), _CHUNK):
            chunk = ended[start : start + _CHUNK]
            await self.offload(partial(self._export, reader, chunk))
        with explained(reader.path):
            self.disk.unlink(reader.path)
            self.disk.sync_folder(self.layout.journals)
        return True

    async def _lock(self, reader: JournalReader) -> int | None:
        """None where a living process has it, or it is gone."""
        try:
            handle = self.disk.open(reader.path, append=True)
        except FileNotFoundError:
            return None
        for _ in range(int(WAIT_SECONDS / _POLL_SECONDS)):
            if self.disk.lock(handle):
                found = self.disk.look(reader.path)
                if found is not None and found.inode == self.disk.status(handle).inode:
                    return handle
                break  # deleted or replaced while we waited
            if not self.disk.lock(handle, shared=True):
                break  # a driver
            await asyncio.sleep(_POLL_SECONDS)  # only somebody who looks whether there is one
        self.disk.close(handle)
        return None

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
