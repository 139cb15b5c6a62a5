"""The journal that this process appends to: made when it is first needed, renewed when it is long, deleted when it is done.

A run that has ended leaves it for a document of its own. What is still open when the journal is renewed is carried into
the new one, which nobody can see before all of it stands there.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

from msgspec import Struct, field

from flowdsl.codes import Code
from flowdsl.errors import DiskFull, StoreError
from flowdsl.world.store.committer import BATCH_BYTES, Committer
from flowdsl.world.store.disk import Disk, explained
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.index import IndexEntry
from flowdsl.world.store.journal import JournalFile, Record, RecordGroup, read_records
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.offload import Offload
from flowdsl.world.store.port import Report
from flowdsl.world.store.summary import not_driven

_CHUNK = 64  # documents synced in one go: appends come in between


class OwnJournal(Struct):
    """`writers`: the names of its files, for the reader of the others'."""

    disk: Disk
    layout: StoreLayout
    documents: Documents
    offload: Offload
    wall: Callable[[], float]
    writers: set[str]
    rotate_bytes: int
    _rotate_at: int = 0
    _committer: Committer | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _retired: list[JournalFile] = field(default_factory=list)
    _retiring: asyncio.Task[None] | None = None

    @property
    def failed(self) -> bool:
        """A failed sync: nothing can be appended any more."""
        return self._committer is not None and self._committer.journal.failure is not None

    async def append(self, groups: Iterable[RecordGroup]) -> None:
        """Each group is durable as a whole, on return."""
        committer = await self._opened()
        waiting = [committer.append(group) for group in groups]
        await asyncio.gather(*waiting)

    def entry(self, run: str) -> IndexEntry | None:
        """The run as this process drives it; None where it does not."""
        return None if self._committer is None else self._committer.journal.index.entries.get(run)

    def entries(self) -> dict[str, IndexEntry]:
        """A copy: other threads ask as well."""
        return {} if self._committer is None else dict(self._committer.journal.index.entries)

    async def records(self, run: str, after_sequence: int) -> list[tuple[int, Record]] | None:
        """None where this process does not drive the run (any more)."""
        return await self.offload(partial(self._records, run, after_sequence))

    def _records(self, run: str, after_sequence: int) -> list[tuple[int, Record]] | None:
        """In the thread that writes: no other could be sure that the journal is not renewed and closed meanwhile."""
        committer = self._committer
        entry = None if committer is None else committer.journal.index.entries.get(run)
        if committer is None or entry is None:
            return None
        read = partial(self.disk.read, committer.journal.handle)
        return read_records(read, entry, after_sequence)

    async def finish(self, run: str, report: Report) -> None:
        """A document that cannot be written takes nothing away: the run stays readable in the journal."""
        if self._committer is None or (entry := self.entry(run)) is None:
            raise not_driven(run)
        assert entry.ended, "a run is finished after it has ended"
        read = partial(self.disk.read, self._committer.journal.handle)

        def export() -> None:
            records = [record for _, record in read_records(read, entry)]
            self.documents.write(run, report() if callable(report) else report, records)

        with suppress(OSError):
            await self.offload(export)
            self._committer.journal.index.entries.pop(run, None)

    async def close(self) -> None:
        """Deletes the journal if every run in it has its document, and lets go of it."""
        if self._committer is None:
            return
        await self._committer.drain()
        if self._retiring is not None:
            await self._retiring
        journal, self._committer = self._committer.journal, None
        done = journal.failure is None and not journal.index.entries
        if done:
            self._retired.append(journal)
        await self._retire()
        for kept in (*self._retired, *(() if done else (journal,))):
            await self.offload(partial(kept.close, delete=False))

    async def _opened(self) -> Committer:
        if self._committer is None:
            async with self._opening:
                if self._committer is None:
                    journal = await self.offload(self._new_journal)
                    self._rotate_at = self.rotate_bytes
                    self._committer = Committer(journal, self.offload, self._between)
        return self._committer

    def _new_journal(self) -> JournalFile:
        with explained(self.layout.journals):
            journal = self._unpublished()
            journal.publish()
        return journal

    def _unpublished(self) -> JournalFile:
        writer = f"{int(self.wall() * 1000):012x}-{secrets.token_hex(4)}"
        self.writers.add(writer)
        return JournalFile.create(self.disk, self.layout.journals, writer)

    # --- renewal -------------------------------------------------------------------------------------

    async def _between(self) -> None:
        assert self._committer is not None
        old = self._committer.journal
        if old.size < self._rotate_at or old.failure is not None:
            return
        try:
            new = await self.offload(partial(self._renewed, old))
        except DiskFull:
            self._rotate_at = old.size + self.rotate_bytes  # later, then
            return
        except StoreError as error:
            old.failure = (
                error  # it may be that the new one can be seen: the old one must not go on
            )
            return
        self._committer.journal = new
        self._rotate_at = max(self.rotate_bytes, 2 * new.size)
        self._retired.append(old)
        self._retiring = self._retiring or asyncio.create_task(self._retire())

    def _renewed(self, old: JournalFile) -> JournalFile:
        with explained(old.path):
            new = self._unpublished()
            try:
                for groups in _batches(_carried(self.disk, old)):
                    new.kept(new.write(groups))
            except BaseException:
                new.abandon()
                raise
            try:
                new.publish()
            except OSError as error:
                raise StoreError(
                    f"{new.path}: {error.strerror or error}", code=Code.JOURNAL_LOST
                ) from error
        return new

    async def _retire(self) -> None:
        """Journals that hold nothing any more but what has a document: that is synced, and they go."""
        unsynced = self.documents.unsynced
        try:
            while self._retired:
                # Runs go on ending, and journals being renewed, while this waits: what is there now goes together.
                journals, left = list(self._retired), len(unsynced)
                while left > 0:
                    chunk = unsynced[: min(_CHUNK, left)]
                    await self.offload(partial(self.documents.sync, chunk))
                    del unsynced[: len(chunk)]
                    left -= len(chunk)
                for journal in journals:
                    await self.offload(partial(journal.close, delete=True))
                    self._retired.remove(journal)
        except OSError:
            return  # they stay, and are collected by the next process
        finally:
            self._retiring = None


def _carried(disk: Disk, journal: JournalFile) -> Iterator[RecordGroup]:
    read = partial(disk.read, journal.handle)
    for entry in list(journal.index.entries.values()):
        records = tuple(record for _, record in read_records(read, entry))
        yield RecordGroup(entry.run, records, epoch=entry.epoch + 1)


def _batches(groups: Iterable[RecordGroup]) -> Iterator[list[RecordGroup]]:
    batch: list[RecordGroup] = []
    size = 0
    for group in groups:
        batch.append(group)
        size += sum(len(record.data) for record in group.records)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
