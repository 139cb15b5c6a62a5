"""Taking over the runs of dead processes: they are carried into our own journal, under a higher epoch.

A run counts as taken over once all its records stand there and are synced: that also rewrites a tail that a failed sync
may have left in memory only.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from msgspec import Struct

from flowdsl.errors import DiskFull, StoreError
from flowdsl.saga.codec import decode
from flowdsl.saga.events import Event
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.dead_journals import DeadJournals
from flowdsl.world.store.disk import explained
from flowdsl.world.store.index import IndexEntry
from flowdsl.world.store.journal import RecordGroup, read_records
from flowdsl.world.store.journals import JournalReader, Journals
from flowdsl.world.store.offload import Offload
from flowdsl.world.store.own_journal import OwnJournal
from flowdsl.world.store.port import Adoptable
from flowdsl.world.store.summary import check_run_id, damaged, no_run

_Left = tuple[RecordGroup, list[Event]]


class Adoption(Struct, frozen=True):
    own: OwnJournal
    archive: Archive
    journals: Journals
    dead: DeadJournals
    reading: Offload

    async def adopt(self, run: str) -> list[Event] | None:
        check_run_id(run)
        async with self.dead.alone():
            while True:
                reader = await self._reader_of(run)
                if reader is None:
                    return None
                async with self.dead.held(reader) as dead:
                    if not dead:
                        return None
                    if await self._reader_of(run) is reader:
                        carried = await self.reading(partial(_carried, run, reader))
                        if carried is not None:
                            await self.own.append([carried[0]])
                        await self._collect(reader)
                        return None if carried is None else carried[1]
                    # its driver carried it into a new journal, and died only then: look there

    async def adopt_all(self, wanted: Adoptable) -> dict[str, list[Event]]:
        adopted: dict[str, list[Event]] = {}
        async with self.dead.alone():
            await self.reading(self.journals.refresh)
            for reader in [*self.journals.readers.values()]:
                try:
                    async with self.dead.held(reader) as dead:
                        if dead:
                            adopted |= await self._adopt_from(reader, wanted)
                            await self._collect(reader)
                except DiskFull:
                    raise
                except StoreError:
                    if self.own.failed:
                        raise
        return adopted

    async def _adopt_from(self, reader: JournalReader, wanted: Adoptable) -> dict[str, list[Event]]:
        groups: list[RecordGroup] = []
        adopted: dict[str, list[Event]] = {}
        for group, events in await self.reading(partial(self._left_in, reader)):
            if await wanted(events):
                groups.append(group)
                adopted[group.run] = events
        if groups:
            await self.own.append(groups)
        return adopted

    def _left_in(self, reader: JournalReader) -> list[_Left]:
        """The open runs of one dead journal, in one pass over it."""
        self.journals.refresh()
        best = self.journals.runs()
        open_ = {run for run, entry in reader.index.entries.items() if not entry.ended}
        ended = self.archive.surely_over(open_)
        left: list[_Left] = []
        whole = reader.whole()
        for run, entry in reader.index.entries.items():
            if run in ended or entry.ended or best[run][1] is not entry or self.own.entry(run):
                continue
            with suppress(StoreError):  # damaged, or of a newer flowdsl: it stops no other run
                if reader.index.is_damaged(entry):
                    continue
                records = tuple(record for _, record in read_records(whole, entry))
                events = [decode(record.data) for record in records]
                left.append((RecordGroup(run, records, entry.epoch + 1), events))
        return left

    async def _reader_of(self, run: str) -> JournalReader | None:
        """Where a run stands that somebody else drives, or drove; None where it is over, or is ours."""
        with explained(self.journals.layout.root):
            if self.own.entry(run) is not None:
                return None
            return await self.reading(partial(self._elsewhere, run))

    def _elsewhere(self, run: str) -> JournalReader | None:
        self.journals.refresh()
        if self.archive.surely_over([run]):
            return None
        found = self.journals.find(run)
        if found is None:
            raise no_run(run)
        return found[0]

    async def _collect(self, reader: JournalReader) -> None:
        """A dead journal that cannot be tidied away now is tidied away another time."""
        with suppress(StoreError, OSError):
            await self.dead.collect(reader, self._is_carried)

    def _is_carried(self, run: str, entry: IndexEntry) -> bool:
        own, other = self.own.entry(run), self.journals.find(run)
        return any(e is not None and e.epoch > entry.epoch for e in (own, other and other[1]))


def _carried(run: str, reader: JournalReader) -> _Left | None:
    """None where it has ended."""
    entry = reader.index.entries[run]
    if entry.ended:
        return None
    if reader.index.is_damaged(entry):
        raise damaged(run, str(reader.path))
    records = tuple(record for _, record in reader.records(entry))
    return RecordGroup(run, records, entry.epoch + 1), [decode(record.data) for record in records]
