"""The port under the store: the few things it asks of a disk, so that a test can bring one that forgets and fails.

Handles are file descriptors and every write is an append: there is no buffer that could lose what was thought written.
Locks are flock's: the kernel lets go of them when a process dies, and closing another handle of the same file does not.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import DiskFull, StoreError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ASIDE = ".new-"  # how the name of a file begins while it is being written
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# What is said where there is no fallocate: ext2, FUSE, shared folders. EBADF: glibc would write in its place, and does not
# where writes are appends; of a handle that is none the write that follows says so too.
_NOT_ALLOCATED = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EBADF, errno.ENODEV}
)
_NO_FILE = frozenset({errno.EINVAL, errno.ELOOP, errno.ENXIO, errno.EISDIR})


class FileStatus(Struct, frozen=True):
    size: int
    inode: int
    links: int
    folder: bool = False
    symlink: bool = False
    modified: float = 0.0
    shared: bool = False  # others than its owner may write it
    foreign: bool = False  # it belongs to another user, who is not root


class Disk(Protocol):
    """All of it raises OSError. A new file is 0600 and a new folder 0700, whatever the umask; no symlink is followed.

    `is_real`: others than we find its files under the same paths, SQLite for one. `boot`: another one once the machine was
    started anew.
    """

    @property
    def is_real(self) -> bool: ...

    @property
    def boot(self) -> str: ...

    def make_folder(self, path: Path) -> None: ...

    def create(self, path: Path) -> int:
        """A file that was not there, to read and append to."""

    def open(self, path: Path, *, append: bool = False) -> int: ...

    def close(self, handle: int) -> None:
        """Does not fail: what matters was synced, and the handle is gone whatever the system says."""

    def read(self, handle: int, offset: int, size: int) -> bytes: ...

    def write(self, handle: int, data: bytes) -> int:
        """Appends; may take less than all of it."""

    def truncate(self, handle: int, size: int) -> None: ...

    def allocate(self, handle: int, size: int) -> None:
        """Not every file system can: EOPNOTSUPP, or EBADF."""

    def sync(self, handle: int) -> None:
        """The bytes and the size survive a power cut."""

    def sync_folder(self, path: Path) -> None:
        """The names in it do."""

    def status(self, handle: int) -> FileStatus: ...

    def look(self, path: Path) -> FileStatus | None:
        """None where nothing is. A symlink is described, not followed."""

    def list(self, path: Path) -> list[str]: ...

    def rename(self, old: Path, new: Path) -> None: ...

    def link(self, old: Path, new: Path) -> None: ...

    def symlink(self, target: str, path: Path) -> None:
        """A text that is there as soon as its name is, and durable with it. Not every file system has them."""

    def read_link(self, path: Path) -> str | None:
        """None where there is something else."""

    def unlink(self, path: Path) -> None: ...

    def lock(self, handle: int, *, shared: bool = False) -> bool:
        """Whether the lock was to be had at once."""

    def lock_place(self, handle: int, place: int) -> bool:
        """One of many locks in a file, each a number. It says nothing to `lock`, and is this handle's alone."""

    def unlock_place(self, handle: int, place: int) -> None: ...


class RealDisk:
    is_real = True

    @property
    def boot(self) -> str:
        """Where the system does not say, no two are the same: what is not synced is never believed, then."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        except OSError:
            return secrets.token_hex(8)

    def make_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        path.chmod(0o700)

    def create(self, path: Path) -> int:
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(path, flags, 0o600)
        os.fchmod(handle, 0o600)
        return handle

    def open(self, path: Path, *, append: bool = False) -> int:
        way = os.O_RDWR | os.O_APPEND if append else os.O_RDONLY
        # O_NONBLOCK: a pipe somebody put there must not hang us
        handle = os.open(path, way | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return handle

    def close(self, handle: int) -> None:
        try:
            os.close(handle)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise AssertionError("it was closed before") from error

    def read(self, handle: int, offset: int, size: int) -> bytes:
        data = os.pread(handle, size, offset)
        if len(data) in (0, size):
            return data
        parts = [data]
        while data:
            offset, size = offset + len(data), size - len(data)
            data = os.pread(handle, size, offset)
            parts.append(data)
        return b"".join(parts)

    def write(self, handle: int, data: bytes) -> int:
        return os.write(handle, data)

    def truncate(self, handle: int, size: int) -> None:
        os.ftruncate(handle, size)

    def allocate(self, handle: int, size: int) -> None:
        os.posix_fallocate(handle, 0, size)

    def sync(self, handle: int) -> None:
        os.fdatasync(handle)

    def sync_folder(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            self.close(handle)

    def status(self, handle: int) -> FileStatus:
        return _status(os.fstat(handle))

    def look(self, path: Path) -> FileStatus | None:
        try:
            return _status(os.lstat(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def list(self, path: Path) -> list[str]:
        return os.listdir(path)  # noqa: PTH208 - the names are all that is asked for

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def link(self, old: Path, new: Path) -> None:
        os.link(old, new, follow_symlinks=False)

    def symlink(self, target: str, path: Path) -> None:
        path.symlink_to(target)

    def read_link(self, path: Path) -> str | None:
        try:
            return os.fsencode(path.readlink()).decode(errors="replace")
        except OSError as error:
            if error.errno == errno.EINVAL:
                return None
            raise

    def unlink(self, path: Path) -> None:
        path.unlink()

    def lock(self, handle: int, *, shared: bool = False) -> bool:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def lock_place(self, handle: int, place: int) -> bool:
        try:
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, place))
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True

    def unlock_place(self, handle: int, place: int) -> None:
        fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, place))


def _flock(kind: int, place: int) -> bytes:
    """`struct flock` of fcntl(2): one byte of the file, whether it is there or not."""
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, place, 1, 0)


def _status(found: os.stat_result) -> FileStatus:
    return FileStatus(
        size=found.st_size,
        inode=found.st_ino,
        links=found.st_nlink,
        folder=stat.S_ISDIR(found.st_mode),
        symlink=stat.S_ISLNK(found.st_mode),
        modified=found.st_mtime,
        shared=bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
        and not stat.S_ISLNK(found.st_mode),
        foreign=found.st_uid not in (0, os.geteuid()),
    )


# --- what the store builds from it -------------------------------------------------------------------


@contextmanager
def explained(path: Path, *, to: Literal["read", "write"] = "write") -> Iterator[None]:
    """Turns what the operating system says into what a person can act on. `to`: what was about to be done."""
    try:
        yield
    except OSError as error:
        raise explain(error, path, to=to) from error


def not_allowed(error: StoreError) -> bool:
    """Whether the store may be read but not written."""
    return isinstance(error.__cause__, OSError) and error.__cause__.errno in _NOT_ALLOWED


def is_no_file(error: OSError) -> bool:
    """Whether what is there is a folder, a link, a pipe: nothing that a store holds, and no sign of a bad disk."""
    return error.errno in _NO_FILE


def explain(error: OSError, path: Path, *, to: Literal["read", "write"] = "write") -> StoreError:
    where = error.filename or path
    if error.errno in FULL:
        return DiskFull(
            f"no room left for {where}: {error.strerror}",
            code=Code.DISK_FULL,
            help="make room, then `flowdsl resume`: what was in flight is kept",
        )
    if error.errno in _NOT_ALLOWED:
        message, help_ = (
            f"{where} cannot be {'read' if to == 'read' else 'written'}",
            "check who owns it, or choose another --store",
        )
    elif error.errno == errno.ELOOP:
        message, help_ = f"{where} is a symbolic link", "a store holds files and folders only"
    else:
        message, help_ = f"{where} cannot be used", "check the disk, then `flowdsl fsck`"
    return StoreError(f"{message}: {error.strerror or error}", code=Code.UNUSABLE_STORE, help=help_)


@contextmanager
def opened(disk: Disk, path: Path) -> Iterator[int]:
    handle = disk.open(path)
    try:
        yield handle
    finally:
        disk.close(handle)


def read_whole(disk: Disk, path: Path) -> bytes:
    with opened(disk, path) as handle:
        return disk.read(handle, 0, disk.status(handle).size)


def names(disk: Disk, folder: Path) -> list[str]:
    """Those of whole files; none where there is no such folder (yet)."""
    try:
        return [name for name in disk.list(folder) if not name.startswith(".")]
    except FileNotFoundError:
        return []


def write_all(disk: Disk, handle: int, data: bytes) -> None:
    """Short writes are gone on with."""
    written = disk.write(handle, data)
    if written < len(data):
        rest = memoryview(data)[written:]
        while rest:
            rest = rest[disk.write(handle, bytes(rest)) :]


def set_room_aside(disk: Disk, handle: int, size: int) -> None:
    """So many bytes of an empty file are taken on the disk: allocated, or written where that is not to be had."""
    try:
        disk.allocate(handle, size)
    except OSError as error:
        if error.errno not in _NOT_ALLOCATED:
            raise
        write_all(disk, handle, bytes(size))
        disk.sync(handle)  # until then they may stand in memory alone


def write_new(disk: Disk, path: Path, data: bytes, *, sync: bool = True) -> None:
    """A whole file or none: written aside, synced, renamed. Without `sync` only a crash of ours is survived."""
    with _aside(disk, path, data, sync=sync) as (written, _):
        disk.rename(written, path)
    if sync:
        disk.sync_folder(path.parent)


def write_once(disk: Disk, path: Path, data: bytes) -> bool:
    """The same for a file that never changes: the first one wins, and False says that there was one."""
    with _aside(disk, path, data, sync=True) as (written, _):
        try:
            disk.link(written, path)
        except FileExistsError:
            new = False
        else:
            new = True
        disk.unlink(written)
    disk.sync_folder(path.parent)  # also for the second: what it found must stay
    return new


@contextmanager
def _aside(disk: Disk, path: Path, data: bytes, *, sync: bool) -> Iterator[tuple[Path, int]]:
    aside = path.with_name(f"{ASIDE}{path.name}.{secrets.token_hex(4)}")
    handle = disk.create(aside)
    try:
        write_all(disk, handle, data)
        if sync:
            disk.sync(handle)
        yield aside, handle
    except OSError:
        with suppress(OSError):
            disk.unlink(aside)
        raise
    finally:
        disk.close(handle)
