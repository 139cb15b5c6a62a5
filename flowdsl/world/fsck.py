"""What is wrong with a store, in words. It changes nothing unless it is told to, and never deletes what it cannot read.

Mended are torn tails, documents that a journal still has, orders that are none, and leftovers of what is over. What is
taken away and holds anything is kept in quarantine/.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowdsl.errors import StoreError
from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.adoption import set_torn_tail_aside
from flowdsl.world.contents import Finding
from flowdsl.world.disk import ASIDE, Disk, names, opened, read_whole, write_new
from flowdsl.world.documents import Documents
from flowdsl.world.journal import RESERVE_SUFFIX, SUFFIX
from flowdsl.world.journals import Journals, Reader
from flowdsl.world.layout import Layout


@dataclass(frozen=True, slots=True)
class Examination:
    disk: Disk
    layout: Layout
    journals: Journals
    documents: Documents

    def findings(self) -> Iterator[Finding]:
        self.journals.refresh()
        for reader in self.journals.readers.values():
            yield from self._journal(reader)
        yield from self._documents()
        yield from self._orders()
        yield from self._definitions()
        yield from self._leftovers()
        for name in names(self.disk, self.layout.quarantine):
            if not name.endswith(".why.json"):
                yield Finding(
                    f"quarantine/{name}",
                    "kept",
                    "was cut off or could not be read; kept for you to look at",
                    code="F203",
                    help="look at it and at its .why.json; nobody reads it, and it may be deleted",
                )

    def _journal(self, reader: Reader) -> Iterator[Finding]:
        path, index = f"journals/{reader.path.name}", reader.index
        if reader.failure is not None:
            yield Finding(
                path,
                "unreadable",
                reader.failure.message,
                code=reader.failure.code,
                help="the runs in it wait; all others go on. Check what it is, and the disk",
            )
            return
        for damage in index.damages:
            yield Finding(
                path,
                "damaged",
                f"bytes {damage.start} to {damage.end} came in whole once and are not what was written",
                code="F203",
                help="restore the file from a backup; it is never changed or deleted here",
            )
        for entry in index.entries.values():
            if index.is_damaged(entry):
                where = f"{path}: {entry.run}"
                yield Finding(
                    where,
                    "damaged",
                    f"{entry.count} records are sound; one or more are, or may be, missing",
                    code="F203",
                    help=f"this run is not gone on with. What is known of it: the lines of {entry.run} in "
                    "the file; look at the services, and undo by hand",
                )
        if reader.size > index.end and not index.rotten_tail and not reader.is_driven():
            yield Finding(
                path,
                "torn",
                f"its last {reader.size - index.end} bytes were never acknowledged; "
                "whoever takes its runs over moves them to quarantine/",
                repairable=True,
                code="F203",
                help="nothing is lost; `flowdsl resume` goes on",
            )

    def _documents(self) -> Iterator[Finding]:
        known = self.journals.runs()
        for run in self.documents.runs():
            try:
                self.documents.read(run)
            except StoreError:
                again = run in known and bool(known[run][1].ended)
                what = "; its journal has it still" if again else ""
                yield Finding(
                    f"runs/{run}.json",
                    "damaged",
                    f"is not the document of a run that was written there{what}",
                    repairable=again,
                    code="F203",
                    help="it is written again from the journal"
                    if again
                    else "restore it from a backup; the run had ended, and nothing waits for it",
                )

    def _orders(self) -> Iterator[Finding]:
        ended = set(self.documents.runs())
        for name in names(self.disk, self.layout.inbox):
            if name.removesuffix(".json").rpartition(".")[0] in ended:
                continue  # a leftover, whatever it says
            try:
                from_bytes(read_whole(self.disk, self.layout.inbox / name))
            except FileNotFoundError:
                continue  # taken meanwhile
            except (OSError, ValueError):
                yield Finding(
                    f"inbox/{name}",
                    "damaged",
                    "is no order that anybody could follow",
                    repairable=True,
                    code="F203",
                    help="give the order again; it stops no run",
                )

    def _definitions(self) -> Iterator[Finding]:
        for name in names(self.disk, self.layout.root / "definitions"):
            try:
                from_bytes(read_whole(self.disk, self.layout.root / "definitions" / name))
            except (OSError, ValueError):
                yield Finding(
                    f"definitions/{name}",
                    "damaged",
                    "is no workflow any more: the runs that are pinned to it cannot be gone on with",
                    code="F131",
                    help="restore it from a backup, or move it away and start the same file once more",
                )

    def _leftovers(self) -> Iterator[Finding]:
        for folder in (
            self.layout.journals,
            self.layout.runs,
            self.layout.claims,
            self.layout.inbox,
            self.layout.quarantine,
            self.layout.root,
            self.layout.root / "definitions",
        ):
            for name in self._all(folder):
                if name.startswith(ASIDE) and self._is_nobodys(folder / name):
                    yield self._leftover(folder / name, "was being written when its process died")
        journals = set(self._all(self.layout.journals))
        for name in journals:
            journal = name.removesuffix(RESERVE_SUFFIX) + SUFFIX
            gone = not journals & {journal, f"{ASIDE}{journal}"}
            if name.endswith(RESERVE_SUFFIX) and gone:
                path = self.layout.journals / name
                yield self._leftover(path, "is the reserve of a journal that is gone")
        ended = set(self.documents.runs())
        for name in names(self.disk, self.layout.inbox):
            if name.removesuffix(".json").rpartition(".")[0] in ended:
                yield self._leftover(
                    self.layout.inbox / name, "is a command for a run that has ended"
                )

    def _leftover(self, path: Path, what: str) -> Finding:
        return Finding(
            str(path.relative_to(self.layout.root)),
            "leftover",
            what,
            repairable=True,
            code="F203",
            help="nobody can need it",
        )

    def _all(self, folder: Path) -> list[str]:
        with suppress(FileNotFoundError):
            return self.disk.list(folder)
        return []

    def _is_nobodys(self, path: Path) -> bool:
        with suppress(OSError), opened(self.disk, path) as handle:
            return self.disk.lock(handle, shared=True)
        return False


def examine(
    disk: Disk, layout: Layout, journals: Journals, documents: Documents, *, repair: bool
) -> list[Finding]:
    findings = list(Examination(disk, layout, journals, documents).findings())
    if repair:
        for finding in findings:
            if finding.repairable:
                with suppress(FileNotFoundError):
                    _mend(disk, layout, journals, finding)
    return findings


def _mend(disk: Disk, layout: Layout, journals: Journals, finding: Finding) -> None:
    path = layout.root / finding.path
    if finding.kind == "torn":
        _cut_off(disk, layout, journals, path)
        return
    status = disk.look(path)
    if path.suffix == RESERVE_SUFFIX or status is None or status.size == 0:
        disk.unlink(path)
        return
    kept = layout.quarantine / f"{path.parent.name}-{path.name.lstrip('.')}"
    while disk.look(kept) is not None:
        kept = kept.with_name(f"{kept.name}.again")
    why: Json = {"file": finding.path, "why": finding.explanation}
    write_new(disk, kept.with_name(f"{kept.name}.why.json"), to_bytes(why))
    disk.rename(path, kept)
    disk.sync_folder(layout.quarantine)


def _cut_off(disk: Disk, layout: Layout, journals: Journals, path: Path) -> None:
    """The torn tail of a journal, unless a living process has taken it meanwhile."""
    reader = journals.readers.get(path.stem)
    if reader is None:
        return
    handle = disk.open(path, append=True)
    try:
        if disk.lock(handle):
            reader.refresh()
            set_torn_tail_aside(disk, layout, reader, handle)
    finally:
        disk.close(handle)
