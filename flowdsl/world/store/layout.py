"""The folders and files of a store, and how one is made and opened.

What is written once and for ever (the key, `store.json`, definitions, claims) appears whole or not at all, so two
processes may make the same store at the same time. The key comes first: a store that exists has one, and `store.json`
says by its digest which.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.store.disk import Disk, explained, names, read_whole, write_all, write_once

VERSION = 2  # 1: with a document for each run that is over, in `runs/`, and no archive
FOLDERS = ("definitions", "journals", "archive", "claims", "inbox", "quarantine")


class StoreLayout(Struct, frozen=True):
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
    def archive(self) -> Path:
        return self.root / "archive"

    @property
    def catalogue(self) -> Path:
        """A cache, made when it is first needed."""
        return self.root / "cache" / "runs.sqlite"

    @property
    def runs(self) -> Path:
        """Of a store that an older flowdsl made."""
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


def prepare(disk: Disk, layout: StoreLayout) -> bytes:
    """Make what is missing; the store's key."""
    with explained(layout.root):
        for above in reversed((layout.root, *layout.root.parents)):
            if disk.look(above) is None:
                make_folder(disk, above)
        _check_folder(disk, layout.root)
        if disk.look(layout.about) is None:
            _make(disk, layout)
        if read_about(disk, layout).version < VERSION:
            _renew(disk, layout)
        return open_existing(disk, layout)


def _make(disk: Disk, layout: StoreLayout) -> None:
    """Or finish what another one began. Where runs were kept, `store.json` is not missing but lost: no guess is made."""
    begun, used = disk.look(layout.root / FOLDERS[0]) is not None, is_used(disk, layout)
    if used and disk.look(layout.about) is None:
        raise broken(layout.about, "is missing, and runs were kept here")
    if disk.look(layout.key) is None:
        if begun:  # the folders come after it
            raise _without_key(layout)
        write_once(disk, layout.key, secrets.token_hex(32).encode() + b"\n")
    for name in FOLDERS:
        make_folder(disk, layout.root / name)
    write_about(disk, layout, key_in(read_whole(disk, layout.key)))
    disk.sync_folder(layout.root.parent)


def _renew(disk: Disk, layout: StoreLayout) -> None:
    """A store of an older flowdsl, which may not touch it any more: it knows nothing of what is new in it. A line is added
    to `store.json`, for others have the file locked, maybe, and a new one would not be.
    """
    make_folder(disk, layout.archive)
    digest = digest_of_key(read_key(disk, layout, read_about(disk, layout).digest))
    handle = disk.open(layout.about, append=True)
    try:
        write_all(disk, handle, _about(digest))
        disk.sync(handle)
    finally:
        disk.close(handle)


def write_about(disk: Disk, layout: StoreLayout, key: bytes | None) -> None:
    if key is None:
        raise broken(layout.key, "is damaged")
    write_once(disk, layout.about, _about(digest_of_key(key)))


def _about(digest: str) -> bytes:
    store = secrets.token_hex(8)
    about: Json = {"format": "flowdsl-store", "version": VERSION, "id": store, "key": digest}
    return to_bytes(about) + b"\n"


def is_used(disk: Disk, layout: StoreLayout) -> bool:
    """Whether anything was ever kept in it; `store.json` was there by then."""
    folders = (layout.root / "definitions", layout.journals, layout.archive, layout.runs)
    return any(names(disk, folder) for folder in folders)


def open_existing(disk: Disk, layout: StoreLayout) -> bytes:
    """The store's key. Refuses what a newer flowdsl made, and folders that are none."""
    with explained(layout.root):
        _check_folder(disk, layout.root)
        about = read_about(disk, layout)
        for name in folders_of(about.version):
            _check_folder(disk, layout.root / name)
        if disk.look(layout.runs) is not None:
            _check_folder(disk, layout.runs)
        return read_key(disk, layout, about.digest)


def folders_of(version: int) -> tuple[str, ...]:
    """Those without which it is no store."""
    return tuple(name for name in FOLDERS if version > 1 or name != "archive")


def read_key(disk: Disk, layout: StoreLayout, digest: str) -> bytes:
    """`digest`: of the key that the store was made with; empty where `store.json` does not say."""
    if disk.look(layout.key) is None:
        raise _without_key(layout)
    key = key_in(read_whole(disk, layout.key))
    if key is None:
        raise broken(layout.key, "is damaged")
    if digest not in ("", digest_of_key(key)):
        raise broken(layout.key, f"is not the one that {layout.about.name} speaks of")
    return key


def key_in(text: bytes) -> bytes | None:
    with suppress(ValueError):
        key = bytes.fromhex(text.strip().decode())
        if len(key) == 32:
            return key
    return None


def digest_of_key(key: bytes) -> str:
    return sha256(b"flowdsl key " + key).hexdigest()[:32]


class About(NamedTuple):
    """`digest`: of its key; empty where `store.json` does not say (by flowdsl 0.1.0)."""

    version: int
    digest: str


def read_about(disk: Disk, layout: StoreLayout) -> About:
    """What the last whole line of `store.json` says. StoreError where it is not a store that this flowdsl may touch."""
    try:
        text = read_whole(disk, layout.about)
    except FileNotFoundError:
        raise broken(layout.about, "is missing: this is not a flowdsl store") from None
    about = None
    for line in (text, *text.splitlines()):
        with suppress(ValueError):
            about = from_bytes(line)
    if not isinstance(about, dict) or about.get("format") != "flowdsl-store":
        raise broken(layout.about, "is damaged, or no flowdsl store")
    version, digest = about.get("version"), about.get("key", "")
    if isinstance(version, int) and version > VERSION:
        raise StoreError(
            f"{layout.root} was made by a newer flowdsl (store version {version})",
            code=Code.NEWER_FLOWDSL,
            help="install that flowdsl, or a later one",
        )
    if not isinstance(version, int) or version < 1 or not isinstance(digest, str):
        raise broken(layout.about, "is damaged")
    return About(version, digest)


def make_folder(disk: Disk, path: Path) -> None:
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
            else "is not a folder"
        )
        raise broken(path, what)


def _without_key(layout: StoreLayout) -> StoreError:
    return broken(layout.key, "is missing: no request could be repeated with the key it had")


def broken(path: Path, what: str) -> StoreError:
    return StoreError(
        f"{path} {what}", code=Code.DAMAGED, help="`flowdsl fsck`, or another --store"
    )
