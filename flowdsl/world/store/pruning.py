"""Old runs are thrown away: whole files of the archive, once the newest run in them is old enough.

Nothing of a run that is open goes, nor what one may ask for: its parent, its children, definitions. An id that was claimed stays
claimed: a line of the state `pruned` remains of its run, durable before the file goes, so that nothing starts it again.
A file that is damaged stays.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from flowdsl.errors import StoreError
from flowdsl.saga.codec import decode
from flowdsl.saga.events import Created
from flowdsl.world.store.archive import Archive, lines
from flowdsl.world.store.archive_writer import ArchiveWriter
from flowdsl.world.store.archived_run import read_facts, read_summary, write_run
from flowdsl.world.store.disk import Disk, read_whole
from flowdsl.world.store.journal import Record
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.offload import Offload
from flowdsl.world.store.summary import PRUNED, Pruned, RunSummary

_NOTHING = b'{"t":"pruned"}'


class Needed(NamedTuple):
    """`open`: runs that are not over, or not in the archive alone. `parents`: of those."""

    open: frozenset[str]
    parents: frozenset[str]


class OldFile(NamedTuple):
    """Held locked, if there is a handle. `left`: the lines that remain of its runs."""

    path: Path
    handle: int
    runs: int
    size: int
    left: list[bytes]


class Pruning(Struct, frozen=True):
    disk: Disk
    layout: StoreLayout
    archive: Archive
    writer: ArchiveWriter
    reading: Offload

    async def prune(self, before: float, needed: Needed, *, only_plan: bool) -> Pruned:
        runs = size = 0
        for path in await self.reading(self._paths):
            old = await self.reading(partial(self._old, path, before, needed))
            if old is None:
                continue
            try:
                runs, size = runs + old.runs, size + old.size
                if not only_plan:
                    await self.writer.keep(old.left, bytes)
                    await self.reading(partial(self._remove, path))
            finally:
                self.disk.close(old.handle)
        return Pruned(runs, size)

    def _paths(self) -> list[Path]:
        runs = self.archive.documents.runs()
        return [*self.archive.paths(), *(self.layout.runs / f"{run}.json" for run in runs)]

    def _old(self, path: Path, before: float, needed: Needed) -> OldFile | None:
        """None where it stays."""
        try:
            handle = self.disk.open(path, append=True)
        except OSError:
            return None
        with suppress(OSError, StoreError):
            runs = self._runs_in(path) if self.disk.lock(handle) else []
            old = bool(runs) and all(self._may_go(one, before, needed) for one in runs)
            if old and any(one.ended != PRUNED for one, _ in runs):
                left = [self._left_of(one, record) for one, record in runs if self._is_claimed(one)]
                size = self.disk.status(handle).size
                return OldFile(path, handle, len(runs), size, left)
        self.disk.close(handle)
        return None

    def _runs_in(self, path: Path) -> list[tuple[RunSummary, list[Record]]]:
        """Empty where not all of it can be read."""
        if path.parent == self.layout.runs:
            run = path.name.removesuffix(".json")
            records = self.archive.documents.read(run) or []
            return [(self.archive.documents.summary(run), [record for _, record in records])]
        data = read_whole(self.disk, path)
        found = list(lines(data))
        if not data.endswith(b"\n") or not all(line.sound for line in found):
            return []
        return [
            (read_summary(line.text), [record for _, record in read_facts(line.text)])
            for line in found
        ]

    def _may_go(self, read: tuple[RunSummary, list[Record]], before: float, needed: Needed) -> bool:
        one, records = read
        if one.damaged or not records or one.run in needed.open | needed.parents:
            return False
        first = decode(records[0].data)
        is_child = isinstance(first, Created) and first.parent in needed.open
        return not is_child and records[-1].wall_milliseconds / 1000 < before

    def _is_claimed(self, one: RunSummary) -> bool:
        return self.disk.look(self.layout.claims / one.run) is not None

    def _left_of(self, one: RunSummary, records: list[Record]) -> bytes:
        last = records[-1].wall_milliseconds
        left = RunSummary(one.run, one.workflow, one.created_at, PRUNED)
        return write_run(left, [Record(last, _NOTHING)])

    def _remove(self, path: Path) -> None:
        self.disk.unlink(path)
        self.disk.sync_folder(path.parent)
