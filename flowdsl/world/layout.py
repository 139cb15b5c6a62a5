"""The folders and files of a store, and how one is made and opened.

What is written once and for ever (the key, `store.json`, definitions, claims) appears whole or not at all, so two
processes may make the same store at the same time. The key comes first: a store that exists has one.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowdsl.errors import StoreError
from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.disk import Disk, explained, read_whole, write_once

VERSION = 1
_FOLDERS = ("definitions", "journals", "runs", "claims", "inbox", "quarantine")
_DAMAGED = "F203"


@dataclass(frozen=True, slots=True)
class Layout:
    root: Path

    @property
    def about(self) -> Path:
        return self.root / "store.json"

    @property
    def key(self) -> Path:
        return self.root / "key"

    @property
    def journals(self) -> Path:
        return self.root / "journals"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def claims(self) -> Path:
        return self.root / "claims"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def queues(self) -> Path:
        """Made when the first run with a key starts."""
        return self.root / "queues"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    def definition(self, digest: str) -> Path:
        assert digest.isalnum(), "a digest is made of letters and digits"
        return self.root / "definitions" / f"{digest}.json"


def prepare(disk: Disk, layout: Layout) -> bytes:
    """Make what is missing; the store's key."""
    with explained(layout.root):
        for above in reversed((layout.root, *layout.root.parents)):
            if disk.look(above) is None:
                _make_folder(disk, above)
        _check_folder(disk, layout.root)
        if disk.look(layout.about) is None:
            if disk.look(layout.key) is None:
                write_once(disk, layout.key, secrets.token_hex(32).encode() + b"\n")
            store = secrets.token_hex(8)
            about: Json = {"format": "flowdsl-store", "version": VERSION, "id": store}
            for name in _FOLDERS:
                _make_folder(disk, layout.root / name)
            write_once(disk, layout.about, to_bytes(about) + b"\n")
            disk.sync_folder(layout.root.parent)
        return open_existing(disk, layout)


def open_existing(disk: Disk, layout: Layout) -> bytes:
    """The store's key. Refuses what a newer flowdsl made, and folders that are none."""
    with explained(layout.root):
        _check_folder(disk, layout.root)
        _check_version(disk, layout)
        for name in _FOLDERS:
            _check_folder(disk, layout.root / name)
        if disk.look(layout.key) is None:
            raise _broken(
                layout.key, "is missing: no request could be repeated with the key it had"
            )
        text = read_whole(disk, layout.key).strip()
    with suppress(ValueError):
        key = bytes.fromhex(text.decode())
        if len(key) == 32:
            return key
    raise _broken(layout.key, "is damaged")


def _check_version(disk: Disk, layout: Layout) -> None:
    try:
        about = from_bytes(read_whole(disk, layout.about))
    except FileNotFoundError:
        raise _broken(layout.about, "is missing: this is no flowdsl store") from None
    except ValueError:
        about = None
    if not isinstance(about, dict) or about.get("format") != "flowdsl-store":
        raise _broken(layout.about, "is damaged, or no flowdsl store")
    version = about.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise StoreError(
            f"{layout.root} was made by a newer flowdsl (store version {version})",
            code="F202",
            help="install that flowdsl, or a later one",
        )


def _make_folder(disk: Disk, path: Path) -> None:
    with suppress(FileExistsError):
        disk.make_folder(path)
    disk.sync_folder(path.parent)


def _check_folder(disk: Disk, path: Path) -> None:
    status = disk.look(path)
    if status is None or status.symlink or not status.folder:
        what = (
            "is missing"
            if status is None
            else "is a symbolic link"
            if status.symlink
            else "is no folder"
        )
        raise _broken(path, what)


def _broken(path: Path, what: str) -> StoreError:
    return StoreError(f"{path} {what}", code=_DAMAGED, help="`flowdsl fsck`, or another --store")
