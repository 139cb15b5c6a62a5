"""Moves runs that are over into the archive: any number of them with one sync, after which their journal may go.

Whoever does it has the last file locked meanwhile; another process that comes then takes the next number. A file that is long,
or whose last line is not whole, or that was begun weeks ago, is gone on with by nobody: so whole files grow old together.
What a dead process left of a line at the end of a file is set aside first. What could not be written is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from flowdsl.world.store.archive import SUFFIX
from flowdsl.world.store.archived_run import is_sound, read_facts
from flowdsl.world.store.disk import Disk, names, opened, write_all
from flowdsl.world.store.index import is_torn
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.offload import Offload
from flowdsl.world.store.quarantine import cut_off

T = TypeVar("T")

ARCHIVE_BYTES = 1024 * 1024  # a file that is as long is not gone on with
ARCHIVE_SECONDS = 7 * 24 * 3600  # nor one that was begun so long ago
TORN = "the last lines are not whole: their writer died before they were acknowledged, and its journal has these runs"
_CHUNK = 64  # runs written in one go: appends to the journal come in between


class OpenArchive(Struct):
    """Locked. `size`: where it ended when it was opened."""

    path: Path
    handle: int
    size: int


class ArchiveWriter(Struct, frozen=True):
    disk: Disk
    layout: StoreLayout
    offload: Offload
    wall: Callable[[], float]

    async def keep(self, runs: Sequence[T], line: Callable[[T], bytes]) -> None:
        """All of them or none; durable on return. `line` reads one, in the thread."""
        if not runs:
            return
        file = await self.offload(self._open)
        try:
            for start in range(0, len(runs), _CHUNK):
                chunk = runs[start : start + _CHUNK]
                await self.offload(partial(self._write, file, chunk, line))
            await self.offload(partial(self._sync, file))
        except BaseException:
            await self.offload(partial(self._take_back, file))
            raise
        await self.offload(partial(self.disk.close, file.handle))

    def sync(self, paths: Iterable[Path]) -> None:
        """What a process that died may have written and not synced."""
        for path in paths:
            with opened(self.disk, path) as handle:
                self.disk.sync(handle)

    def _write(self, file: OpenArchive, runs: Sequence[T], line: Callable[[T], bytes]) -> None:
        write_all(self.disk, file.handle, b"".join(line(run) for run in runs))

    def _sync(self, file: OpenArchive) -> None:
        self.disk.sync(file.handle)

    def _take_back(self, file: OpenArchive) -> None:
        with suppress(OSError):
            self.disk.truncate(file.handle, file.size)
            if file.size == 0:
                self.disk.unlink(file.path)
        self.disk.close(file.handle)

    def _open(self) -> OpenArchive:
        number = max(self._numbers(), default=1)
        while True:
            path = self.layout.archive / f"{number}{SUFFIX}"
            if (handle := self._locked(path)) is not None:
                size = self._end(path, handle)
                if size is not None:
                    return OpenArchive(path, handle, size)
                self.disk.close(handle)
            number += 1

    def _numbers(self) -> list[int]:
        stems = [name.removesuffix(SUFFIX) for name in names(self.disk, self.layout.archive)]
        return [int(stem) for stem in stems if stem.isdecimal()]

    def _locked(self, path: Path) -> int | None:
        """None where somebody else has it."""
        try:
            handle = self.disk.open(path, append=True)
        except FileNotFoundError:
            try:
                handle = self.disk.create(path)
            except FileExistsError:
                return None
        except OSError:
            if self.disk.look(path) is None:
                raise  # a new one could not be used either
            return None  # no file of ours, or one that cannot be used: the next one, then
        if self.disk.lock(handle):
            found = self.disk.look(path)
            if found is not None and found.inode == self.disk.status(handle).inode:
                return handle
        self.disk.close(handle)  # removed or replaced while we came, or locked
        return None

    def _end(self, path: Path, handle: int) -> int | None:
        """Where it is gone on with, what is torn set aside; None where it is not. The name of a file is durable before a
        line is in it.
        """
        size = self.disk.status(handle).size
        if size >= ARCHIVE_BYTES:
            return None
        data = self.disk.read(handle, 0, size)
        end = whole_end(data)
        if end < size and not is_torn(data[end:]):
            return None
        if end == 0:
            self.disk.sync_folder(self.layout.archive)
        elif self._is_old(data[: data.index(b"\n")]):
            return None
        if end < size:
            cut_off(self.disk, self.layout, path, handle, end, TORN)
        return end

    def _is_old(self, first: bytes) -> bool:
        if not is_sound(first):
            return True
        ended = read_facts(first)[-1][1].wall_milliseconds / 1000
        return self.wall() - ended > ARCHIVE_SECONDS


def whole_end(data: bytes) -> int:
    """Behind the last line that is sound."""
    end = len(data)
    while end > 0:
        end = data.rfind(b"\n", 0, end) + 1
        start = data.rfind(b"\n", 0, max(end - 1, 0)) + 1
        if end == 0 or is_sound(data[start : end - 1]):
            return end
        end = start
    return 0
