"""`quarantine/`: what was cut off or taken away, with the reason beside it. Nobody reads it but a person."""

from __future__ import annotations

from pathlib import Path

from flowdsl.plan.json import to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.store.disk import Disk, write_new
from flowdsl.world.store.layout import StoreLayout

WHY = ".why.json"


def set_aside(disk: Disk, layout: StoreLayout, path: Path, why: str) -> None:
    """Move it there. The reason is there before it."""
    kept = _place(disk, layout, path, why)
    disk.rename(path, kept)
    disk.sync_folder(layout.quarantine)


def copy_aside(disk: Disk, layout: StoreLayout, path: Path, data: bytes, why: str) -> None:
    """What is about to be replaced in one go: at no time is there nothing in its place."""
    write_new(disk, _place(disk, layout, path, why), data)


def cut_off(disk: Disk, layout: StoreLayout, path: Path, handle: int, end: int, why: str) -> None:
    """The end of a file that is held locked. It is there before it is cut off."""
    size, name = disk.status(handle).size, f"{path.stem}.{end}"
    reason: Json = {
        path.parent.name.removesuffix("s"): path.name,
        "offset": end,
        "bytes": size - end,
        "why": why,
    }
    write_new(disk, layout.quarantine / f"{name}.torn", disk.read(handle, end, size - end))
    write_new(disk, layout.quarantine / f"{name}{WHY}", to_bytes(reason))
    disk.truncate(handle, end)
    disk.sync(handle)


def _place(disk: Disk, layout: StoreLayout, path: Path, why: str) -> Path:
    name = "-".join(path.relative_to(layout.root).parts)
    kept = layout.quarantine / name.replace("-.", "-").lstrip(".")
    while disk.look(kept) is not None:
        kept = kept.with_name(f"{kept.name}.again")
    reason: Json = {"file": str(path.relative_to(layout.root)), "why": why}
    write_new(disk, kept.with_name(f"{kept.name}{WHY}"), to_bytes(reason))
    return kept
