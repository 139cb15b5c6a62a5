"""Who else may write a store. Who may, can make runs send what they like, so a store is its owner's alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.world.store.disk import Disk, FileStatus, names
from flowdsl.world.store.layout import FOLDERS, StoreLayout
from flowdsl.world.store.summary import StoreFinding

_TOLD = 3  # paths; the rest is counted


class Exposed(Struct, frozen=True):
    """Paths that others may write, and those that belong to somebody else."""

    writable: tuple[Path, ...]
    foreign: tuple[Path, ...]


def exposed(disk: Disk, layout: StoreLayout) -> Exposed:
    found = {path: status for path in _looked_at(disk, layout) if (status := _look(disk, path))}
    return Exposed(
        tuple(path for path, status in found.items() if status.shared),
        tuple(path for path, status in found.items() if status.foreign),
    )


def findings(disk: Disk, layout: StoreLayout, *, brief: bool = False) -> Iterator[StoreFinding]:
    """`brief`: without what follows from it and which files they are, for those who did not ask."""
    found = exposed(disk, layout)
    if found.writable:
        what = "others may write it"
        if not brief:
            what += f", and make runs send what they like: {_told(layout, found.writable)}"
        yield StoreFinding(
            ".", "exposed", what, code=Code.EXPOSED_STORE, help=f"chmod -R go-w {layout.root}"
        )
    if found.foreign:
        what = "it belongs to another user"
        if not brief:
            what += f", who may write it: {_told(layout, found.foreign)}"
        help_ = f"use a store of your own (--store), or chown -R $USER {layout.root}"
        yield StoreFinding(".", "exposed", what, code=Code.EXPOSED_STORE, help=help_)


def _looked_at(disk: Disk, layout: StoreLayout) -> Iterator[Path]:
    yield from (layout.root, layout.key, layout.about)
    yield from (layout.root / name for name in FOLDERS)
    yield from (layout.journals / name for name in sorted(names(disk, layout.journals)))


def _look(disk: Disk, path: Path) -> FileStatus | None:
    with suppress(OSError):  # what else is wrong with it is told elsewhere
        return disk.look(path)
    return None


def _told(layout: StoreLayout, paths: tuple[Path, ...]) -> str:
    shown = [str(path.relative_to(layout.root)) for path in paths[:_TOLD]]
    shown = ["the folder itself" if path == "." else path for path in shown]
    more = [f"{len(paths) - _TOLD} more"] if len(paths) > _TOLD else []
    return ", ".join([*shown, *more])
