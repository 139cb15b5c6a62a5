"""The journal that this process appends to: made when it is first needed, renewed when it is long, deleted when it is done.

A run that is over is read in it until its journal is done; then all of those move to the archive together, and it goes. What
is still open when the journal is renewed is carried into the new one, which nobody can see before all of it stands there.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.errors import DiskFull, StoreError
from flowdsl.world.store.archive_writer import ArchiveWriter
from flowdsl.world.store.archived_run import write_run
from flowdsl.world.store.committer import BATCH_BYTES, Committer
from flowdsl.world.store.disk import Disk, explained
from flowdsl.world.store.index import IndexEntry, summary_of
from flowdsl.world.store.journal import JournalFile, Record, RecordGroup, read_records
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.offload import Offload
from flowdsl.world.store.summary import Closing, RunSummary, not_driven


class Finished(Struct, frozen=True):
    """A run that is over, and is not in the archive yet."""

    journal: JournalFile
    entry: IndexEntry
    closing: Closing | None

    @property
    def summary(self) -> RunSummary:
        return replace(summary_of(self.entry), closing=self.closing)


class OwnJournal(Struct):
    """`writers`: the names of its files, for the reader of the others'."""

    disk: Disk
    layout: StoreLayout
    writer: ArchiveWriter
    offload: Offload
    wall: Callable[[], float]
    writers: set[str]
    rotate_bytes: int
    finished: dict[str, Finished] = field(default_factory=dict)
    _rotate_at: int = 0
    _committer: Committer | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _retired: list[JournalFile] = field(default_factory=list)
    _retiring: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._committer is not None

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

    def over(self) -> dict[str, Finished]:
        """A copy, of the runs that were driven here and are in the archive soon."""
        return dict(self.finished)

    async def records(self, run: str, after_sequence: int) -> list[tuple[int, Record]] | None:
        """None where it stands elsewhere (by now)."""
        return await self.offload(partial(self._records, run, after_sequence))

    def _records(self, run: str, after_sequence: int) -> list[tuple[int, Record]] | None:
        """In the thread that writes: no other could be sure that the journal is not renewed and closed meanwhile."""
        committer, entry, done = self._committer, self.entry(run), self.finished.get(run)
        if committer is not None and entry is not None:
            return _read(self.disk, committer.journal, entry, after_sequence)
        if done is not None and done.journal.handle >= 0:
            return _read(self.disk, done.journal, done.entry, after_sequence)
        return None

    async def finish(self, run: str, closing: Closing | None) -> None:
        if self._committer is None or (entry := self.entry(run)) is None:
            raise not_driven(run)
        assert entry.ended, "a run is finished after it has ended"
        journal = self._committer.journal
        self.finished[run] = Finished(journal, journal.index.entries.pop(run), closing)

    async def close(self) -> None:
        """Deletes the journal if every run in it is over, and lets go of it."""
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
        if (
            not done
        ):  # it stays, and what lists say of the runs that are over in it is known only here
            with suppress(OSError, StoreError):
                await self._archive([*self.finished.values()])
        for kept in (*self._retired, *(() if done else (journal,))):
            await self.offload(partial(kept.close, delete=False))
        self._retired.clear()

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
        for run in self.finished:  # meanwhile
            new.index.entries.pop(run, None)
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
        """The runs that are over in journals that hold nothing else are archived, and the journals go."""
        try:
            while self._retired:
                # Runs go on ending, and journals being renewed, while this waits: what is there now goes together.
                journals = list(self._retired)
                over = [
                    one for one in self.finished.values() if any(one.journal is j for j in journals)
                ]
                await self._archive(over)
                for journal in journals:
                    await self.offload(partial(journal.close, delete=True))
                    self._retired.remove(journal)
                for one in over:
                    del self.finished[one.entry.run]
        except (OSError, StoreError):
            return  # they stay, and are collected by the next process
        finally:
            self._retiring = None

    async def _archive(self, over: Sequence[Finished]) -> None:
        await self.writer.keep(over, partial(_line, self.disk))


def _line(disk: Disk, one: Finished) -> bytes:
    return write_run(one.summary, [r for _, r in _read(disk, one.journal, one.entry)])


def _read(
    disk: Disk, journal: JournalFile, entry: IndexEntry, after_sequence: int = 0
) -> list[tuple[int, Record]]:
    return read_records(partial(disk.read, journal.handle), entry, after_sequence)


def _carried(disk: Disk, journal: JournalFile) -> Iterator[RecordGroup]:
    for entry in list(journal.index.entries.values()):
        records = tuple(record for _, record in _read(disk, journal, entry))
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
