"""`cache/runs.sqlite`: where in the archive each run is, and what lists show of it, so that nobody reads all of it.

A cache: it is made anew from the archive when it is missing, damaged or from another version, and no decision is made from it.
It remembers how far each file was read. Where it cannot be kept (the store may only be read) it is in memory.

It is never synced, so that it costs no run a wait for the disk: what a power cut may have left of it is made anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, TypeVar

from msgspec import Struct

from flowdsl.world.store.disk import Disk
from flowdsl.world.store.layout import StoreLayout, make_folder
from flowdsl.world.store.summary import PRUNED, Closing, RunSummary, Wanted

T = TypeVar("T")

VERSION = 1  # of the tables: another one is not read
MEMORY = ":memory:"
_BUSY_SECONDS = 5.0
_TABLES = """
CREATE TABLE boots (boot TEXT);
CREATE TABLE files (name TEXT PRIMARY KEY, inode INTEGER, end INTEGER, last INTEGER, mark BLOB, unnamed INTEGER);
CREATE TABLE runs (
  run TEXT PRIMARY KEY, workflow TEXT, state TEXT, created REAL, damaged INTEGER,
  ended REAL, label TEXT, detail TEXT, residue INTEGER, file TEXT, offset INTEGER, size INTEGER
) WITHOUT ROWID;
CREATE INDEX by_age ON runs (created, run);
CREATE INDEX by_workflow ON runs (workflow, created, run);
CREATE INDEX by_state ON runs (state, created, run);
CREATE INDEX by_file ON runs (file);
"""
_ADD = "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_DAMAGED = _ADD.replace("OR REPLACE", "OR IGNORE")


class Place(NamedTuple):
    """Where the line of a run is: the name of a file of the archive; empty for a document of an older version."""

    file: str
    offset: int
    size: int


class Row(NamedTuple):
    summary: RunSummary
    place: Place


class Mark(NamedTuple):
    """How far a file was read: `end` is behind its last sound line, which begins at `last` with `mark`. `unnamed`: damaged
    lines before it of which nobody can say whose they were.
    """

    inode: int = 0
    end: int = 0
    last: int = 0
    mark: bytes = b""
    unnamed: int = 0


class Catalogue(Struct):
    disk: Disk
    layout: StoreLayout
    in_memory: bool = False
    _open: sqlite3.Connection | None = None

    def ask(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Whatever is wrong with the file, the answer comes from another one, which is empty at first."""
        for _ in range(2):
            try:
                return work(self._opened())
            except sqlite3.OperationalError:
                self.begin_anew(in_memory=True)
            except sqlite3.DatabaseError:
                self.begin_anew()
        self.begin_anew(in_memory=True)
        return work(self._opened())

    def close(self) -> None:
        if self._open is not None:
            with suppress(sqlite3.Error):
                self._open.close()
            self._open = None

    def begin_anew(self, *, in_memory: bool = False) -> None:
        """It is wrong, or cannot be used."""
        self.close()
        self.in_memory = self.in_memory or in_memory
        if not self.in_memory:
            self._delete()

    def _delete(self) -> None:
        for end in ("", "-wal", "-shm"):
            with suppress(OSError):
                self.disk.unlink(
                    self.layout.catalogue.with_name(f"{self.layout.catalogue.name}{end}")
                )

    def _opened(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = opened = sqlite3.connect(
                self._where(), timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            opened.execute("PRAGMA journal_mode = WAL")
            opened.execute("PRAGMA synchronous = OFF")
            with transaction(opened):
                _make_tables(opened, self.disk.boot)
        return self._open

    def _where(self) -> str:
        path = self.layout.catalogue
        if self.in_memory or not self.disk.is_real:
            return MEMORY
        try:
            if self.disk.look(self.layout.root) is None:
                return MEMORY
            if self.disk.look(path.parent) is None:
                make_folder(self.disk, path.parent)
            with suppress(FileExistsError):
                self.disk.close(
                    self.disk.create(path)
                )  # with its mode, which the others get from it
        except OSError:
            self.in_memory = True
            return MEMORY
        return str(path)


@contextmanager
def transaction(opened: sqlite3.Connection) -> Iterator[None]:
    """Alone among all processes."""
    opened.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            opened.execute("ROLLBACK")
        raise
    opened.execute("COMMIT")


def _make_tables(opened: sqlite3.Connection, boot: str) -> None:
    """`boot`: since when no power cut can have come between."""
    (version,) = opened.execute("PRAGMA user_version").fetchone()
    if version == VERSION and opened.execute("SELECT boot FROM boots").fetchone() == (boot,):
        return
    for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        opened.execute(f'DROP TABLE IF EXISTS "{name}"')
    for statement in filter(str.strip, _TABLES.split(";")):
        opened.execute(statement)
    opened.execute("INSERT INTO boots VALUES (?)", (boot,))
    opened.execute(f"PRAGMA user_version = {VERSION}")


# --- what is written -----------------------------------------------------------------------------------


def marks(opened: sqlite3.Connection) -> dict[str, Mark]:
    found = opened.execute("SELECT name, inode, end, last, mark, unnamed FROM files").fetchall()
    return {name: Mark(*rest) for name, *rest in found}


def set_mark(opened: sqlite3.Connection, name: str, mark: Mark) -> None:
    opened.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", (name, *mark))


def add(opened: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """What is sound takes the place of what is not."""
    rows = list(rows)
    opened.executemany(_ADD_DAMAGED, (_values(row) for row in rows if row.summary.damaged))
    opened.executemany(_ADD, (_values(row) for row in rows if not row.summary.damaged))


def forget(opened: sqlite3.Connection, file: str) -> None:
    opened.execute("DELETE FROM runs WHERE file = ?", (file,))
    opened.execute("DELETE FROM files WHERE name = ?", (file,))


def forget_documents(opened: sqlite3.Connection, runs: Iterable[str]) -> None:
    opened.executemany("DELETE FROM runs WHERE run = ? AND file = ''", ((run,) for run in runs))


# --- what is read --------------------------------------------------------------------------------------


def row_of(opened: sqlite3.Connection, run: str) -> Row | None:
    found = opened.execute("SELECT * FROM runs WHERE run = ?", (run,)).fetchone()
    return None if found is None else _row(found)


def those_of(opened: sqlite3.Connection, runs: Iterable[str]) -> set[str]:
    one = "SELECT 1 FROM runs WHERE run = ?"
    return {run for run in runs if opened.execute(one, (run,)).fetchone() is not None}


def in_file(opened: sqlite3.Connection, file: str) -> dict[str, bool]:
    """Its runs, and of each whether it is damaged."""
    return dict(opened.execute("SELECT run, damaged FROM runs WHERE file = ?", (file,)).fetchall())


def beginning_with(opened: sqlite3.Connection, prefix: str) -> list[str]:
    """`prefix`: of letters, digits and the signs that an id has, all of them before `~`."""
    found = opened.execute(
        "SELECT run FROM runs WHERE run >= ? AND run < ?", (prefix, f"{prefix}~")
    )
    return [run for (run,) in found]


def newest(opened: sqlite3.Connection, wanted: Wanted, most: int | None) -> list[RunSummary]:
    where, values = _where(wanted)
    query = f"SELECT * FROM runs{where} ORDER BY created DESC, run DESC LIMIT ?"  # noqa: S608 - our own words
    found = opened.execute(query, (*values, -1 if most is None else most)).fetchall()
    return [_row(each).summary for each in found]


def count(opened: sqlite3.Connection, wanted: Wanted) -> int:
    where, values = _where(wanted)
    query = f"SELECT count(*) FROM runs{where}"  # noqa: S608 - our own words
    number: int = opened.execute(query, values).fetchone()[0]
    return number


def _where(wanted: Wanted) -> tuple[str, Sequence[str]]:
    given = [("state != ?", PRUNED), ("workflow = ?", wanted.workflow), ("state = ?", wanted.ended)]
    tests = [(test, value) for test, value in given if value is not None]
    return f" WHERE {' AND '.join(test for test, _ in tests)}", [value for _, value in tests]


def _values(row: Row) -> tuple[object, ...]:
    one = row.summary
    end = one.closing or Closing(0.0)
    ended = None if one.closing is None else end.ended_at
    shown = (one.run, one.workflow, one.ended, one.created_at, one.damaged)
    return (*shown, ended, end.label, end.detail, end.residue, *row.place)


def _row(values: Sequence[object]) -> Row:
    run, workflow, state, created, damaged, ended, label, detail, residue, *place = values
    closing = None if ended is None else Closing(ended, label, detail, residue)  # type: ignore[arg-type]
    summary = RunSummary(run, workflow, created, state, damaged=bool(damaged), closing=closing)  # type: ignore[arg-type]
    return Row(summary, Place(*place))  # type: ignore[arg-type]
