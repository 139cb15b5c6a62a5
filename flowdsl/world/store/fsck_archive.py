"""The archive looked over, and the documents of older versions.

Mended are lines that never came to the disk whole, and damaged ones whose run can be read elsewhere: they are taken out, and the
file as it was goes to quarantine/.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.world.store.archive import Archive, ArchiveLine, lines
from flowdsl.world.store.archive_writer import TORN
from flowdsl.world.store.disk import Disk, opened, read_whole, write_new
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.quarantine import copy_aside, cut_off, set_aside
from flowdsl.world.store.summary import Mendable, StoreFinding, unreadable

_GONE = "restore it from a backup; the run had ended, and nothing waits for it"


class FileLook(NamedTuple):
    """What is in a file of the archive. `sound`: runs whose line is. `end`: behind its last whole line."""

    path: Path
    sound: frozenset[str]
    hurt: tuple[ArchiveLine, ...]
    end: int
    size: int


class ArchiveCheck(Struct, frozen=True):
    """`standing`: runs that are over and stand in a journal as well."""

    disk: Disk
    layout: StoreLayout
    archive: Archive
    standing: frozenset[str]

    def findings(self) -> Iterator[Mendable]:
        """Not by the catalogue, but by the files themselves."""
        looks = [self._look(path) for path in self.archive.paths()]
        elsewhere = self.standing.union(
            *(look.sound for look in looks if isinstance(look, FileLook))
        )
        for look in looks:
            if isinstance(look, FileLook):
                yield from self._file(look, elsewhere)
            else:
                yield look

    def _look(self, path: Path) -> FileLook | Mendable:
        try:
            data = read_whole(self.disk, path)
        except OSError as error:
            return unreadable(f"archive/{path.name}", error), None
        found = list(lines(data))
        hurt = tuple(line for line in found if not line.sound)
        end = found[-1].end if found else 0
        return FileLook(
            path, frozenset(each.run for each in found if each.sound), hurt, end, len(data)
        )

    def document(self, run: str, error: OSError | StoreError) -> Mendable:
        """That it cannot be read."""
        path = self.layout.runs / f"{run}.json"
        where = f"runs/{run}.json"
        if isinstance(error, OSError):
            return unreadable(where, error), None
        again = run in self.standing
        what = "is not the document of a run that was written there"
        finding = StoreFinding(
            where,
            "damaged",
            f"{what}; its journal has it still" if again else what,
            repairable=again,
            code=Code.DAMAGED,
            help="its run is read from the journal" if again else _GONE,
        )
        return finding, partial(set_aside, self.disk, self.layout, path, what) if again else None

    def _file(self, look: FileLook, elsewhere: frozenset[str]) -> Iterator[Mendable]:
        where = f"archive/{look.path.name}"
        lost = [each for each in look.hurt if each.torn or each.run in elsewhere]
        for each in look.hurt:
            mend = partial(self._take_out, look.path, lost) if each in lost else None
            yield self._hurt(where, each, mendable=each in lost), mend
        left = look.size - look.end
        if left > 0 and not self._is_written(look.path):
            finding = StoreFinding(
                where,
                "torn",
                f"its last {left} bytes were never acknowledged; "
                "whoever goes on with the file moves them to quarantine/",
                repairable=True,
                code=Code.DAMAGED,
                help="nothing is lost: their runs stand in their journals",
            )
            yield finding, partial(self._cut_off, look.path)

    def _hurt(self, where: str, each: ArchiveLine, *, mendable: bool) -> StoreFinding:
        whose = f"the line of {each.run}" if each.run else "the line of a run"
        lines = f"bytes {each.start} to {each.end}, {whose},"
        if each.torn:
            what, help_ = (
                "never came to the disk whole",
                "nothing is lost: the run stands in its journal",
            )
        elif mendable:
            what, help_ = "are not what was written; it stands elsewhere as well", "nothing is lost"
        else:
            what, help_ = "are not what was written", _GONE
        return StoreFinding(
            where,
            "torn" if each.torn else "damaged",
            f"{lines} {what}",
            repairable=mendable,
            code=Code.DAMAGED,
            help=help_,
        )

    def _is_written(self, path: Path) -> bool:
        """Some process is at it right now."""
        with suppress(OSError), opened(self.disk, path) as handle:
            return not self.disk.lock(handle, shared=True)
        return False

    def _cut_off(self, path: Path) -> None:
        handle = self.disk.open(path, append=True)
        try:
            if self.disk.lock(handle):
                end = read_whole(self.disk, path).rfind(b"\n") + 1
                cut_off(self.disk, self.layout, path, handle, end, TORN)
        finally:
            self.disk.close(handle)

    def _take_out(self, path: Path, lost: list[ArchiveLine]) -> None:
        """All of them at once, so it is done when it comes to the second."""
        handle = self.disk.open(path, append=True)
        try:
            if not self.disk.lock(handle):
                return
            data, gone = read_whole(self.disk, path), {each.text for each in lost}
            left = [line for line in data.splitlines(keepends=True) if line[:-1] not in gone]
            if b"".join(left) != data:
                copy_aside(self.disk, self.layout, path, data, "lines in it are damaged")
                write_new(self.disk, path, b"".join(left))
        finally:
            self.disk.close(handle)


def beginnings(archive: Archive) -> Iterator[tuple[str, bytes | OSError | StoreError]]:
    """Of each run that is over its first fact, or why it cannot be read."""
    for run in sorted(archive.runs()):
        try:
            records = archive.read(run)
        except (OSError, StoreError) as error:
            yield run, error
        else:
            if records:
                yield run, records[0][1].data
