"""`archive/<n>.jsonl`: the runs that are over, a line each, as a reader sees them.

Each line stands for itself: one that is damaged takes no other with it, and stops its own run by name where that can still be
read. Each look reads what is new since the last one, of whatever process. Where two lines are of one run, they say the same.
In a store of an older flowdsl there are documents as well (`documents`), until they have been carried over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from msgspec import Struct, field

from flowdsl.errors import StoreError
from flowdsl.world.store import catalogue
from flowdsl.world.store.archived_run import is_sound, read_facts, read_summary, run_in
from flowdsl.world.store.catalogue import Catalogue, Mark, Place, Row
from flowdsl.world.store.disk import Disk, FileStatus, explain, names, opened, read_whole
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.index import LOST
from flowdsl.world.store.journal import Record
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.summary import EVERY, PRUNED, RunSummary, Wanted, damaged, pruned

T = TypeVar("T")

SUFFIX = ".jsonl"
MARK = 40  # bytes: with the hash of a line


class ArchiveLine(NamedTuple):
    """`run`: whose it is, or was before it was damaged; empty where that cannot be read. `torn`: it never came to the disk
    whole, so its run is in its journal still.
    """

    start: int
    text: bytes
    run: str
    sound: bool

    @property
    def end(self) -> int:
        return self.start + len(self.text) + 1

    @property
    def torn(self) -> bool:
        return LOST in self.text


def lines(data: bytes, start: int = 0) -> Iterator[ArchiveLine]:
    """The whole lines of a file, or of its end, which begins at `start`."""
    position = 0
    while (newline := data.find(b"\n", position)) >= 0:
        text = data[position:newline]
        yield ArchiveLine(start + position, text, run_in(text), is_sound(text))
        position = newline + 1


class Archive(Struct):
    """`failures`: of files that cannot be read. `_seen`: what this process knows to be in the catalogue."""

    disk: Disk
    layout: StoreLayout
    documents: Documents
    catalogue: Catalogue
    failures: dict[str, StoreError] = field(default_factory=dict)
    _of: sqlite3.Connection | None = None
    _seen: dict[str, Mark] = field(default_factory=dict)
    _documents: frozenset[str] = frozenset()
    _unnamed: dict[str, int] = field(default_factory=dict)  # behind the last sound line

    def over(self, runs: Iterable[str]) -> set[str]:
        """Those of them that are over, as far as the catalogue says."""
        wanted = list(runs)
        return self._ask(lambda db: catalogue.those_of(db, wanted))

    def those_of(self, runs: Iterable[str]) -> dict[str, RunSummary]:
        wanted = list(runs)
        rows = self._ask(lambda db: {run: catalogue.row_of(db, run) for run in wanted})
        return {run: row.summary for run, row in rows.items() if row is not None}

    def surely_over(self, runs: Iterable[str]) -> set[str]:
        """The same by the files themselves, all of them: for who decides by it that a run goes on, or begins."""
        runs = set(runs)
        found = {run for run in runs if self.documents.exists(run)}
        if runs:
            for name in self._names():
                data = read_whole(self.disk, self.layout.archive / name)
                found |= {run for run in map(run_in, data.split(b"\n")) if run in runs}
        if found - self.over(runs):
            self.catalogue.begin_anew()
        return found

    def runs(self) -> set[str]:
        return {one.run for one in self.newest(None)}

    def beginning_with(self, prefix: str) -> list[str]:
        return self._ask(lambda db: catalogue.beginning_with(db, prefix))

    def newest(self, most: int | None, wanted: Wanted = EVERY) -> list[RunSummary]:
        return self._ask(lambda db: catalogue.newest(db, wanted, most))

    def count(self, wanted: Wanted = EVERY) -> int:
        return self._ask(lambda db: catalogue.count(db, wanted))

    def read(self, run: str) -> list[tuple[int, Record]] | None:
        """None where there is none."""
        row = self._ask(lambda db: catalogue.row_of(db, run))
        if row is not None and row.summary.ended == PRUNED:
            raise pruned(run)
        found = self._facts(run, row) if row is not None else None
        if found is None and (row is None or not row.place.file):
            found = self.documents.read(run)
        if found is None and row is not None:
            row = self._looked_again(run, row)
            found = self._facts(run, row) if row is not None else None
        if found is None and row is not None:
            raise damaged(run, str(self.layout.archive / row.place.file))
        if found is None and (failure := self.failure()) is not None:
            raise failure
        return found

    def stand(self, runs: Iterable[str]) -> dict[str, Path]:
        """Of those that have a line which can be read, by what is on the disk now, its file."""
        wanted = list(runs)
        rows = self._ask(lambda db: {run: catalogue.row_of(db, run) for run in wanted})
        return {
            run: self.layout.archive / row.place.file
            for run, row in rows.items()
            if row is not None and self._facts(run, row) is not None
        }

    def failure(self) -> StoreError | None:
        """Why a run that is found nowhere may be here all the same."""
        return next(iter(self.failures.values()), None)

    def may_hide_runs(self) -> bool:
        """Whether there are lines of which nobody can say whose they were."""
        before = sum(mark.unnamed for mark in self._seen.values())
        return bool(self.failures) or before + sum(self._unnamed.values()) > 0

    def close(self) -> None:
        self.catalogue.close()

    def _facts(self, run: str, row: Row) -> list[tuple[int, Record]] | None:
        """None where its line is not what was written, or is gone."""
        file, offset, size = row.place
        with suppress(FileNotFoundError):
            if file:
                with opened(self.disk, self.layout.archive / file) as handle:
                    text = self.disk.read(handle, offset, size)
                if is_sound(text) and run_in(text) == run:
                    return read_facts(text)
        return None

    def _looked_again(self, run: str, row: Row) -> Row | None:
        """Where the catalogue is wrong about a file, the whole file is read anew."""
        self._seen.pop(row.place.file, None)
        self._ask(lambda db: catalogue.forget(db, row.place.file))
        self._of = None
        return self._ask(lambda db: catalogue.row_of(db, run))

    # --- what is new ---------------------------------------------------------------------------------

    def _ask(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def caught_up(db: sqlite3.Connection) -> T:
            self._catch_up(db)
            return work(db)

        return self.catalogue.ask(caught_up)

    def paths(self) -> list[Path]:
        return [self.layout.archive / name for name in self._names()]

    def _names(self) -> list[str]:
        found = names(self.disk, self.layout.archive)
        return sorted(name for name in found if name.endswith(SUFFIX))

    def _catch_up(self, db: sqlite3.Connection) -> None:
        if self._of is not db:
            self._of, self._seen = db, catalogue.marks(db)
            self._documents = frozenset(catalogue.in_file(db, ""))
        documents = frozenset(self.documents.runs())
        there = {name: self.disk.look(self.layout.archive / name) for name in self._names()}
        if documents == self._documents and not self._is_behind(there):
            return
        self._of = None  # until it is done
        with catalogue.transaction(db):
            self._seen = catalogue.marks(db)
            self._documents = frozenset(catalogue.in_file(db, ""))
            for name in self._seen.keys() - there.keys():
                self._forget(db, name)
            for name in there:
                self._catch_up_with(db, name)
            self._take_in_documents(db, documents)
        self._of = db

    def _is_behind(self, there: dict[str, FileStatus | None]) -> bool:
        known = {name: (mark.inode, mark.end) for name, mark in self._seen.items()}
        found = {name: status and (status.inode, status.size) for name, status in there.items()}
        return known != found or bool(self.failures)

    def _catch_up_with(self, db: sqlite3.Connection, name: str) -> None:
        """One bad file does not hide the others."""
        path = self.layout.archive / name
        mark = self._seen.get(name, Mark())
        try:
            with opened(self.disk, path) as handle:
                status = self.disk.status(handle)
                if (status.inode, status.size) == (mark.inode, mark.end):
                    return
                begun = self.disk.read(handle, mark.last, len(mark.mark))
                if status.inode != mark.inode or begun != mark.mark:
                    self._forget(db, name)
                    mark = Mark(status.inode)
                data = self.disk.read(handle, mark.end, status.size - mark.end)
        except FileNotFoundError:
            self._forget(db, name)
        except OSError as error:
            self.failures[name] = explain(error, path, to="read")
        else:
            self.failures.pop(name, None)
            self._take_in(db, name, mark, data)

    def _take_in(self, db: sqlite3.Connection, name: str, mark: Mark, data: bytes) -> None:
        rows: list[Row] = []
        unnamed = mark.unnamed
        for line in lines(data, mark.end):
            place = Place(name, line.start, len(line.text))
            if line.sound:
                rows.append(Row(read_summary(line.text), place))
                mark = Mark(mark.inode, line.end, line.start, line.text[:MARK], unnamed)
            elif line.run:
                rows.append(Row(RunSummary(line.run, "", 0.0, damaged=True), place))
            else:
                unnamed += not line.torn
        catalogue.add(db, rows)
        catalogue.set_mark(db, name, mark)
        self._seen[name], self._unnamed[name] = mark, unnamed - mark.unnamed

    def _take_in_documents(self, db: sqlite3.Connection, there: frozenset[str]) -> None:
        catalogue.forget_documents(db, self._documents - there)
        new = there - self._documents
        new -= catalogue.those_of(db, new)
        catalogue.add(db, [Row(self.documents.summary(run), Place("", 0, 0)) for run in new])
        self._documents = there

    def _forget(self, db: sqlite3.Connection, name: str) -> None:
        catalogue.forget(db, name)
        for known in (self._seen, self._unnamed, self.failures):
            known.pop(name, None)
