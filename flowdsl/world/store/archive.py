"""`archive/<n>.jsonl`: the runs that are over, a line each, as a reader sees them.

Each line stands for itself: one that is damaged takes no other with it, and stops its own run by name where that can still be
read. Each look reads what is new since the last one. Where two lines are of one run, they say the same.
In a store of an older flowdsl there are documents as well (`documents`), until they have been carried over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct, field

from flowdsl.errors import StoreError
from flowdsl.world.store.archived_run import is_sound, read_facts, read_summary, run_in
from flowdsl.world.store.disk import Disk, explain, names, opened
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.index import LOST
from flowdsl.world.store.journal import Record
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.summary import RunSummary, damaged

SUFFIX = ".jsonl"
MARK = 40  # bytes: with the hash of a line


class Place(NamedTuple):
    """Where the line of a run is."""

    path: Path
    offset: int
    size: int


class HurtLine(NamedTuple):
    """`torn`: it never came to the disk, so its run is in its journal still. `run`: whose it was, where that can be read."""

    start: int
    end: int
    run: str
    torn: bool


class ArchiveFile(Struct):
    """`end`: behind the last sound line. What is after it is looked at again: it may be torn, and be cut off. `last` and
    `mark`: where that line begins, and how.
    """

    path: Path
    inode: int = 0
    end: int = 0
    last: int = 0
    mark: bytes = b""
    size: int = 0
    damages: list[HurtLine] = field(default_factory=list)
    failure: StoreError | None = None


class Archive(Struct):
    disk: Disk
    layout: StoreLayout
    documents: Documents
    files: dict[str, ArchiveFile] = field(default_factory=dict)
    _places: dict[str, Place] = field(default_factory=dict)
    _summaries: dict[str, RunSummary] = field(default_factory=dict)
    _hurt: dict[str, Place] = field(default_factory=dict)  # runs whose line is damaged

    def refresh(self) -> None:
        there = {name for name in names(self.disk, self.layout.archive) if name.endswith(SUFFIX)}
        for name in self.files.keys() - there:
            self._forget(self.files.pop(name).path)
        for name in sorted(there):
            file = self.files.setdefault(name, ArchiveFile(self.layout.archive / name))
            try:
                self._refresh(file)
                file.failure = None
            except FileNotFoundError:
                self._forget(self.files.pop(name).path)
            except OSError as error:  # one bad file does not hide the others
                file.failure = explain(error, file.path, to="read")

    def over(self, runs: Iterable[str]) -> set[str]:
        """Those of them that are over."""
        self.refresh()
        return {run for run in runs if self._is_over(run)}

    def _is_over(self, run: str) -> bool:
        return run in self._places or run in self._hurt or self.documents.exists(run)

    def runs(self) -> set[str]:
        self.refresh()
        return {*self._places, *self._hurt, *self.documents.runs()}

    def sound_runs(self) -> frozenset[str]:
        """Those with a line that was whole when it was read."""
        return frozenset(self._places)

    def summaries(self) -> Iterator[RunSummary]:
        self.refresh()
        yield from self._summaries.values()
        for run in self._hurt.keys() - self._places.keys():
            yield RunSummary(run, "", 0.0, damaged=True)
        for run in self.documents.runs():
            if run not in self._places:
                yield self.documents.summary(run)

    def newest(self, than: tuple[float, str] | None) -> tuple[float, str] | None:
        """When the newest run was created, and which it is, or `than`. A document is younger than its run: once one is
        older than the newest run, so are the rest.
        """
        self.refresh()
        found = [] if than is None else [than]
        found += [(one.created_at, run) for run, one in self._summaries.items()]
        best = max(found, default=None)
        by_age = ((self.documents.modified(run), run) for run in self.documents.runs())
        for modified, run in sorted(by_age, reverse=True):
            if best is not None and modified < best[0]:
                break
            mine = (self.documents.summary(run).created_at, run)
            best = mine if best is None else max(best, mine)
        return best

    def read(self, run: str) -> list[tuple[int, Record]] | None:
        """None where there is none."""
        self.refresh()
        found = self._facts(run) or self.documents.read(run)
        hurt = self._places.get(run) or self._hurt.get(run)
        if found is None and hurt is not None:
            raise damaged(run, str(hurt.path))
        if found is None and (failure := self.failure()) is not None:
            raise failure
        return found

    def failure(self) -> StoreError | None:
        """Why a run that is found nowhere may be here all the same."""
        return next((file.failure for file in self.files.values() if file.failure), None)

    def _facts(self, run: str) -> list[tuple[int, Record]] | None:
        """None where its line is not what was written, or is gone."""
        place = self._places.get(run)
        with suppress(FileNotFoundError):
            if place is not None:
                with opened(self.disk, place.path) as handle:
                    text = self.disk.read(handle, place.offset, place.size)
                if is_sound(text) and run_in(text) == run:
                    return read_facts(text)
        return None

    def stand(self, runs: Iterable[str]) -> dict[str, Path]:
        """Of those that have a line which can be read, by what is on the disk now, its file."""
        self.refresh()
        return {run: self._places[run].path for run in runs if self._facts(run) is not None}

    def may_hide_runs(self) -> bool:
        """Whether there are lines of which nobody can say whose they were."""
        return any(
            file.failure is not None or any(not each.torn and not each.run for each in file.damages)
            for file in self.files.values()
        )

    def _refresh(self, file: ArchiveFile) -> None:
        status = self.disk.look(file.path)
        if status is None:
            raise FileNotFoundError(str(file.path))
        if (status.inode, status.size) == (file.inode, file.end) and file.failure is None:
            return
        with opened(self.disk, file.path) as handle:
            status = self.disk.status(handle)
            mark = self.disk.read(handle, file.last, len(file.mark))
            if status.inode != file.inode or mark != file.mark:
                self._forget(file.path)
                file.inode, file.end, file.last, file.mark = status.inode, 0, 0, b""
                file.damages = []
            data = self.disk.read(handle, file.end, status.size - file.end)
        file.size = file.end + len(data)
        file.damages = [each for each in file.damages if each.end <= file.end]
        self._take_in(file, data)

    def _take_in(self, file: ArchiveFile, data: bytes) -> None:
        start, position = file.end, 0
        while (newline := data.find(b"\n", position)) >= 0:
            text = data[position:newline]
            place = Place(file.path, start + position, len(text))
            position = newline + 1
            run = run_in(text)
            if is_sound(text):
                self._places[run], self._summaries[run] = place, read_summary(text)
                file.last, file.mark, file.end = place.offset, text[:MARK], start + position
                continue
            file.damages.append(HurtLine(place.offset, start + position, run, LOST in text))
            if run:
                self._hurt[run] = place

    def _forget(self, path: Path) -> None:
        for run in [run for run, place in self._places.items() if place.path == path]:
            del self._places[run], self._summaries[run]
        for run in [run for run, place in self._hurt.items() if place.path == path]:
            del self._hurt[run]
