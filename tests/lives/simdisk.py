"""A disk in memory that forgets what was not synced, runs full, and fails on purpose.

Bytes are durable after `sync` of their file, names after `sync_folder`: the weakest disk that POSIX allows. `crash` is a power cut,
`killed` the end of the process alone; both give the disk that the next process finds. A hook sees every
operation before and after it is done, and may raise `Death`: from then on this disk does nothing any more.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flowdsl.world.store.disk import FileStatus
from tests.lives.death import Death


@dataclass(frozen=True, slots=True)
class Operation:
    number: int
    kind: str  # the name of the method
    path: Path


@dataclass(slots=True)
class File:
    inode: int
    data: bytes = b""
    synced: bytes = b""
    pending: list[bytes | int] = field(default_factory=list)  # bytes appended, or the size cut to
    allocated: int = 0
    modified: float = 0.0
    exclusive: int | None = None  # the handle that holds the lock
    shared: set[int] = field(default_factory=set)
    places: dict[int, int] = field(default_factory=dict)  # locked places, by the handle's

    def after_power_cut(self, keep: int) -> bytes:
        """The synced bytes, and of what was pending the first `keep` bytes."""
        data = self.synced
        for change in self.pending:
            if keep <= 0:
                break
            if isinstance(change, int):
                data = data[:change]
            else:
                data += change[:keep]
                keep -= len(change)
        return data


@dataclass(slots=True)
class DiskFault:
    kind: str
    left: int  # this many more of them succeed
    errno: int
    lasting: bool


def _nothing(when: str, operation: Operation) -> None:
    pass


@dataclass(slots=True)
class SimDisk:
    """`capacity`: bytes there is room for. `write_limit`: the most that one write takes. `refusal`: what `allocate` says where
    the file system has none.
    """

    capacity: int | None = None
    write_limit: int | None = None
    refusal: int | None = None
    hook: Callable[[str, Operation], None] = _nothing
    operations: list[Operation] = field(default_factory=list)
    dead: bool = False
    _files: dict[int, File] = field(default_factory=dict)
    _names: dict[Path, int] = field(default_factory=dict)
    _folders: set[Path] = field(default_factory=lambda: {Path("/")})
    _synced_names: dict[Path, int] = field(default_factory=dict)
    _synced_folders: set[Path] = field(default_factory=lambda: {Path("/")})
    _handles: dict[int, tuple[int, Path]] = field(default_factory=dict)
    _writable: set[int] = field(default_factory=set)
    _faults: list[DiskFault] = field(default_factory=list)
    _links: dict[int, bytes] = field(default_factory=dict)  # targets of symlinks, by inode
    is_real: bool = False
    boot: str = "the only one"
    _last: int = 0  # number given to an inode or a handle

    # --- what a test does to it ----------------------------------------------------------------------

    def fail(self, kind: str, number: int, code: int, *, lasting: bool = False) -> None:
        """The `number`-th operation of this kind from now on fails (from 1), or all from that one on."""
        self._faults.append(DiskFault(kind, number - 1, code, lasting))

    def heal(self) -> None:
        """No fault strikes any more."""
        self._faults.clear()

    @property
    def struck(self) -> int:
        """How many of the faults did."""
        return sum(fault.left < 0 for fault in self._faults)

    def crash(self, keep: int | Callable[[int], int] = 0, *, names: bool = False) -> SimDisk:
        """The disk after a power cut. `keep`: how many unsynced bytes of a file are there all the same, out of how many.

        `names`: whether unsynced names (created, renamed, deleted files) are.
        """
        choose = keep if callable(keep) else lambda _: keep
        entries = self._names if names else self._synced_names
        files = {}
        for inode in set(entries.values()):
            file = self._files[inode]
            unsynced = sum(len(c) for c in file.pending if isinstance(c, bytes))
            data = file.after_power_cut(choose(unsynced))
            files[inode] = File(inode, data, data, modified=file.modified)
        folders = self._folders if names else self._synced_folders
        return self._next(files, entries, folders)

    def killed(self) -> SimDisk:
        """The disk after a kill -9: all is there, and no lock is held."""
        files = {
            inode: File(inode, f.data, f.synced, list(f.pending), f.allocated, f.modified)
            for inode, f in self._files.items()
        }
        disk = self._next(files, self._names, self._folders)
        disk._synced_names, disk._synced_folders = (
            dict(self._synced_names),
            set(self._synced_folders),
        )
        return disk

    def count(self, kind: str) -> int:
        return sum(operation.kind == kind for operation in self.operations)

    def content(self, path: Path) -> bytes:
        return self._files[self._names[path]].data

    def overwrite(self, path: Path, data: bytes) -> None:
        """Rot: the bytes change under everybody's eyes."""
        file = self._files[self._names[path]]
        file.data = file.synced = data
        file.pending = []
        if self._names[path] in self._links:
            self._links[self._names[path]] = data

    def lose_folder(self, path: Path) -> None:
        """With all that is in it."""
        for name in [name for name in self._names if path in name.parents]:
            del self._names[name]
        self._folders -= {folder for folder in self._folders if path in (folder, *folder.parents)}

    def files(self) -> list[Path]:
        return sorted(self._names)

    def _next(self, files: dict[int, File], names: dict[Path, int], folders: set[Path]) -> SimDisk:
        disk = SimDisk(self.capacity, self.write_limit, self.refusal)
        disk._files, disk._last, disk._links = files, self._last, dict(self._links)
        for inode in files.keys() & self._links.keys():  # a symlink is there as soon as its name is
            files[inode].data = files[inode].synced = self._links[inode]
        disk._names = {p: i for p, i in names.items() if p.parent in folders}
        disk._synced_names = dict(disk._names)
        disk._folders, disk._synced_folders = set(folders), set(folders)
        return disk

    # --- what the store does with it -----------------------------------------------------------------

    def make_folder(self, path: Path) -> None:
        with self._operation("make_folder", path):
            if path in self._folders or path in self._names:
                raise _error(errno.EEXIST, path)
            self._need_parent(path)
            self._folders.add(path)

    def create(self, path: Path) -> int:
        with self._operation("create", path):
            if path in self._names or path in self._folders:
                raise _error(errno.EEXIST, path)
            self._need_parent(path)
            file = File(self._number())
            self._files[file.inode] = file
            self._names[path] = file.inode
            handle = self._handle(file.inode, path)
            self._writable.add(handle)
            return handle

    def open(self, path: Path, *, append: bool = False) -> int:
        with self._operation("open", path):
            if self._inode(path) in self._links:
                raise _error(errno.ELOOP, path)
            handle = self._handle(self._inode(path), path)
            self._writable |= {handle} if append else set()
            return handle

    def close(self, handle: int) -> None:
        with self._operation("close", self._path(handle)):
            file = self._file(handle)
            if file.exclusive == handle:
                file.exclusive = None
            file.shared.discard(handle)
            file.places = {p: owner for p, owner in file.places.items() if owner != handle}
            del self._handles[handle]

    def read(self, handle: int, offset: int, size: int) -> bytes:
        with self._operation("read", self._path(handle)):
            return self._file(handle).data[offset : offset + size]

    def write(self, handle: int, data: bytes) -> int:
        with self._operation("write", self._path(handle)):
            assert handle in self._writable, "it was opened to be read"
            file = self._file(handle)
            taken = data[: self.write_limit]
            room = self._room(file)
            if room is not None and room < len(taken):
                if room == 0:
                    raise _error(errno.ENOSPC, self._path(handle))
                taken = taken[:room]
            file.data += taken
            file.pending.append(taken)
            file.modified += 1
            return len(taken)

    def truncate(self, handle: int, size: int) -> None:
        with self._operation("truncate", self._path(handle)):
            file = self._file(handle)
            file.data = file.data[:size]
            file.pending.append(size)

    def allocate(self, handle: int, size: int) -> None:
        with self._operation("allocate", self._path(handle)):
            if self.refusal is not None:
                raise _error(self.refusal, self._path(handle))
            file = self._file(handle)
            room = self._room(file)
            if room is not None and room < size - len(file.data):
                raise _error(errno.ENOSPC, self._path(handle))
            file.allocated = size

    def sync(self, handle: int) -> None:
        with self._operation("sync", self._path(handle)):
            file = self._file(handle)
            file.synced, file.pending = file.data, []

    def sync_folder(self, path: Path) -> None:
        with self._operation("sync_folder", path):
            kept = {p: i for p, i in self._synced_names.items() if p.parent != path}
            self._synced_names = kept | {p: i for p, i in self._names.items() if p.parent == path}
            self._synced_folders |= {folder for folder in self._folders if folder.parent == path}

    def status(self, handle: int) -> FileStatus:
        with self._operation("status", self._path(handle)):
            file = self._file(handle)
            links = sum(inode == file.inode for inode in self._names.values())
            return FileStatus(len(file.data), file.inode, links, modified=file.modified)

    def look(self, path: Path) -> FileStatus | None:
        with self._operation("look", path):
            if path in self._folders:
                return FileStatus(0, 0, 1, folder=True)
            if path not in self._names:
                return None
            file = self._files[self._names[path]]
            link = file.inode in self._links
            return FileStatus(len(file.data), file.inode, 1, symlink=link, modified=file.modified)

    def symlink(self, target: str, path: Path) -> None:
        with self._operation("symlink", path):
            if path in self._names or path in self._folders:
                raise _error(errno.EEXIST, path)
            self._need_parent(path)
            data = target.encode()
            file = File(self._number(), data, data)
            self._files[file.inode], self._links[file.inode] = file, data
            self._names[path] = file.inode

    def read_link(self, path: Path) -> str | None:
        with self._operation("read_link", path):
            target = self._links.get(self._inode(path))
            return None if target is None else target.decode(errors="replace")

    def rename(self, old: Path, new: Path) -> None:
        with self._operation("rename", new):
            self._names[new] = self._inode(old)
            del self._names[old]

    def link(self, old: Path, new: Path) -> None:
        with self._operation("link", new):
            if new in self._names:
                raise _error(errno.EEXIST, new)
            self._names[new] = self._inode(old)

    def unlink(self, path: Path) -> None:
        with self._operation("unlink", path):
            self._inode(path)
            del self._names[path]

    def lock(self, handle: int, *, shared: bool = False) -> bool:
        with self._operation("lock", self._path(handle)):
            file = self._file(handle)
            others = file.shared - {handle}
            if file.exclusive not in (None, handle) or (others and not shared):
                return False
            file.exclusive = None if shared else handle
            file.shared = file.shared | {handle} if shared else others
            return True

    def lock_place(self, handle: int, place: int) -> bool:
        with self._operation("lock_place", self._path(handle)):
            return self._file(handle).places.setdefault(place, handle) == handle

    def unlock_place(self, handle: int, place: int) -> None:
        with self._operation("unlock_place", self._path(handle)):
            del self._file(handle).places[place]

    # --- how -----------------------------------------------------------------------------------------

    @contextmanager
    def _operation(self, kind: str, path: Path) -> Iterator[None]:
        if self.dead:
            raise Death
        operation = Operation(len(self.operations) + 1, kind, path)
        self.operations.append(operation)
        try:
            self.hook("before", operation)
            self._maybe_fail(operation)
            yield
            self.hook("after", operation)
        except Death:
            self.dead = True
            raise

    def _maybe_fail(self, operation: Operation) -> None:
        for fault in self._faults:
            if fault.kind == operation.kind:
                fault.left -= 1
                if fault.left == -1 or (fault.lasting and fault.left < 0):
                    raise _error(fault.errno, operation.path)

    def _need_parent(self, path: Path) -> None:
        if path.parent not in self._folders:
            raise _error(errno.ENOENT, path)

    def _inode(self, path: Path) -> int:
        if path not in self._names:
            raise _error(errno.ENOENT, path)
        return self._names[path]

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _handle(self, inode: int, path: Path) -> int:
        handle = self._number()
        self._handles[handle] = (inode, path)
        return handle

    def _file(self, handle: int) -> File:
        return self._files[self._handles[handle][0]]

    def _path(self, handle: int) -> Path:
        return self._handles[handle][1]

    def _room(self, growing: File) -> int | None:
        if self.capacity is None:
            return None
        named = set(self._names.values())
        used = sum(max(len(f.data), f.allocated) for i, f in self._files.items() if i in named)
        return max(0, self.capacity - used + max(0, growing.allocated - len(growing.data)))

    def list(self, path: Path) -> list[str]:
        with self._operation("list", path):
            if path not in self._folders:
                raise _error(errno.ENOENT, path)
            inside = {*self._names, *self._folders} - {Path("/")}
            return sorted(each.name for each in inside if each.parent == path)


def _error(code: int, path: Path) -> OSError:
    return OSError(code, os.strerror(code), str(path))
