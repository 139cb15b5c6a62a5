"""What all runs stand on, looked over: the folders, `store.json`, the key, the definitions that runs are pinned to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.saga.events import Created
from flowdsl.world.store.definitions import DefinitionFiles
from flowdsl.world.store.disk import Disk, read_whole
from flowdsl.world.store.layout import (
    VERSION,
    StoreLayout,
    folders_of,
    key_in,
    make_folder,
    read_about,
    read_key,
    write_about,
)
from flowdsl.world.store.quarantine import set_aside
from flowdsl.world.store.summary import Mendable, StoreFinding, unreadable

_SHOWN = 3  # runs named in a finding


class Groundwork(Struct, frozen=True):
    disk: Disk
    layout: StoreLayout

    def folders(self) -> Iterator[Mendable]:
        version = VERSION
        with suppress(StoreError, OSError):
            version = read_about(self.disk, self.layout).version
        for name in folders_of(version):
            status = self.disk.look(self.layout.root / name)
            if status is None:
                finding = StoreFinding(
                    name,
                    "damaged",
                    "is missing: a folder of the store; what it held, if anything, is gone",
                    repairable=True,
                    code=Code.DAMAGED,
                    help="restore it from a backup if it held anything; --repair makes an empty one",
                )
                yield finding, partial(make_folder, self.disk, self.layout.root / name)
            elif status.symlink or not status.folder:
                finding = StoreFinding(
                    name,
                    "damaged",
                    "is not a folder",
                    code=Code.DAMAGED,
                    help="move it away and restore the folder from a backup",
                )
                yield finding, None

    def about(self) -> Iterator[Mendable]:
        """Raises StoreError (F202) where a newer flowdsl made the store."""
        try:
            read_about(self.disk, self.layout)
        except OSError as error:
            yield unreadable(self.layout.about.name, error), None
        except StoreError as error:
            if error.code != Code.DAMAGED:
                raise
            known = self._key() is not None
            yield (
                StoreFinding(
                    self.layout.about.name,
                    "damaged",
                    "is missing or not what was written; it holds nothing of any run",
                    repairable=known,
                    code=Code.DAMAGED,
                    help="--repair writes it anew"
                    if known
                    else "restore it from a backup, and the key with it",
                ),
                self._write_about if known else None,
            )

    def key(self) -> Iterator[Mendable]:
        digest = ""
        with suppress(StoreError, OSError):
            digest = read_about(self.disk, self.layout).digest
        try:
            read_key(self.disk, self.layout, digest)
        except OSError as error:
            yield unreadable(self.layout.key.name, error), None
        except StoreError as error:
            yield (
                StoreFinding(
                    self.layout.key.name,
                    "damaged",
                    f"{error.message}. Nothing is sent and no run is gone on with under another key: "
                    "what a service was told before could not be told again",
                    code=Code.DAMAGED,
                    help="restore key and store.json from a backup; new runs can be kept in another --store",
                ),
                None,
            )

    def definitions(self, created: Mapping[str, Created]) -> Iterator[Mendable]:
        """Also those that are not there. `created`: what is known of the runs."""
        definitions = DefinitionFiles(self.disk, self.layout)
        pinned: dict[str, list[str]] = {}
        for run, first in created.items():
            pinned.setdefault(first.digest, []).append(run)
        there = definitions.digests()
        for digest in there:
            try:
                if not definitions.is_sound(digest):
                    what = "is not what was pinned"
                    yield _no_definition(digest, what, pinned.get(digest, [])), None
            except OSError as error:
                yield unreadable(f"definitions/{digest}.json", error), None
        for digest in pinned.keys() - set(there):
            yield _no_definition(digest, "is missing", pinned[digest]), None

    def _key(self) -> bytes | None:
        with suppress(OSError):
            return key_in(read_whole(self.disk, self.layout.key))
        return None

    def _write_about(self) -> None:
        if self.disk.look(self.layout.about) is not None:
            set_aside(self.disk, self.layout, self.layout.about, "it is not what was written")
        write_about(self.disk, self.layout, self._key())


def _no_definition(digest: str, what: str, runs: list[str]) -> StoreFinding:
    named = ", ".join(sorted(runs)[:_SHOWN]) + (", …" if len(runs) > _SHOWN else "")
    stopped = f"the runs that are pinned to it are not gone on with: {named}" if runs else ""
    return StoreFinding(
        f"definitions/{digest}.json",
        "damaged",
        f"{what}: {stopped or 'no run that is known of is pinned to it'}",
        code=Code.UNREADABLE_DEFINITION,
        help="restore it from a backup, or start a run of the same files, which pins it anew",
    )
