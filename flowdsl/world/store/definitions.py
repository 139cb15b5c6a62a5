"""`definitions/<digest>.json`: what runs are pinned to. Its name is the digest of what it says, so damage is always seen.

It is durable before the first run that names it, and never changes. One that is damaged is written anew when somebody
starts a run of the same files: the runs that are pinned to it can go on, then.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.language.lower.plan import digest_of
from flowdsl.language.text.source import Source
from flowdsl.plan.json import from_bytes, to_spelled_bytes
from flowdsl.plan.values import Json
from flowdsl.world.store.disk import Disk, names, read_whole, write_new, write_once
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.quarantine import copy_aside

FORMAT = 1


class Definition(Struct, frozen=True):
    """A workflow file, and the files that it is made of, each by its key."""

    path: str
    text: str
    files: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        return digest_of(Source(self.path, self.text), dict(self.files))

    def to_json(self) -> bytes:
        document: dict[str, Json] = {"format": FORMAT, "path": self.path, "text": self.text}
        if self.files:
            document["files"] = [[key, text] for key, text in self.files]
        return to_spelled_bytes(document)


def read_definition(document: bytes, digest: str) -> Definition:
    """Raises StoreError where it is not what was pinned."""
    try:
        found = from_bytes(document)
    except ValueError:
        raise not_what_it_was() from None
    match found:
        case {"format": 1, "path": str(path), "text": str(text)}:
            definition = Definition(path, text, _files_in(found))
            with suppress(ValueError):  # of a path that is none
                if definition.digest == digest:
                    return definition
        case {"format": int(number)} if number > FORMAT:
            raise StoreError(
                "this run is pinned to a definition that this flowdsl cannot read",
                code=Code.UNREADABLE_DEFINITION,
                help="use the flowdsl that started it, or a later one",
            )
    raise not_what_it_was()


def _files_in(document: Json) -> tuple[tuple[str, str], ...]:
    """None of them where they are not files: the digest tells, then."""
    files = document.get("files") if isinstance(document, dict) else None
    found: list[tuple[str, str]] = []
    for pair in files if isinstance(files, list) else ():
        match pair:
            case [str(key), str(text)]:
                found.append((key, text))
            case _:
                return ()
    return tuple(found)


class DefinitionFiles(Struct):
    disk: Disk
    layout: StoreLayout
    _pinned: set[str] = field(default_factory=set)

    def pin(self, digest: str, document: bytes) -> None:
        if digest in self._pinned:
            return
        path = self.layout.definition(digest)
        if self.disk.look(path) is None:
            write_once(self.disk, path, document)
        else:  # maybe another process is about to sync it: nobody may rely on that
            self.disk.sync_folder(path.parent)
            self._mend(digest, path, document)
        self._pinned.add(digest)

    def read(self, digest: str) -> bytes:
        try:
            return read_whole(self.disk, self.layout.definition(digest))
        except FileNotFoundError:
            raise StoreError(
                "the definition that this run is pinned to is missing",
                code=Code.UNREADABLE_DEFINITION,
                help=_HELP,
            ) from None

    def digests(self) -> list[str]:
        found = names(self.disk, self.layout.root / "definitions")
        return [name.removesuffix(".json") for name in found]

    def is_sound(self, digest: str) -> bool:
        return _is_sound(digest, self.read(digest))

    def _mend(self, digest: str, path: Path, document: bytes) -> None:
        """Somebody brings again what is damaged here. What was there goes to quarantine/."""
        there = read_whole(self.disk, path)
        if there == document or _is_sound(digest, there) or not _is_sound(digest, document):
            return
        copy_aside(self.disk, self.layout, path, there, "it is not what its name says")
        write_new(self.disk, path, document)


def _is_sound(digest: str, document: bytes) -> bool:
    try:
        read_definition(document, digest)
    except StoreError:
        return False
    return True


def not_what_it_was() -> StoreError:
    return StoreError(
        "the definition that this run is pinned to is not what it was",
        code=Code.UNREADABLE_DEFINITION,
        help=_HELP,
    )


_HELP = "restore it from a backup, or start a run of the same files, which pins it anew; `flowdsl fsck` says which it is"
