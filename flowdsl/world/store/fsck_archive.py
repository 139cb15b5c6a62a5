"""The archive looked over, and the documents of older versions.

Mended are lines that never came to the disk whole, and damaged ones whose run can be read elsewhere: they are taken out, and the
file as it was goes to quarantine/.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.world.store.archive import Archive, ArchiveFile, HurtLine
from flowdsl.world.store.archive_writer import TORN
from flowdsl.world.store.disk import Disk, opened, read_whole, write_new
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.quarantine import copy_aside, cut_off, set_aside
from flowdsl.world.store.summary import Mendable, StoreFinding, unreadable

_GONE = "restore it from a backup; the run had ended, and nothing waits for it"


class ArchiveCheck(Struct, frozen=True):
    """`standing`: runs that are over and stand in a journal as well."""

    disk: Disk
    layout: StoreLayout
    archive: Archive
    standing: frozenset[str]

    def findings(self) -> Iterator[Mendable]:
        self.archive.refresh()
        elsewhere = self.standing | self.archive.sound_runs()
        for file in self.archive.files.values():
            yield from self._file(file, elsewhere)

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

    def _file(self, file: ArchiveFile, elsewhere: frozenset[str]) -> Iterator[Mendable]:
        where = f"archive/{file.path.name}"
        if file.failure is not None:
            yield (
                StoreFinding(
                    where,
                    "unreadable",
                    file.failure.message,
                    code=file.failure.code,
                    help="check the disk; it is left as it is",
                ),
                None,
            )
            return
        lost = [each for each in file.damages if each.torn or each.run in elsewhere]
        for each in file.damages:
            mend = partial(self._take_out, file, lost) if each in lost else None
            yield self._hurt(where, each, mendable=each in lost), mend
        left = file.size - max((file.end, *(each.end for each in file.damages)))
        if left > 0 and not self._is_written(file):
            finding = StoreFinding(
                where,
                "torn",
                f"its last {left} bytes were never acknowledged; "
                "whoever goes on with the file moves them to quarantine/",
                repairable=True,
                code=Code.DAMAGED,
                help="nothing is lost: their runs stand in their journals",
            )
            yield finding, partial(self._cut_off, file)

    def _hurt(self, where: str, each: HurtLine, *, mendable: bool) -> StoreFinding:
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

    def _is_written(self, file: ArchiveFile) -> bool:
        """Some process is at it right now."""
        with suppress(OSError), opened(self.disk, file.path) as handle:
            return not self.disk.lock(handle, shared=True)
        return False

    def _cut_off(self, file: ArchiveFile) -> None:
        handle = self.disk.open(file.path, append=True)
        try:
            if self.disk.lock(handle):
                end = read_whole(self.disk, file.path).rfind(b"\n") + 1
                cut_off(self.disk, self.layout, file.path, handle, end, TORN)
        finally:
            self.disk.close(handle)

    def _take_out(self, file: ArchiveFile, lost: list[HurtLine]) -> None:
        """All of them at once, so it is done when it comes to the second."""
        handle = self.disk.open(file.path, append=True)
        try:
            status = self.disk.look(file.path)
            if status is None or status.inode != file.inode or not self.disk.lock(handle):
                return
            data = read_whole(self.disk, file.path)
            copy_aside(self.disk, self.layout, file.path, data, "lines in it are damaged")
            for each in reversed(lost):
                data = data[: each.start] + data[each.end :]
            write_new(self.disk, file.path, data)
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
