"""What is wrong with a store, in words. It changes nothing unless it is told to, and never deletes what it cannot read.

Mended are torn tails, what is damaged in the archive and stands in a journal still, orders that are none, claims and
tickets that are not what their runs say, folders and a `store.json` that are missing, and leftovers of what is over. What
is taken away and holds anything is kept in quarantine/.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.errors import StoreError
from flowdsl.saga.codec import decode
from flowdsl.saga.events import Created
from flowdsl.world.store import access
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.dead_journals import set_torn_tail_aside
from flowdsl.world.store.disk import ASIDE, Disk, names, opened
from flowdsl.world.store.fsck_archive import ArchiveCheck, beginnings
from flowdsl.world.store.fsck_groundwork import Groundwork
from flowdsl.world.store.fsck_places import Places, run_of, tickets_in
from flowdsl.world.store.inbox import read_order
from flowdsl.world.store.journal import RESERVE_SUFFIX, SUFFIX
from flowdsl.world.store.journals import JournalReader, Journals
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.quarantine import WHY, set_aside
from flowdsl.world.store.queues import Queues
from flowdsl.world.store.summary import Mendable, StoreFinding, unreadable

_LAST = (
    ". It is the last batch: who knows from the services that nothing of it happened can cut the"
    " file where it begins"
)


class Examination(Struct, frozen=True):
    """`own`: runs that this process drives; `over`: those that it drove. `created`: how each other run began, as far as it can be read."""

    disk: Disk
    layout: StoreLayout
    journals: Journals
    archive: Archive
    queues: Queues
    own: frozenset[str]
    over: frozenset[str]
    created: dict[str, Created] = field(default_factory=dict)

    def findings(self) -> Iterator[Mendable]:
        ground = Groundwork(self.disk, self.layout)
        yield from ground.about()
        yield from ground.key()
        tickets = [t for t in tickets_in(self.disk, self.layout) if run_of(t) not in self.own]
        self.journals.refresh()
        for reader in self.journals.readers.values():
            for finding in self._journal(reader):
                yield finding, partial(self._cut_off, reader) if finding.repairable else None
        self._look_at_beginnings()
        yield from self._archive()
        for finding in self._orders():
            aside = partial(set_aside, self.disk, self.layout, self.layout.root / finding.path)
            yield finding, partial(aside, finding.explanation) if finding.repairable else None
        yield from ground.definitions(self.created)
        yield from self._places(tickets)
        for path, what in self._leftovers():
            yield self._leftover(path, what), partial(self._clear_away, path, what)
        yield from self._kept()

    def _look_at_beginnings(self) -> None:
        for run, (reader, entry) in self.journals.runs().items():
            with suppress(StoreError, OSError):
                first = reader.records(replace(entry, offsets=entry.offsets[:1]))
                event = decode(first[0][1].data)
                if isinstance(event, Created) and not entry.broken:
                    self.created[run] = event

    def _places(self, tickets: list[Path]) -> Iterator[Mendable]:
        found = self.journals.runs()
        ended = {run for run, (_, entry) in found.items() if entry.ended}
        places = Places(
            self.disk,
            self.layout,
            self.created,
            frozenset({*ended, *self.archive.runs()}),
            self.journals.may_hide_runs() or self.archive.may_hide_runs(),
        )
        yield from places.claims()
        yield from places.tickets(tickets)
        holders = {
            run: entry.key
            for run, (reader, entry) in found.items()
            if entry.admitted
            and entry.key
            and run not in places.ended
            and not (reader.index.is_damaged(entry) or reader.is_driven())
        }
        yield from places.lost_turns(self.queues, holders)

    def _kept(self) -> Iterator[Mendable]:
        for name in names(self.disk, self.layout.quarantine):
            if not name.endswith(WHY):
                finding = StoreFinding(
                    f"quarantine/{name}",
                    "kept",
                    "was cut off or could not be read; kept for you to look at",
                    code=Code.DAMAGED,
                    help="look at it and at its .why.json; nobody reads it, and it may be deleted",
                )
                yield finding, None

    def _journal(self, reader: JournalReader) -> Iterator[StoreFinding]:
        path, index = f"journals/{reader.path.name}", reader.index
        if reader.failure is not None:
            yield StoreFinding(
                path,
                "unreadable",
                reader.failure.message,
                code=reader.failure.code,
                help="the runs in it wait; all others go on. Check what it is, and the disk",
            )
            return
        for damage in index.damages:
            yield StoreFinding(
                path,
                "damaged",
                f"bytes {damage.start} to {damage.end} came in whole once and are not what was written",
                code=Code.DAMAGED,
                help="restore the file from a backup; it is never changed or deleted here"
                + (_LAST if index.rotten_tail and damage is index.damages[-1] else ""),
            )
        for entry in index.entries.values():
            if index.is_damaged(entry):
                where = f"{path}: {entry.run}"
                yield StoreFinding(
                    where,
                    "damaged",
                    f"{entry.count} records are sound; one or more are, or may be, missing",
                    code=Code.DAMAGED,
                    help=f"this run is not gone on with. What is known of it: the lines of {entry.run} in "
                    "the file; look at the services, and undo by hand",
                )
        if reader.size > index.end and not index.rotten_tail and not reader.is_driven():
            yield StoreFinding(
                path,
                "torn",
                f"its last {reader.size - index.end} bytes were never acknowledged; "
                "whoever takes its runs over moves them to quarantine/",
                repairable=True,
                code=Code.DAMAGED,
                help="nothing is lost; `flowdsl resume` goes on",
            )

    def _archive(self) -> Iterator[Mendable]:
        standing = {run for run, (_, entry) in self.journals.runs().items() if entry.ended}
        check = ArchiveCheck(self.disk, self.layout, self.archive, frozenset(standing))
        yield from check.findings()
        documents = set(self.archive.documents.runs())
        for run, first in beginnings(self.archive):
            if isinstance(first, bytes):
                self._remember(run, first)
            elif run in documents:
                yield check.document(run, first)

    def _orders(self) -> Iterator[StoreFinding]:
        ended = self.archive.runs() | self.over
        for name in names(self.disk, self.layout.inbox):
            if name.removesuffix(".json").rpartition(".")[0] in ended:
                continue  # a leftover, whatever it says
            try:
                read_order(self.disk, self.layout.inbox / name)
            except FileNotFoundError:
                continue  # taken meanwhile
            except OSError as error:
                yield unreadable(f"inbox/{name}", error)
            except ValueError:
                yield StoreFinding(
                    f"inbox/{name}",
                    "damaged",
                    "is not an order that anybody could follow",
                    repairable=True,
                    code=Code.DAMAGED,
                    help="give the order again; it stops no run",
                )

    def _leftovers(self) -> Iterator[tuple[Path, str]]:
        for folder in (
            self.layout.journals,
            self.layout.archive,
            self.layout.runs,
            self.layout.claims,
            self.layout.inbox,
            self.layout.quarantine,
            self.layout.root,
            self.layout.root / "definitions",
        ):
            for name in self._all(folder):
                if name.startswith(ASIDE) and self._is_nobodys(folder / name):
                    yield folder / name, "was being written when its process died"
        journals = set(self._all(self.layout.journals))
        for name in journals:
            journal = name.removesuffix(RESERVE_SUFFIX) + SUFFIX
            gone = not journals & {journal, f"{ASIDE}{journal}"}
            if name.endswith(RESERVE_SUFFIX) and gone:
                yield self.layout.journals / name, "is the reserve of a journal that is gone"
        ended = self.archive.runs() | self.over
        for name in names(self.disk, self.layout.inbox):
            if name.removesuffix(".json").rpartition(".")[0] in ended:
                yield self.layout.inbox / name, "is a command for a run that has ended"

    def _leftover(self, path: Path, what: str) -> StoreFinding:
        return StoreFinding(
            str(path.relative_to(self.layout.root)),
            "leftover",
            what,
            repairable=True,
            code=Code.DAMAGED,
            help="nobody can need it",
        )

    def _remember(self, run: str, first: bytes) -> None:
        with suppress(StoreError):
            event = decode(first)
            if isinstance(event, Created):
                self.created[run] = event

    def _clear_away(self, path: Path, what: str) -> None:
        status = self.disk.look(path)
        if path.suffix == RESERVE_SUFFIX or status is None or status.size == 0:
            self.disk.unlink(path)
        else:
            set_aside(self.disk, self.layout, path, what)

    def _cut_off(self, reader: JournalReader) -> None:
        """The torn tail of a journal, unless a living process has taken it meanwhile."""
        handle = self.disk.open(reader.path, append=True)
        try:
            if self.disk.lock(handle):
                reader.refresh()
                set_torn_tail_aside(self.disk, self.layout, reader, handle)
        finally:
            self.disk.close(handle)

    def _all(self, folder: Path) -> list[str]:
        with suppress(FileNotFoundError):
            return self.disk.list(folder)
        return []

    def _is_nobodys(self, path: Path) -> bool:
        """What cannot be looked at may be somebody's. A symlink is made in one go, and only its end is missing."""
        status = self.disk.look(path)
        if status is not None and status.symlink:
            return True
        with suppress(OSError), opened(self.disk, path) as handle:
            return self.disk.lock(handle, shared=True)
        return False


def examine(examination: Examination, *, repair: bool) -> list[StoreFinding]:
    if examination.disk.look(examination.layout.root) is None:
        return []
    ground = Groundwork(examination.disk, examination.layout)
    missing = list(ground.folders())
    findings: list[Mendable] = [
        (finding, None) for finding in access.findings(examination.disk, examination.layout)
    ]
    findings += missing
    if all(finding.repairable for finding, _ in missing):
        findings += examination.findings()
    if repair:
        for _, mend in findings:
            if mend is not None:
                with suppress(FileNotFoundError):
                    mend()
    return [finding for finding, _ in findings]
