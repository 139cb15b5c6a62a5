"""The journal of one process, a file: a batch that `write` took is on the disk when it returns.

Batch N+1 is never written before batch N is synced; that is what lets a reader tell a torn tail from damage. After a
failed sync nobody knows what is on the disk, so nothing is written or synced through that handle again. A full disk
starts nothing new; what is already under way has a reserve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import DiskFull, JournalLost, StoreError
from flowdsl.world.store.disk import ASIDE, FULL, Disk, explain, set_room_aside, write_all
from flowdsl.world.store.index import IndexEntry, JournalIndex
from flowdsl.world.store.line import Line, read_line, write_line
from flowdsl.world.store.summary import damaged

RESERVE_BYTES = 256 * 1024
SUFFIX, RESERVE_SUFFIX = ".jsonl", ".reserve"


class Record(Struct, frozen=True):
    """An event as the codec wrote it, and when it was first kept."""

    wall_milliseconds: int
    data: bytes


class RecordGroup(Struct, frozen=True):
    """What one call appends for a run: all of it is in one batch, or none is.

    `epoch`: the run begins here, with its first record, under this epoch; None where it goes on.
    `intent`: something new starts, which has no claim on the reserve.
    """

    run: str
    records: tuple[Record, ...]
    epoch: int | None = None
    intent: bool = False


class Batch(Struct, frozen=True):
    """What was written and synced: the lines with their offsets, and where the journal stands after them."""

    lines: tuple[tuple[int, Line], ...]
    end: int
    hash: bytes


class JournalFile(Struct):
    """Blocking; written by one thread at a time. `index` shows what was confirmed by `kept`."""

    disk: Disk
    path: Path
    handle: int
    index: JournalIndex
    size: int = 0
    full: bool = False
    failure: StoreError | None = None

    @staticmethod
    def create(disk: Disk, folder: Path, writer: str) -> JournalFile:
        """Nobody sees it before `publish`, and it is locked by then: nobody takes it for a dead one's."""
        path = folder / f"{writer}{SUFFIX}"
        handle = disk.create(folder / f"{ASIDE}{path.name}")
        journal = JournalFile(disk, path, handle, JournalIndex(writer))
        try:
            assert disk.lock(handle), "a file that nobody knew of was locked"
            journal._set_reserve_aside()
        except BaseException:
            journal.abandon()
            raise
        return journal

    def publish(self) -> None:
        self.disk.rename(self._aside, self.path)
        self.disk.sync_folder(self.path.parent)

    def abandon(self) -> None:
        """It was never published: as if it had not been made."""
        self.disk.close(self.handle)
        for path in (self._aside, self._reserve):
            with suppress(OSError):
                self.disk.unlink(path)

    def write(self, groups: Sequence[RecordGroup]) -> Batch:
        """All of it, durable on return. DiskFull: nothing of it is kept. StoreError: nothing more ever will be."""
        if self.failure is not None:
            raise self.failure
        lines, texts = self._lines(groups)
        self._check_untouched()
        try:
            write_all(self.disk, self.handle, b"".join(texts))
        except OSError as error:
            raise self._take_back(error) from error
        try:
            self.disk.sync(self.handle)
        except OSError as error:
            raise self._poison(error) from error
        placed: list[tuple[int, Line]] = []
        for line, text in zip(lines, texts, strict=True):
            placed.append((self.size, line))
            self.size += len(text)
        return Batch(tuple(placed), self.size, texts[-1][6:38])

    def write_what_fits(
        self, groups: Sequence[RecordGroup]
    ) -> tuple[Batch | None, DiskFull | None]:
        """The whole batch; where there is no room for it, what does not start anything. And what the others are told."""
        refused: DiskFull | None = None
        if not self.full or self._regain():
            try:
                return self.write(groups), None
            except DiskFull as error:
                refused = error
        facts = [group for group in groups if not group.intent]
        refused = refused or DiskFull(
            f"no room left for {self.path}",
            code=Code.DISK_FULL,
            help="make room, then `flowdsl resume`",
        )
        return (self.write(facts) if facts else None), refused

    def kept(self, batch: Batch) -> None:
        """From here on it can be seen."""
        index, last = self.index, batch.lines[-1][1]
        for offset, line in batch.lines:
            index.add(offset, line)
        index.end, index.number, index.batch, index.hash = (
            batch.end,
            last.number,
            last.batch,
            batch.hash,
        )

    def close(self, *, delete: bool) -> None:
        """Lets go of the lock: what is left unfinished may be taken over from now on."""
        if self.handle < 0:
            return
        try:
            with suppress(OSError):
                self.disk.unlink(self._reserve)
            if delete:
                self.disk.unlink(self.path)
                self.disk.sync_folder(self.path.parent)
        finally:
            self.disk.close(self.handle)
            self.handle = -1

    @property
    def _aside(self) -> Path:
        return self.path.with_name(f"{ASIDE}{self.path.name}")

    @property
    def _reserve(self) -> Path:
        return self.path.with_suffix(RESERVE_SUFFIX)

    def _lines(self, groups: Sequence[RecordGroup]) -> tuple[list[Line], list[bytes]]:
        index = self.index
        number, chain, batch = index.number, index.hash, index.batch + 1
        left = sum(len(group.records) for group in groups)
        standing: dict[str, tuple[int, int]] = {}  # run → epoch, sequence
        lines: list[Line] = []
        texts: list[bytes] = []
        for group in groups:
            epoch, sequence = standing.get(group.run) or self._standing(group)
            for record in group.records:
                number, sequence, left = number + 1, sequence + 1, left - 1
                line = Line(
                    hash=b"",
                    number=number,
                    batch=batch,
                    previous=chain,
                    wall_milliseconds=record.wall_milliseconds,
                    run=group.run,
                    sequence=sequence,
                    epoch=epoch,
                    end=left == 0,
                    data=record.data,
                )
                chain, text = write_line(line)
                lines.append(line)
                texts.append(text)
            standing[group.run] = (epoch, sequence)
        return lines, texts

    def _standing(self, group: RecordGroup) -> tuple[int, int]:
        if group.epoch is not None:
            return group.epoch, 0
        entry = self.index.entries[group.run]
        return entry.epoch, entry.count

    def _check_untouched(self) -> None:
        """Anybody else's byte, or a deleted file, and we are not who drives these runs any more."""
        try:
            status = self.disk.status(self.handle)
        except OSError as error:
            raise self._poison(error) from error
        if status.size == self.size and status.links > 0:
            return
        what = "was deleted" if status.links == 0 else "is not as this process left it"
        self.failure = JournalLost(
            f"{self.path} {what}", code=Code.JOURNAL_LOST, help="`flowdsl fsck`"
        )
        raise self.failure

    def _take_back(self, error: OSError) -> StoreError:
        """For good: pieces of two batches in one place would be what no cut write leaves."""
        try:
            self.disk.truncate(self.handle, self.size)
            self.disk.sync(self.handle)
        except OSError as second:
            return self._poison(second)
        if error.errno not in FULL:
            return self._poison(error)
        self.full = True
        with suppress(OSError):
            self.disk.unlink(self._reserve)
        return explain(error, self.path)

    def _poison(self, error: OSError) -> StoreError:
        self.failure = StoreError(
            f"{self.path} could not be written: {error.strerror or error}",
            code=Code.JOURNAL_LOST,
            help="check the disk, then `flowdsl resume`: nothing was sent that is not on it",
        )
        return self.failure

    def _set_reserve_aside(self) -> None:
        handle = self.disk.create(self._reserve)
        try:
            set_room_aside(self.disk, handle, RESERVE_BYTES)
        except OSError:
            with suppress(OSError):
                self.disk.unlink(self._reserve)
            raise
        finally:
            self.disk.close(handle)

    def _regain(self) -> bool:
        """Somebody made room: the reserve is set aside first."""
        with suppress(FileExistsError):
            try:
                self._set_reserve_aside()
            except OSError:
                return False
        self.full = False
        return True


Read = Callable[[int, int], bytes]  # offset, size


def read_records(
    read: Read, entry: IndexEntry, after_sequence: int = 0
) -> list[tuple[int, Record]]:
    """The records of a run, each verified again: what was sound when it was indexed may have been overwritten."""
    found = []
    for sequence, offset in enumerate(entry.offsets[after_sequence:], after_sequence + 1):
        line = read_line(_line_at(read, offset))
        if line is None or (line.run, line.sequence) != (entry.run, sequence):
            raise damaged(entry.run, f"record {sequence} in its journal")
        found.append((sequence, Record(line.wall_milliseconds, line.data)))
    return found


def _line_at(read: Read, offset: int) -> bytes:
    size = 4096
    while True:
        data = read(offset, size)
        newline = data.find(b"\n")
        if newline >= 0 or len(data) < size:
            return data[: max(newline, 0)]
        size *= 8
