"""The store in the folder `.flowdsl/`.

Each process appends to a journal of its own, so writers never wait for each other, and drives the runs that stand in it. What
it hears of others it reads from theirs; what it wants of them it leaves in the inbox; what they leave behind when
they die it adopts. A run that has ended is moved to a document of its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from errno import ENAMETOOLONG, ENOTDIR
from functools import partial
from pathlib import Path

from flowdsl.errors import DiskFull, InputError, StoreError
from flowdsl.plan.values import Json
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Created, Event, Started
from flowdsl.world.store.adoption import Adoption
from flowdsl.world.store.claims import Claims, KnownRuns
from flowdsl.world.store.definitions import Definitions
from flowdsl.world.store.disk import Disk, RealDisk, explain, explained
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.fsck import Examination, examine
from flowdsl.world.store.inbox import Inbox
from flowdsl.world.store.index import IndexEntry
from flowdsl.world.store.journal import Record, RecordGroup, read_records
from flowdsl.world.store.journals import JournalReader, Journals
from flowdsl.world.store.layout import StoreLayout, is_used, open_existing, prepare
from flowdsl.world.store.offload import Offload, OneThread
from flowdsl.world.store.own_journal import OwnJournal
from flowdsl.world.store.port import Adoptable, Report, Store
from flowdsl.world.store.queues import Queues
from flowdsl.world.store.register import Register
from flowdsl.world.store.summary import (
    HELD_SECONDS,
    LOOK_SECONDS,
    Claim,
    Ordered,
    Recorded,
    RunSummary,
    StoreFinding,
    check_run_id,
    damaged,
    held,
    no_run,
    not_driven,
    taken,
)

__all__ = ["FileStore", "Store"]

ROTATE_BYTES = 64 * 1024 * 1024


class FileStore:
    """`read_only`: looks and asks (`list`, `events`, `send`), and makes no store where there is none."""

    def __init__(
        self,
        root: Path,
        disk: Disk | None = None,
        *,
        offload: Offload | None = None,
        wall: Callable[[], float] = time.time,
        rotate_bytes: int = ROTATE_BYTES,
        read_only: bool = False,
    ) -> None:
        self._layout = StoreLayout(root)
        self._disk: Disk = disk or RealDisk()
        self._offload: Offload = offload or OneThread()
        self._wall = wall
        self._read_only = read_only
        self._key = b""
        self._documents = Documents(self._disk, self._layout)
        self._journals = Journals(self._disk, self._layout)
        self._own = OwnJournal(
            self._disk,
            self._layout,
            self._documents,
            self._offload,
            wall,
            self._journals.own,
            rotate_bytes,
        )
        self._register = Register(self._own, self._documents, self._journals)
        self._adoption = Adoption(
            self._disk, self._layout, self._journals, self._documents, self._offload
        )
        self._definitions = Definitions(self._disk, self._layout)
        self._claims = Claims(
            self._disk,
            self._layout,
            self._offload,
            KnownRuns(self._register.exists, self._how_it_began, self._journals.may_hide_runs),
        )
        self._inbox = Inbox(self._disk, self._layout, wall)
        self._queues = Queues(self._disk, self._layout, self._is_over, self._holders)

    @property
    def key(self) -> bytes:
        assert self._key, "the store was started"
        return self._key

    async def start(self) -> None:
        if not self._read_only:
            self._key = await self._offload(partial(prepare, self._disk, self._layout))
        elif self._is_begun():
            self._key = open_existing(self._disk, self._layout)

    def _is_begun(self) -> bool:
        with explained(self._layout.root):
            return self._disk.look(self._layout.root) is not None

    async def close(self) -> None:
        await self._own.close()
        self._claims.release_all()
        self._offload.close()

    # --- writing -------------------------------------------------------------------------------------

    async def pin(self, digest: str, document: bytes) -> None:
        with explained(self._layout.definition(digest)):
            await self._offload(partial(self._definitions.pin, digest, document))

    def definition(self, digest: str) -> bytes:
        with explained(self._layout.definition(digest), to="read"):
            return self._definitions.read(digest)

    async def create(self, run: str, events: Sequence[Event]) -> None:
        check_run_id(run)
        assert isinstance(next(iter(events), None), Created), "a run begins with its Created"
        with explained(self._layout.runs):
            if self._own.entry(run) is not None or self._documents.exists(run):
                raise taken(run)
        await self._own.append([self._group(run, events, epoch=1)])
        self._claims.release(run)

    async def append(self, run: str, events: Sequence[Event]) -> None:
        if self._own.entry(run) is None:
            raise not_driven(run)
        if events:
            await self._own.append([self._group(run, events)])

    async def finish(self, run: str, report: Report) -> None:
        await self._own.finish(run, report)

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        with explained(self._layout.claims / check_run_id(run)):
            return await self._claims.claim(run, fingerprint, attach=attach)

    def unclaim(self, run: str) -> None:
        """Nothing will be started under this claim: whoever comes next may have it."""
        self._claims.release(run)

    async def claim_event(self, event: str, run: str) -> str:
        """The run that an event has started before; `run` where there is none, which has it from now on."""
        with explained(self._layout.claims / check_run_id(event)):
            return await self._claims.claim_event(event, check_run_id(run))

    def started_by(self, event: str) -> str | None:
        """The run that an event has started, or will; None where it has not been claimed."""
        with explained(self._layout.claims / check_run_id(event), to="read"):
            return self._claims.started_by(event)

    def _how_it_began(self, run: str) -> Created | None:
        if not self._register.exists(run):
            return None
        first = self.events(run)[0].event
        assert isinstance(first, Created), "a run begins with its Created"
        return first

    async def first_in_queue(self, key: str, run: str) -> str | None:
        with explained(self._layout.queues):
            return self._queues.first(key, run)

    def before_in_queue(self, key: str, run: str) -> str | None:
        """The run that another one with its key waits for, for who only looks."""
        with explained(self._layout.queues, to="read"):
            self._journals.refresh()
            return self._queues.before(key, run)

    async def leave_queue(self, key: str, run: str) -> None:
        with explained(self._layout.queues):
            self._queues.leave(key, run)

    def _is_over(self, run: str) -> bool:
        """Whether nothing will ever be done for this run again."""
        if self._own.entry(run) is not None:
            return bool(self._own.entries()[run].ended)
        if self._documents.exists(run):
            return True
        self._journals.refresh()
        found = self._journals.find(run)
        return not self._journals.may_hide_runs() if found is None else bool(found[1].ended)

    def _holders(self, key: str) -> Iterable[str]:
        """The runs with this key whose turn it is: one, if any."""
        self._journals.refresh()
        entries = {run: entry for run, (_, entry) in self._journals.runs().items()}
        for run, entry in (entries | self._own.entries()).items():
            if entry.admitted and entry.key == key and not self._is_over(run):
                yield run

    def _group(self, run: str, events: Sequence[Event], epoch: int | None = None) -> RecordGroup:
        wall = int(self._wall() * 1000)
        records = tuple(Record(wall, encode(event)) for event in events)
        intent = any(isinstance(event, Started | Created) for event in events)
        return RecordGroup(run, records, epoch, intent)

    # --- taking over ---------------------------------------------------------------------------------

    async def adopt(self, run: str) -> list[Event] | None:
        check_run_id(run)
        async with self._adoption.alone():
            while True:
                reader = self._reader_of(run)
                if reader is None:
                    return None
                async with self._adoption.dead(reader) as dead:
                    if not dead:
                        return None
                    if self._reader_of(run) is reader:
                        events = await self._take_over(run, reader)
                        await self._collect(reader)
                        return events
                    # its driver carried it into a new journal, and died only then: look there

    async def _take_over(self, run: str, reader: JournalReader) -> list[Event] | None:
        entry = reader.index.entries[run]
        if entry.ended:
            return None
        if reader.index.is_damaged(entry):
            raise damaged(run, str(reader.path))
        records = tuple(record for _, record in reader.records(entry))
        events = [decode(record.data) for record in records]
        await self._own.append([RecordGroup(run, records, entry.epoch + 1)])
        return events

    def _reader_of(self, run: str) -> JournalReader | None:
        """Where a run stands that somebody else drives, or drove; None where it has its document, or is ours."""
        with explained(self._layout.root):
            if self._own.entry(run) is not None:
                return None
            self._journals.refresh()
            if self._documents.exists(run):
                return None
            found = self._journals.find(run)
        if found is None:
            raise no_run(run)
        return found[0]

    async def adopt_all(self, wanted: Adoptable = lambda _: True) -> dict[str, list[Event]]:
        adopted: dict[str, list[Event]] = {}
        async with self._adoption.alone():
            self._journals.refresh()
            for reader in [*self._journals.readers.values()]:
                try:
                    async with self._adoption.dead(reader) as dead:
                        if dead:
                            adopted |= await self._adopt_from(reader, wanted)
                            await self._collect(reader)
                except DiskFull:
                    raise
                except StoreError:
                    if self._own.failed:
                        raise
        return adopted

    async def _adopt_from(self, reader: JournalReader, wanted: Adoptable) -> dict[str, list[Event]]:
        """The runs of one dead journal, in one pass over it."""
        self._journals.refresh()
        ended, best = set(self._documents.runs()), self._journals.runs()
        adopted: dict[str, list[Event]] = {}
        groups: list[RecordGroup] = []
        whole = reader.whole()
        for run, entry in reader.index.entries.items():
            if run in ended or entry.ended or best[run][1] is not entry or self._own.entry(run):
                continue
            with suppress(StoreError):  # damaged, or of a newer flowdsl: it stops no other run
                if reader.index.is_damaged(entry):
                    continue
                records = tuple(record for _, record in read_records(whole, entry))
                events = [decode(record.data) for record in records]
                if wanted(events):
                    groups.append(RecordGroup(run, records, entry.epoch + 1))
                    adopted[run] = events
        if groups:
            await self._own.append(groups)
        return adopted

    async def _collect(self, reader: JournalReader) -> None:
        """A dead journal that cannot be tidied away now is tidied away another time."""
        with suppress(StoreError, OSError):
            await self._adoption.collect(reader, self._is_carried)

    def _is_carried(self, run: str, entry: IndexEntry) -> bool:
        own, other = self._own.entry(run), self._journals.find(run)
        return any(e is not None and e.epoch > entry.epoch for e in (own, other and other[1]))

    def epoch(self, run: str) -> int:
        entry = self._own.entry(run)
        if entry is None:
            raise not_driven(run)
        return entry.epoch

    # --- reading -------------------------------------------------------------------------------------

    def events(self, run: str) -> list[Recorded]:
        return self.follow(run, 0)

    def follow(self, run: str, after_sequence: int) -> list[Recorded]:
        check_run_id(run)
        with explained(self._layout.root, to="read"):
            entry = self._own.entry(run)
            if entry is not None:
                records = self._own.records(entry, after_sequence)
            else:
                records = self._read_elsewhere(run, after_sequence)
        return [Recorded(n, r.wall_milliseconds, decode(r.data)) for n, r in records]

    def _read_elsewhere(self, run: str, after_sequence: int) -> list[tuple[int, Record]]:
        looked_again = False
        while True:
            problem: StoreError | InputError = no_run(run)
            try:
                document = self._documents.read(run)
            except StoreError as error:
                # Maybe the power went before it was synced: its journal is there, then.
                document, problem = None, error
            if document is not None:
                return document[after_sequence:]
            self._journals.refresh()
            found = self._journals.find(run)
            if found is not None:
                reader, entry = found
                if reader.index.is_damaged(entry):
                    raise damaged(run, str(reader.path))
                with suppress(FileNotFoundError):
                    return reader.records(entry, after_sequence)
            elif looked_again:
                raise problem
            else:
                looked_again = True  # it may just have moved from its journal to its document

    def find(self, prefix: str | None = None) -> str:
        with explained(self._layout.root, to="read"):
            return self._register.find(prefix)

    # --- commands ------------------------------------------------------------------------------------

    async def send(self, run: str, command: Json) -> str:
        check_run_id(run)
        with explained(self._layout.inbox):
            return await self._offload(partial(self._inbox.send, run, command))

    def commands_for(self, run: str) -> list[Ordered]:
        """What lies in the inbox for a run, the oldest first, whoever drives it."""
        with explained(self._layout.inbox, to="read"):
            return self._inbox.lies_for(check_run_id(run))

    @asynccontextmanager
    async def alone_at_the_inbox(self) -> AsyncIterator[None]:
        """Who looks at what lies there before it sends does so here: no other such comes in between."""
        with explained(self._layout.inbox):
            for _ in range(int(HELD_SECONDS / LOOK_SECONDS)):
                handle = self._inbox.lock()
                if handle is not None:
                    break
                await asyncio.sleep(LOOK_SECONDS)
            else:
                raise held("about to leave an order")
        try:
            yield
        finally:
            self._disk.close(handle)

    def take_commands(self) -> Iterable[Ordered]:
        with explained(self._layout.inbox):
            return self._inbox.take(self._own.entries())

    def unread(self) -> dict[str, StoreError]:
        return {
            run: explain(e, self._layout.inbox, to="read") for run, e in self._inbox.unread.items()
        }

    def put_back(self, command_id: str) -> None:
        self._inbox.put_back(command_id)

    def drop_command(self, command_id: str) -> None:
        with explained(self._layout.inbox):
            self._inbox.drop(command_id)

    def fsck(self, *, repair: bool = False) -> list[StoreFinding]:
        with explained(self._layout.root):
            parts = (self._disk, self._layout, self._journals, self._documents, self._queues)
            return examine(Examination(*parts, frozenset(self._own.entries())), repair=repair)

    def is_there(self) -> bool:
        """Or was once: what is left of it may need mending."""
        with explained(self._layout.root):
            try:
                about = self._disk.look(self._layout.about)
                return about is not None or is_used(self._disk, self._layout)
            except OSError as error:
                if error.errno in (ENAMETOOLONG, ENOTDIR):  # no folder can be there
                    return False
                raise

    def list(self) -> list[RunSummary]:
        with explained(self._layout.root, to="read"):
            return self._register.all()

    def unfinished(self) -> Sequence[RunSummary]:
        """Those of `list` that have not ended; however many have, they are not looked at."""
        with explained(self._layout.root, to="read"):
            return self._register.unfinished()

    def is_driven(self, run: str) -> bool:
        """Whether a living process drives it: as in `list`, for one run, and cheap enough to be polled."""
        with explained(self._layout.root, to="read"):
            return self._register.is_driven(check_run_id(run))
