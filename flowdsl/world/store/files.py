"""The store in the folder `.flowdsl/`.

Each process appends to a journal of its own, so writers never wait for each other, and drives the runs that stand in it. What
it hears of others it reads from theirs; what it wants of them it leaves in the inbox; what they leave behind when
they die it adopts. Runs that are over move to the archive.

Each noun has its file; here they are put together. What writes the journal has a thread, what reads has another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from errno import ENAMETOOLONG, ENOTDIR
from functools import partial
from pathlib import Path

from flowdsl.errors import StoreError
from flowdsl.plan.values import Json
from flowdsl.saga.codec import encode
from flowdsl.saga.events import Created, Event, Started
from flowdsl.world.store import access
from flowdsl.world.store.adoption import Adoption
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.archive_writer import ArchiveWriter
from flowdsl.world.store.carry_over import CarryOver
from flowdsl.world.store.catalogue import Catalogue
from flowdsl.world.store.claims import Claims, KnownRuns
from flowdsl.world.store.dead_journals import DeadJournals
from flowdsl.world.store.definitions import DefinitionFiles
from flowdsl.world.store.disk import Disk, RealDisk, explain, explained
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.facts import Facts
from flowdsl.world.store.inbox import InboxFolder
from flowdsl.world.store.journal import Record, RecordGroup
from flowdsl.world.store.journals import Journals
from flowdsl.world.store.layout import StoreLayout, is_used, open_existing, prepare
from flowdsl.world.store.offload import Offload, OneThread, obtained
from flowdsl.world.store.own_journal import OwnJournal
from flowdsl.world.store.port import Adoptable, everything
from flowdsl.world.store.pruning import Needed, Pruning
from flowdsl.world.store.queues import Queues
from flowdsl.world.store.register import RunRegister
from flowdsl.world.store.summary import (
    EVERY,
    HELD_SECONDS,
    LOOK_SECONDS,
    Claim,
    Closing,
    Listed,
    Ordered,
    Pruned,
    Recorded,
    RunSummary,
    StoreFinding,
    Wanted,
    check_run_id,
    doubtful,
    held,
    not_driven,
    taken,
)
from flowdsl.world.store.together import Together

ROTATE_BYTES = 64 * 1024 * 1024


def open_folder(path: str, *, read_only: bool = False) -> FileStore:
    return FileStore(Path(path), read_only=read_only)


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
        self._layout = layout = StoreLayout(root)
        self._disk: Disk = disk or RealDisk()
        self._offload: Offload = offload or OneThread()
        self._reading = self._offload.beside("flowdsl-reader")
        self._wall = wall
        self._read_only = read_only
        self._key = b""
        self._taken: set[str] = set()  # orders that lie in the inbox still
        self._unread: dict[str, OSError] = {}
        self._archive = self._archive_of(Catalogue(self._disk, layout))
        self._journals = Journals(self._disk, layout)
        self._writer = writer = ArchiveWriter(self._disk, layout, self._offload, wall)
        self._carry_over = CarryOver(self._archive.documents, writer, self._reading)
        self._own = OwnJournal(
            self._disk,
            layout,
            writer,
            self._offload,
            wall,
            self._journals.own,
            rotate_bytes,
        )
        self._register = RunRegister(self._own, self._archive, self._journals)
        self._facts = Facts(layout, self._own, self._archive, self._journals, self._reading)
        dead = DeadJournals(
            self._disk, layout, self._journals, self._archive, writer, self._reading
        )
        self._adoption = Adoption(self._own, self._archive, self._journals, dead, self._reading)
        self._definitions = DefinitionFiles(self._disk, layout)
        self._known = Together(self._reading, self._register.known)
        self._ended = Together(self._reading, self._register.over)
        self._claims = Claims(
            self._disk,
            layout,
            self._offload.beside("flowdsl-claims"),
            KnownRuns(self._known.ask, self._surely_exists, self._facts.began, self._may_hide_runs),
        )
        self._inbox = InboxFolder(self._disk, layout, wall)
        self._queues = Queues(self._disk, layout, self._is_over, self._holders)
        self._places = Together(self._reading, self._queues.firsts)

    def _archive_of(self, catalogue: Catalogue) -> Archive:
        documents = Documents(self._disk, self._layout)
        return Archive(self._disk, self._layout, documents, catalogue)

    @property
    def key(self) -> bytes:
        assert self._key, "the store was started"
        return self._key

    async def is_there(self) -> bool:
        """Or was once: what is left of it may need mending."""
        with explained(self._layout.root):
            return await self._reading(self._is_there)

    def _is_there(self) -> bool:
        try:
            about = self._disk.look(self._layout.about)
            return about is not None or is_used(self._disk, self._layout)
        except OSError as error:
            if error.errno in (ENAMETOOLONG, ENOTDIR):  # no folder can be there
                return False
            raise

    async def start(self) -> None:
        if not self._read_only:
            self._key = await self._offload(partial(prepare, self._disk, self._layout))
        else:
            self._key = await self._reading(self._opened)

    def _opened(self) -> bytes:
        with explained(self._layout.root):
            begun = self._disk.look(self._layout.root) is not None
        return open_existing(self._disk, self._layout) if begun else b""

    async def close(self) -> None:
        if self._own.is_open:
            await self._carry_over.some()
        await self._own.close()
        await self._reading(self._archive.close)
        self._claims.close()
        self._claims.offload.close()
        self._offload.close()
        self._reading.close()

    # --- the journal ---------------------------------------------------------------------------------

    async def create(self, run: str, events: Sequence[Event]) -> None:
        check_run_id(run)
        assert isinstance(next(iter(events), None), Created), "a run begins with its Created"
        with explained(self._layout.archive):
            if self._own.entry(run) is not None or run in self._own.finished:
                raise taken(run)
            if not self._claims.holds(run) and await self._ended.ask(run):
                raise taken(run)
        await self._own.append([self._group(run, events, epoch=1)])
        self._claims.release(run)

    async def append(self, run: str, events: Sequence[Event]) -> None:
        if self._own.entry(run) is None:
            raise not_driven(run)
        if events:
            await self._own.append([self._group(run, events)])

    def _group(self, run: str, events: Sequence[Event], epoch: int | None = None) -> RecordGroup:
        wall = int(self._wall() * 1000)
        records = tuple(Record(wall, encode(event)) for event in events)
        intent = any(isinstance(event, Started | Created) for event in events)
        return RecordGroup(run, records, epoch, intent)

    async def finish(self, run: str, closing: Closing | None = None) -> None:
        await self._own.finish(run, closing)

    async def events(self, run: str) -> list[Recorded]:
        return await self._facts.follow(run)

    async def follow(self, run: str, after_sequence: int) -> list[Recorded]:
        return await self._facts.follow(run, after_sequence)

    # --- definitions ---------------------------------------------------------------------------------

    async def pin(self, digest: str, document: bytes) -> None:
        with explained(self._layout.definition(digest)):
            await self._offload(partial(self._definitions.pin, digest, document))

    async def definition(self, digest: str) -> bytes:
        with explained(self._layout.definition(digest), to="read"):
            return await self._reading(partial(self._definitions.read, digest))

    # --- ownership -----------------------------------------------------------------------------------

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        check_run_id(run)
        with explained(self._layout.claims):
            return await self._claims.claim(run, fingerprint, attach=attach)

    async def unclaim(self, run: str) -> None:
        self._claims.release(run)

    async def claim_event(self, event: str, run: str) -> str:
        with explained(self._layout.claims / check_run_id(event)):
            return await self._claims.claim_event(event, check_run_id(run))

    async def started_by(self, event: str) -> str | None:
        with explained(self._layout.claims / check_run_id(event), to="read"):
            return await self._reading(partial(self._claims.started_by, event))

    async def adopt(self, run: str) -> list[Event] | None:
        return await self._adoption.adopt(run)

    async def adopt_all(self, wanted: Adoptable = everything) -> dict[str, list[Event]]:
        return await self._adoption.adopt_all(wanted)

    def epoch(self, run: str) -> int:
        """How often the run changed hands, itself included; of a run that this process drives."""
        entry = self._own.entry(run)
        if entry is None:
            raise not_driven(run)
        return entry.epoch

    async def is_driven(self, run: str) -> bool:
        """As in `list`, for one run, and cheap enough to be polled."""
        with explained(self._layout.root, to="read"):
            return await self._reading(partial(self._register.is_driven, check_run_id(run)))

    async def first_in_queue(self, key: str, run: str) -> str | None:
        with explained(self._layout.queues):
            return await self._places.ask((key, run))

    async def before_in_queue(self, key: str, run: str) -> str | None:
        with explained(self._layout.queues, to="read"):
            return await self._reading(partial(self._queues.before, key, run))

    async def leave_queue(self, key: str, run: str) -> None:
        with explained(self._layout.queues):
            await self._reading(partial(self._queues.leave, key, run))

    def _is_over(self, run: str) -> bool:
        """Whether nothing will ever be done for this run again."""
        entry = self._own.entry(run)
        if entry is not None:
            return bool(entry.ended)
        if run in self._own.finished or self._archive.over([run]):
            return True
        self._journals.refresh()
        found = self._journals.find(run)
        return not self._may_hide_runs() if found is None else bool(found[1].ended)

    async def _surely_exists(self, run: str) -> bool:
        return bool(await self._reading(partial(self._archive.surely_over, [run])))

    def _may_hide_runs(self) -> bool:
        return self._journals.may_hide_runs() or self._archive.may_hide_runs()

    def _holders(self, key: str) -> Iterable[str]:
        """The runs with this key whose turn it is: one, if any."""
        self._journals.refresh()
        entries = {run: entry for run, (_, entry) in self._journals.runs().items()}
        for run, entry in (entries | self._own.entries()).items():
            if entry.admitted and entry.key == key and not self._is_over(run):
                yield run

    # --- the inbox -----------------------------------------------------------------------------------

    async def send(self, run: str, order: Json) -> str:
        check_run_id(run)
        with explained(self._layout.inbox):
            return await self._offload(partial(self._inbox.send, run, order))

    @asynccontextmanager
    async def alone_at_the_inbox(self) -> AsyncIterator[None]:
        with explained(self._layout.inbox):
            for _ in range(int(HELD_SECONDS / LOOK_SECONDS)):
                handle = await obtained(self._reading, self._inbox.lock, self._unlock)
                if handle is not None:
                    break
                await asyncio.sleep(LOOK_SECONDS)
            else:
                raise held("about to leave an order")
        try:
            yield
        finally:
            self._unlock(handle)

    def _unlock(self, handle: int | None) -> None:
        if handle is not None:
            self._disk.close(handle)

    async def orders_for(self, run: str) -> Sequence[Ordered]:
        with explained(self._layout.inbox, to="read"):
            return await self._reading(partial(self._inbox.lies_for, check_run_id(run)))

    async def take_orders(self) -> Sequence[Ordered]:
        with explained(self._layout.inbox):
            looking = partial(self._inbox.look, self._own.entries(), frozenset(self._taken))
            look = await self._reading(looking)
        # Two looks may overlap. What one of them has taken is forgotten only once it lies there no more.
        new = [each for each in look.orders if each.order_id not in self._taken]
        self._taken = {one for one in self._taken if one in look.lies}
        self._taken |= {each.order_id for each in new}
        self._unread = look.unread
        return new

    def unread(self) -> dict[str, StoreError]:
        return {run: explain(e, self._layout.inbox, to="read") for run, e in self._unread.items()}

    def put_back(self, order_id: str) -> None:
        self._taken.discard(order_id)

    async def drop_order(self, order_id: str) -> None:
        with explained(self._layout.inbox):
            await self._reading(partial(self._inbox.drop, order_id))

    # --- the register --------------------------------------------------------------------------------

    async def find(self, prefix: str | None = None) -> str:
        with explained(self._layout.root, to="read"):
            return await self._reading(partial(self._register.find, prefix))

    async def list(self) -> Sequence[RunSummary]:
        return (await self.newest(None)).runs

    async def newest(self, most: int | None, wanted: Wanted = EVERY) -> Listed:
        with explained(self._layout.root, to="read"):
            return await self._reading(partial(self._register.newest, most, wanted))

    async def unfinished(self) -> Sequence[RunSummary]:
        with explained(self._layout.root, to="read"):
            return await self._reading(self._register.unfinished)

    async def moved(self) -> set[str]:
        with explained(self._layout.root, to="read"):
            return await self._reading(self._journals.moved)

    async def prune(self, before: float, *, only_plan: bool = False) -> Pruned:
        with explained(self._layout.root):
            await self._reading(self._journals.refresh)
            if self._may_hide_runs():
                raise doubtful(self._layout.root)
            open_ = [one.run for one in await self.unfinished()]
            parents = frozenset([(await self._facts.began(run)).parent for run in open_])
            standing = await self._reading(self._register.standing)
            needed = Needed(frozenset(standing), parents)
            parts = (self._disk, self._layout, self._archive, self._writer, self._reading)
            return await Pruning(*parts).prune(before, needed, only_plan=only_plan)

    # --- looking it over -----------------------------------------------------------------------------

    async def fsck(self, *, repair: bool = False) -> Sequence[StoreFinding]:
        from flowdsl.world.store.fsck import Examination, examine

        with explained(self._layout.root):
            archive = self._archive_of(Catalogue(self._disk, self._layout, in_memory=True))
            parts = (self._disk, self._layout, self._journals, archive, self._queues)
            own, over = frozenset(self._own.entries()), frozenset(self._own.over())
            examination = Examination(*parts, own, over)
            return await self._reading(partial(examine, examination, repair=repair))

    async def exposed(self) -> Sequence[StoreFinding]:
        return await self._reading(lambda: [*access.findings(self._disk, self._layout, brief=True)])
