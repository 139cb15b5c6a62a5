"""Which disks a power cut may leave: by what was synced, and by the character of the disk for all that was not.

ordered      names and sizes come to the disk in the order they were made, any sync brings all of them; bytes come before their size
write-back   the same, but the bytes of a size that is there may not be: they read as zeros
weakest      all that POSIX promises: each unsynced sector, cut and name is there or is not, in any combination

A rename is two changes: the new name, then the end of the old one, which is never there without the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from tests.lives.simdisk import File, SimDisk

CHARACTERS = ("ordered", "write-back", "weakest")
SECTOR_BYTES = 64  # small, as the records of these tests are


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not synced. `needs`: the change that is there if this one is. `begun`: any sync came after it."""

    number: int
    inode: int = 0
    offset: int = -1  # of `data`, or the size cut to
    data: bytes | None = None
    path: Path | None = None  # this name is of the inode now; of nothing where that is 0
    folder: bool = False
    needs: int = 0
    begun: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """What a power cut at this moment has to go by."""

    disk: SimDisk
    files: dict[int, bytes]
    names: dict[Path, int]
    folders: frozenset[Path]
    log: tuple[Change, ...]

    def states(self, character: str, random: Random, most: int) -> Iterator[SimDisk]:
        """All legal disks if there are not more than `most`; else the extremes and a choice."""
        seen: set[object] = set()
        for kept in _choices(character, self.log, random, most):
            files, names, folders = self._after(kept)
            key = (tuple(sorted(names.items())), tuple(sorted(files.items())), frozenset(folders))
            if key not in seen:
                seen.add(key)
                named = set(names.values())
                on_it = {i: File(i, d, d) for i, d in files.items() if i in named}
                yield self.disk._next(on_it, names, folders)

    def _after(self, kept: list[Change]) -> tuple[dict[int, bytes], dict[Path, int], set[Path]]:
        files, names, folders = dict(self.files), dict(self.names), set(self.folders)
        for change in kept:
            if change.folder:
                assert change.path is not None
                folders.add(change.path)
            elif change.path is not None:
                if change.inode:
                    names[change.path] = change.inode
                    files.setdefault(change.inode, b"")
                else:
                    names.pop(change.path, None)
            else:
                files[change.inode] = _written(files.get(change.inode, b""), change)
        return files, names, folders


def _written(before: bytes, change: Change) -> bytes:
    if change.data is None:
        return before[: change.offset]
    end = change.offset + len(change.data)
    return before.ljust(change.offset, b"\0")[: change.offset] + change.data + before[end:]


def _choices(
    character: str, log: tuple[Change, ...], random: Random, most: int
) -> Iterator[list[Change]]:
    match character:
        case "ordered":
            return _ordered(log, most)
        case "write-back":
            return _written_back(log, random, most)
        case _:
            return _any(_in_sectors(log), random, most)


def _ordered(log: tuple[Change, ...], most: int) -> Iterator[list[Change]]:
    sure = [c for c in log if c.begun and c.path is not None]
    rest = [c for c in log if c not in sure]
    for length in range(len(rest) + 1):
        yield sorted([*sure, *rest[:length]], key=_number)
        if length < len(rest) and rest[length].data:
            for part in _torn(rest[length], most):
                yield sorted([*sure, *rest[:length], part], key=_number)


def _torn(change: Change, most: int) -> Iterator[Change]:
    """The write came in up to a byte."""
    data = change.data or b""
    step = max(1, len(data) // most)
    for size in sorted({*range(1, len(data), step), len(data) - 1}):
        yield replace(change, data=data[:size])


def _written_back(log: tuple[Change, ...], random: Random, most: int) -> Iterator[list[Change]]:
    for prefix in _ordered(log, 1):
        pieces = _in_sectors(tuple(prefix))
        lost = [n for n, c in enumerate(pieces) if c.data]
        for away in _subsets(lost, random, most):
            yield [
                replace(c, data=bytes(len(c.data))) if n in away and c.data else c
                for n, c in enumerate(pieces)
            ]


def _any(log: list[Change], random: Random, most: int) -> Iterator[list[Change]]:
    numbers = list(range(len(log)))
    for away in _subsets(numbers, random, most):
        there = {log[n].number for n in numbers if n not in away}
        kept = [c for n, c in enumerate(log) if n not in away]
        yield [c for c in kept if not c.needs or c.needs in there or _synced(c.needs, log)]
        if kept and kept[-1].data:
            half = replace(kept[-1], data=kept[-1].data[: random.randrange(len(kept[-1].data))])
            yield [*(c for c in kept[:-1] if not c.needs or c.needs in there), half]


def _synced(number: int, log: list[Change]) -> bool:
    return all(change.number != number for change in log)


def _subsets(numbers: list[int], random: Random, most: int) -> Iterator[frozenset[int]]:
    if 2 ** len(numbers) <= most:
        for mask in range(2 ** len(numbers)):
            yield frozenset(n for bit, n in enumerate(numbers) if mask >> bit & 1)
        return
    yield from (frozenset(), frozenset(numbers))
    for number in random.sample(numbers, min(len(numbers), most // 3)):
        yield frozenset([number])
        yield frozenset(numbers) - {number}
    for _ in range(most // 3):
        yield frozenset(n for n in numbers if random.random() < 0.5)


def _in_sectors(log: tuple[Change, ...]) -> list[Change]:
    pieces: list[Change] = []
    for change in log:
        if not change.data:
            pieces.append(change)
            continue
        at, data = change.offset, change.data
        while data:
            size = SECTOR_BYTES - at % SECTOR_BYTES
            pieces.append(replace(change, offset=at, data=data[:size]))
            at, data = at + size, data[size:]
    return pieces


def _number(change: Change) -> int:
    return change.number


@dataclass(slots=True)
class LoggedDisk(SimDisk):
    """A disk that knows what was synced of it, change by change."""

    log: list[Change] = field(default_factory=list)
    _bytes: dict[int, bytes] = field(default_factory=dict)
    _kept_names: dict[Path, int] = field(default_factory=dict)
    _kept_folders: set[Path] = field(default_factory=lambda: {Path("/")})
    _changes: int = 0

    @staticmethod
    def found(disk: SimDisk) -> LoggedDisk:
        """The disk that the next process finds, all of it synced."""
        new = LoggedDisk()
        new._files = {i: File(i, f.data, f.data) for i, f in disk._files.items()}
        new._names, new._folders, new._last = dict(disk._names), set(disk._folders), disk._last
        new._links = dict(disk._links)
        new._bytes = {i: f.data for i, f in disk._files.items()}
        new._kept_names, new._kept_folders = dict(disk._names), set(disk._folders)
        return new

    def moment(self) -> Moment:
        return Moment(
            self,
            dict(self._bytes),
            dict(self._kept_names),
            frozenset(self._kept_folders),
            tuple(self.log),
        )

    def make_folder(self, path: Path) -> None:
        SimDisk.make_folder(self, path)
        self._log(Change(0, path=path, folder=True))

    def create(self, path: Path) -> int:
        handle = SimDisk.create(self, path)
        self._log(Change(0, self._names[path], path=path))
        return handle

    def write(self, handle: int, data: bytes) -> int:
        offset = len(self._file(handle).data)
        taken = SimDisk.write(self, handle, data)
        self._log(Change(0, self._file(handle).inode, offset, data[:taken]))
        return taken

    def truncate(self, handle: int, size: int) -> None:
        SimDisk.truncate(self, handle, size)
        self._log(Change(0, self._file(handle).inode, size))

    def rename(self, old: Path, new: Path) -> None:
        SimDisk.rename(self, old, new)
        added = self._log(Change(0, self._names[new], path=new))
        self._log(Change(0, path=old, needs=added))

    def link(self, old: Path, new: Path) -> None:
        SimDisk.link(self, old, new)
        self._log(Change(0, self._names[new], path=new))

    def symlink(self, target: str, path: Path) -> None:
        SimDisk.symlink(self, target, path)
        self._log(Change(0, self._names[path], path=path))

    def unlink(self, path: Path) -> None:
        SimDisk.unlink(self, path)
        self._log(Change(0, path=path))

    def sync(self, handle: int) -> None:
        SimDisk.sync(self, handle)
        inode = self._file(handle).inode
        self._bytes[inode] = self._file(handle).data
        self._settle(lambda change: change.path is None and change.inode == inode)

    def sync_folder(self, path: Path) -> None:
        SimDisk.sync_folder(self, path)
        mine = {p: i for p, i in self._names.items() if p.parent == path}
        for inode in mine.values():
            self._bytes.setdefault(inode, b"")
        others = {p: i for p, i in self._kept_names.items() if p.parent != path}
        self._kept_names = others | mine
        self._kept_folders |= {each for each in self._folders if each.parent == path}
        self._settle(lambda change: change.path is not None and change.path.parent == path)

    def _settle(self, synced: object) -> None:
        assert callable(synced)
        self.log = [replace(change, begun=True) for change in self.log if not synced(change)]

    def _log(self, change: Change) -> int:
        self._changes += 1
        self.log.append(replace(change, number=self._changes))
        return self._changes
