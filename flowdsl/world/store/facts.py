"""The facts of a run, wherever it stands: in our own journal, in that of another process, or in the archive."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from msgspec import Struct

from flowdsl.errors import InputError, StoreError
from flowdsl.saga.codec import decode
from flowdsl.saga.events import Created
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.disk import explained
from flowdsl.world.store.journal import Record
from flowdsl.world.store.journals import Journals
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.offload import Offload
from flowdsl.world.store.own_journal import OwnJournal
from flowdsl.world.store.summary import Recorded, check_run_id, damaged, no_run


class Facts(Struct, frozen=True):
    layout: StoreLayout
    own: OwnJournal
    archive: Archive
    journals: Journals
    reading: Offload

    async def follow(self, run: str, after_sequence: int = 0) -> list[Recorded]:
        with explained(self.layout.root, to="read"):
            found = await self._own(check_run_id(run), after_sequence)
            if found is not None:
                return found
            try:
                return await self.reading(partial(self._elsewhere, run, after_sequence))
            except InputError:  # it may have come into our hands meanwhile
                found = await self._own(run, after_sequence)
                if found is None:
                    raise
                return found

    async def began(self, run: str) -> Created:
        first = (await self.follow(run))[0].event
        assert isinstance(first, Created), "a run begins with its Created"
        return first

    async def _own(self, run: str, after_sequence: int) -> list[Recorded] | None:
        if self.own.entry(run) is None and run not in self.own.finished:
            return None
        records = await self.own.records(run, after_sequence)
        return None if records is None else _decoded(records)

    def _elsewhere(self, run: str, after_sequence: int) -> list[Recorded]:
        looked_again = False
        while True:
            problem: StoreError | InputError = no_run(run)
            try:
                archived = self.archive.read(run)
            except StoreError as error:
                archived, problem = None, error  # its journal is there still, maybe
            if archived is not None:
                return _decoded(archived[after_sequence:])
            self.journals.refresh()
            found = self.journals.find(run)
            if found is not None:
                reader, entry = found
                if reader.index.is_damaged(entry):
                    raise damaged(run, str(reader.path))
                with suppress(FileNotFoundError):
                    return _decoded(reader.records(entry, after_sequence))
            elif looked_again:
                raise problem
            else:
                looked_again = True  # it may just have moved from its journal to the archive


def _decoded(records: Iterable[tuple[int, Record]]) -> list[Recorded]:
    return [Recorded(n, record.wall_milliseconds, decode(record.data)) for n, record in records]
