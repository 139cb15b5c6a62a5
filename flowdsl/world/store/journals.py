"""The journals of the other processes, living and dead, as a reader sees them: only what no power cut can take back.

What is read is synced by the reader before it is shown, and only whole batches are. Each look reads what is new since
the last one, so it may be done many times a second. A run is where its highest epoch is.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.world.store.disk import Disk, explain, explained, names, opened, read_whole
from flowdsl.world.store.index import IndexEntry, JournalIndex
from flowdsl.world.store.journal import SUFFIX, Read, Record, read_records
from flowdsl.world.store.layout import StoreLayout

_CANNOT_SYNC = frozenset({errno.EROFS, errno.EINVAL, errno.EACCES, errno.EBADF})  # nor write, then


class JournalReader(Struct):
    """One journal of another process."""

    disk: Disk
    path: Path
    index: JournalIndex
    inode: int = 0
    size: int = 0
    failure: StoreError | None = None

    def refresh(self) -> None:
        """Raises FileNotFoundError where it is gone."""
        status = self.disk.look(self.path)
        if status is None:
            raise FileNotFoundError(errno.ENOENT, "gone", str(self.path))
        if status.inode == self.inode and status.size == self.index.end and self.failure is None:
            return
        with opened(self.disk, self.path) as handle:
            status = self.disk.status(handle)
            if status.inode != self.inode or status.size < self.index.end:
                self.index, self.inode = JournalIndex(self.index.writer), status.inode
            data = self.disk.read(handle, self.index.end, status.size - self.index.end)
            self._sync(handle)
        self.size, self.failure = status.size, None
        self.index.read(data)

    def records(self, entry: IndexEntry, after_sequence: int = 0) -> list[tuple[int, Record]]:
        if entry.count <= after_sequence:
            return []
        with opened(self.disk, self.path) as handle:
            return read_records(partial(self.disk.read, handle), entry, after_sequence)

    def whole(self) -> Read:
        """All of it in memory, for a reader that needs most of its runs."""
        data = read_whole(self.disk, self.path)
        return lambda offset, size: data[offset : offset + size]

    def is_driven(self) -> bool:
        """A living process has it locked. Readers share their lock, so none takes another for a driver."""
        with suppress(OSError), opened(self.disk, self.path) as handle:
            return not self.disk.lock(handle, shared=True)
        return False

    def _sync(self, handle: int) -> None:
        try:
            self.disk.sync(handle)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC:
                raise


Found = tuple[JournalReader, IndexEntry]


class Journals(Struct):
    """`own`: the writers of this process, which it knows better than by reading."""

    disk: Disk
    layout: StoreLayout
    own: set[str] = field(default_factory=set)
    readers: dict[str, JournalReader] = field(default_factory=dict)
    _moved: set[str] = field(default_factory=set)  # runs of journals that are gone

    def refresh(self) -> None:
        for _ in range(20):
            with explained(self.layout.journals):
                found = set(self._writers())
            for writer in self.readers.keys() - found:
                self._forget(writer)
            if all(self._refresh(writer) for writer in found):
                return
        raise StoreError(
            f"{self.layout.journals} changes too fast to be read", code=Code.UNUSABLE_STORE
        )

    def find(self, run: str) -> Found | None:
        found = [
            (reader, entry)
            for reader in self.readers.values()
            if (entry := reader.index.entries.get(run)) is not None
        ]
        return max(found, key=_epoch, default=None)

    def runs(self) -> dict[str, Found]:
        """Each run where its highest epoch is."""
        best: dict[str, Found] = {}
        for reader in self.readers.values():
            for run, entry in reader.index.entries.items():
                if run not in best or entry.epoch > best[run][1].epoch:
                    best[run] = (reader, entry)
        return best

    def may_hide_runs(self) -> bool:
        """Whether lines were lost: a run that is found nowhere may have been in them."""
        readers = self.readers.values()
        return any(reader.failure is not None or reader.index.damages for reader in readers)

    def moved(self) -> set[str]:
        """The runs with lines that this did not tell of yet."""
        self.refresh()
        moved, self._moved = self._moved, set()
        for reader in self.readers.values():
            moved |= reader.index.touched
            reader.index.touched.clear()
        return moved

    def _forget(self, writer: str) -> None:
        """Whatever was still written there, and never read, was of the runs that were open in it."""
        index = self.readers.pop(writer).index
        self._moved |= index.touched | {e.run for e in index.entries.values() if not e.ended}

    def _writers(self) -> Iterator[str]:
        for name in names(self.disk, self.layout.journals):
            writer = name.removesuffix(SUFFIX)
            if name.endswith(SUFFIX) and writer not in self.own:
                yield writer

    def _refresh(self, writer: str) -> bool:
        """False where it went away under our eyes: its runs are in another one by now, so all is looked at again."""
        reader = self.readers.get(writer)
        if reader is None:
            path = self.layout.journals / f"{writer}{SUFFIX}"
            reader = self.readers[writer] = JournalReader(self.disk, path, JournalIndex(writer))
        try:
            reader.refresh()
        except FileNotFoundError:
            self._forget(writer)
            return False
        except OSError as error:  # one bad journal does not hide the others
            reader.failure = explain(error, reader.path, to="read")
        return True


def _epoch(found: Found) -> int:
    return found[1].epoch
