"""What is wrong with a store, in words. It changes nothing unless it is told to, and never deletes what it cannot read.

Repaired are leftovers that nobody can need: files that a crash left half written, reserves and commands of what is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flowdsl.errors import StoreError
from flowdsl.world.contents import Finding
from flowdsl.world.disk import ASIDE, Disk, names, opened
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
        yield from self._leftovers()
        for name in names(self.disk, self.layout.quarantine):
            if not name.endswith(".why.json"):
                yield Finding(
                    f"quarantine/{name}",
                    "kept",
                    "was cut off or could not be read; kept for you to look at",
                )

    def _journal(self, reader: Reader) -> Iterator[Finding]:
        path, index = f"journals/{reader.path.name}", reader.index
        if reader.failure is not None:
            yield Finding(path, "unreadable", reader.failure.message)
            return
        for damage in index.damages:
            yield Finding(
                path,
                "damaged",
                f"bytes {damage.start} to {damage.end} were synced once and cannot be read",
            )
        for entry in index.entries.values():
            if index.is_damaged(entry):
                where = f"{path}: {entry.run}"
                yield Finding(
                    where,
                    "damaged",
                    f"{entry.count} records are sound; one or more are, or may be, missing",
                )
        if reader.size > index.end and not index.rotten_tail and not reader.is_driven():
            yield Finding(
                path,
                "torn",
                f"its last {reader.size - index.end} bytes were never acknowledged; "
                "whoever takes its runs over moves them to quarantine/",
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
                    f"runs/{run}.json", "damaged", f"is no document of a run that ended{what}"
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
        return Finding(str(path.relative_to(self.layout.root)), "leftover", what, repairable=True)

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
                    disk.unlink(layout.root / finding.path)
    return findings
