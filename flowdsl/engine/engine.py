"""Runs on a store. Who starts, continues, orders or watches one says it to an `Engine`, in one of four words.

`start` a new run, `tell` one an order, `attach` to one, `adopt` all that nobody drives: each only finds what is past and
what is new. One loop drives them all, `_tend`. The engine owns what its runs share: the store, the network, the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets as chance
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Literal, Self, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.engine.claiming import claim, there_already
from flowdsl.engine.closing import closing_of
from flowdsl.engine.follow import created_by, known_by
from flowdsl.engine.handle import Driver, Handle
from flowdsl.engine.inbox import Sending
from flowdsl.engine.limits import ServiceLimits
from flowdsl.engine.listening import Listening
from flowdsl.engine.loop import Drive
from flowdsl.engine.masks import Masks
from flowdsl.engine.neighbours import StoreNeighbours
from flowdsl.engine.orders import Order, judged, to_event
from flowdsl.engine.pinned import Pinned
from flowdsl.engine.ports import Network, Ports
from flowdsl.engine.project import Project, Start
from flowdsl.engine.secrecy import NONE, RunSecrets, named
from flowdsl.engine.sign import RunSigner
from flowdsl.engine.tended import Tended, Watch
from flowdsl.engine.turns import Turns
from flowdsl.errors import FlowdslError, InputError, Interrupted, StoreError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Event, Resumed
from flowdsl.saga.run import Run
from flowdsl.world.clock import Clock, SystemClock
from flowdsl.world.store.port import Store
from flowdsl.world.store.summary import Claim

T = TypeVar("T")

Heard: TypeAlias = Literal["ours", "heard", "inbox"]  # a fact, by us or by its driver; or it waits


class Adopted(Struct, frozen=True):
    """`taken` go on here. `left` are as they were, each with the reason."""

    taken: tuple[str, ...]
    left: Mapping[str, str]


@dataclass(slots=True)
class Engine:
    """`watch` hears every turn of every run. `by`: who drives, kept with the runs that are taken over."""

    store: Store
    network: Network
    project: Project
    clock: Clock = field(default_factory=SystemClock)
    watch: Watch | None = None
    by: str = ""
    tended: dict[str, Tended] = field(default_factory=dict, init=False)  # that are driven now
    _ours: set[str] = field(default_factory=set, init=False)  # those, and those at rest here
    _pinned: Pinned = field(init=False)
    _listening: Listening = field(init=False)
    _turns: Turns = field(init=False)
    _limits: ServiceLimits = field(default_factory=ServiceLimits, init=False)
    _secrets: RunSecrets = field(init=False)
    _door: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)  # one at a time goes on
    _poller: asyncio.Task[None] | None = field(default=None, init=False)
    _tasks: set[asyncio.Task[object]] = field(default_factory=set, init=False)
    _failed: list[Tended] = field(default_factory=list, init=False)
    _stops: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._pinned = Pinned(self.store)
        self._secrets = RunSecrets(self.project, self._pinned)
        self._listening = Listening(self.store, self.clock, self)
        self._turns = Turns(self.store, self.clock)

    # --- the four words ------------------------------------------------------------------------------

    async def start(self, start: Start, *, once: bool = False) -> Handle:
        """Start a run: its first fact is durable when this returns.

        `once`: if a run of this id, file and inputs is there already, it is attached to. An event starts its run once
        anyway. InputError where the id means another run.
        """
        self._check_going()
        start, claimed = await claim(self.store, start)
        if claimed is Claim.MINE:
            return Handle(start.run, "ours", 0, True, self, await self._create(start))
        if not once and start.event is None:
            raise there_already(start.run)
        return await self.attach(start.run, secret_inputs=start.secret_inputs)

    async def tell(
        self, run: str, order: Order, *, if_sequence: int | None = None, drive: bool = True
    ) -> Heard:
        """Give a run an order: it is kept for ever when this returns. A run that nobody drives is taken over.

        InputError, and nothing was kept, where it makes no sense for the run, or where the last fact of the run is
        another than `if_sequence`. With `drive` off it waits in the inbox of a run that nobody drives.
        """
        if await self.obey(run, order, if_sequence, drive=drive) is not None:
            return "ours"
        return await self._tell_another(run, order, if_sequence, drive=drive)

    async def attach(
        self, run: str, *, drive: bool = True, secret_inputs: Mapping[str, str] = NONE
    ) -> Handle:
        """A run that is there: ours, another process's (followed), or nobody's (taken over if it has something to do).

        With `drive` off nothing is taken over, now or later. InputError, and nothing is touched, where the run would
        have to go on without a secret.
        """
        self._check_going()
        past = await self._read(run)
        if secret_inputs:
            self._secrets.inputs[run] = secret_inputs
        tended = await self.take_over(run) if drive else self.tended.get(run)
        driver: Driver = "ours" if tended is not None else "nobody"
        if tended is None and run not in self._ours and await self.store.is_driven(run):
            driver = "another"
        return Handle(run, driver, len(past), drive, self, tended)

    async def adopt(self) -> Adopted:
        """Take over every run that nobody drives, and that may go on unattended."""
        self._check_going()
        left: dict[str, str] = {}
        secrets: dict[str, Mapping[str, str]] = {}

        async def may_go_on(past: Sequence[Event]) -> bool:
            run = created_by(past).run
            try:
                secrets[run] = await self._secrets.unattended(past)
            except FlowdslError as error:
                left[run] = error.message
            return run in secrets

        async with self._door:
            taken = await self.store.adopt_all(may_go_on)
            for run, past in taken.items():
                await self._resume(past, secrets[run])
        await self._listening.listen()
        return Adopted(tuple(taken), left)

    # --- the process ---------------------------------------------------------------------------------

    async def drain(self) -> None:
        """The process goes: nothing new starts, open calls get a moment, all is saved. The next one may go on."""
        self._stop(paused=False)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def pause(self) -> None:
        """A person's Ctrl-C: the same, and the runs wait for a person."""
        self._stop(paused=True)

    async def __aenter__(self) -> Self:
        await self.store.start()
        self._poller = asyncio.create_task(self._listening.poll())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Every run that is driven here comes to rest first, but after an error."""
        await self._let_all_end(hurry=error is not None and not isinstance(error, Interrupted))
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
        self._pinned.close()
        await self.store.close()
        for tended in self._failed:
            if error is None and not tended.is_awaited:
                await tended.rest()  # nothing that stopped a run is passed over in silence

    async def _let_all_end(self, *, hurry: bool) -> None:
        while self._tasks:  # while they end, they may start runs of their own
            tasks = list(self._tasks)
            if hurry:
                for task in tasks:
                    task.cancel()
            await asyncio.wait(tasks)

    def _stop(self, *, paused: bool) -> None:
        self._stops = True
        for tended in self.tended.values():
            tended.drive.stop(paused=paused)

    def _check_going(self) -> None:
        if self._stops:
            raise Interrupted("this process is stopping: it takes nothing new")

    # --- finding what is past and what is new --------------------------------------------------------

    async def _create(self, start: Start) -> Tended:
        """A new run, that is durable when this returns."""
        try:
            await self._pinned.pin(start.plan)
        except StoreError:
            await self.store.unclaim(start.run)
            raise
        start = start.begun(self.clock.now())
        if start.secret_inputs:
            self._secrets.inputs[start.run] = start.secret_inputs
        secrets = named(start.plan, start.secrets, start.secret_inputs)
        masks = Masks(secrets, self.store.key)
        tended = self._begin(start.run, Run.new(start.plan), [], [start.created], masks)
        if not await tended.is_begun():
            await self.store.unclaim(start.run)
            await tended.rest()  # raises what stopped it
        return tended

    async def _start_child(self, start: Start) -> None:
        """It is there when this returns. What a dead process left of it goes on, if it may unattended."""
        if await self.store.claim(start.run, start.fingerprint) is Claim.MINE:
            await self._create(start)
            return
        async with self._door:
            past = await self._read(start.run)
            if start.run not in self._ours and not (await known_by(past, self.plan_of)).state.ended:
                with contextlib.suppress(FlowdslError):
                    await self._secrets.unattended(past)
                    await self._go_on(past)

    async def take_over(self, run: str) -> Tended | None:
        """Go on with a run if it has something to do. None where another process drives it, or nothing is to be done."""
        self._check_going()
        async with self._door:
            if run in self.tended:
                return self.tended[run]
            past = await self._read(run)
            known = await known_by(past, self.plan_of)
            if known.state.ended or (
                known.progress.at_rest and not await self.store.orders_for(run)
            ):
                return None
            return await self._go_on(past)

    async def obey(
        self, run: str, order: Order, if_sequence: int | None = None, *, drive: bool = True
    ) -> Tended | None:
        """Where a run of ours is driven on as told: that is a fact by now. None where another process has to be told."""
        order = order if order.id else replace(order, id=self._new_order_id(run))
        while True:
            self._check_going()
            tended = self.tended.get(run)
            if tended is not None:
                if await tended.is_begun() and not tended.is_over:
                    known, at = tended.drive.run, self.clock.now()
                    if await tended.hear(judged(known, tended.sequence, order, if_sequence, at)):
                        return tended
                continue  # it came to its end before
            async with self._door:
                if run in self.tended:
                    continue
                tended = await self._go_on_as_told(run, order, if_sequence, drive=drive)
            if tended is not None and not await tended.is_begun():
                await tended.rest()  # raises what stopped it
            return tended

    async def _go_on_as_told(
        self, run: str, order: Order, if_sequence: int | None, *, drive: bool
    ) -> Tended | None:
        """None where it has to be left in the inbox."""
        past = await self._read(run)
        known = await known_by(past, self.plan_of)
        try:
            judged(known, len(past), order, if_sequence, self.clock.now())
        except InputError:
            if run in self._ours and not known.progress.at_rest:
                await self._go_on(past)  # its drive failed here; the order was a fact by then
            raise
        return await self._go_on(past, order) if drive or run in self._ours else None

    async def _go_on(self, past: Sequence[Event], order: Order | None = None) -> Tended | None:
        """With a run that is ours and came to rest, or that nobody drives. None where another process does by now."""
        run, is_ours = created_by(past).run, created_by(past).run in self._ours
        if not is_ours and await self.store.is_driven(run):
            return None
        secrets = await self._secrets.of(past)  # InputError: nothing is touched
        if not is_ours:
            adopted = await self.store.adopt(run)
            if adopted is None:
                return None
            await self._listening.listen()
            past = adopted
        return await self._resume(past, secrets, order, is_ours=is_ours)

    async def _resume(
        self,
        past: Sequence[Event],
        secrets: Mapping[str, str],
        order: Order | None = None,
        *,
        is_ours: bool = False,
    ) -> Tended:
        """Who has come to rest here goes on with what is told alone, unless what it knows has changed."""
        known, at = await known_by(past, self.plan_of), self.clock.now()
        masks = Masks(secrets, self.store.key)
        news: list[Event] = []
        if not (is_ours and known.progress.at_rest and masks.are_known(past)):
            news.append(Resumed(known.state.epoch + 1, at, self.by))
        with contextlib.suppress(InputError):  # it got on meanwhile
            news += to_event(known, order, at) if order is not None else []
        return self._begin(known.id, known, past, news, masks)

    # --- the one loop --------------------------------------------------------------------------------

    def _begin(
        self, run: str, known: Run, past: Sequence[Event], news: Sequence[Event], masks: Masks
    ) -> Tended:
        tended = Tended(run, self.store, len(past), self.watch)
        ports = Ports(
            network=self.network,
            clock=self.clock,
            signer=RunSigner(self.store.key, run, masks.secrets),
            secrets=masks.secrets,
            watch=tended.tell,
            neighbours=StoreNeighbours(
                self._turns, self.clock, self.project, masks, self._start_child
            ),
            limits=self._limits,
            contracts=self._pinned.contracts_for(known.plan),
            masks=masks,
        )
        tended.drive = Drive(known, tended.keep, ports)
        self.tended[run] = tended
        self._ours.add(run)
        tended.task = self.spawn(self._tend(tended, past, news))
        tended.task.add_done_callback(partial(self._note, tended))
        return tended

    async def _tend(self, tended: Tended, past: Sequence[Event], news: Sequence[Event]) -> Run:
        """Drive a run until it is at rest: nothing else does."""
        drive = tended.drive
        try:
            await drive.go(past, news)
        finally:
            del self.tended[tended.run]
            tended.end()
        run = drive.shown
        if run.state.ended:
            self._secrets.inputs.pop(run.id, None)
            await self.store.finish(run.id, closing_of(run))
            if run.created.key:
                await self.store.leave_queue(run.created.key, run.id)
            self._ours.discard(run.id)
        return run

    def spawn(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _note(self, tended: Tended, task: asyncio.Task[Run]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if tended.sequence == 0:  # there is no such run
            self._ours.discard(tended.run)
        if not isinstance(error, Interrupted):
            self._failed.append(tended)

    async def _read(self, run: str) -> list[Event]:
        """Raises InputError where there is no such run."""
        return [recorded.event for recorded in await self.store.events(run)]

    async def plan_of(self, digest: str) -> Plan:
        """The plan that runs are pinned to, whatever became of the file."""
        return await self._pinned.plan(digest)

    async def _tell_another(
        self, run: str, order: Order, if_sequence: int | None, *, drive: bool
    ) -> Heard:
        """By the inbox, with the process that drives the run; or whoever takes it over, if need be we."""
        sending = Sending(self.store, self.plan_of, self.clock, run, order, if_sequence)
        order_id = await sending.leave()
        while not await sending.is_heard(order_id):
            if not drive or await self.store.is_driven(run):
                return "inbox"
            await self.take_over(run)
        return "heard"

    def _new_order_id(self, run: str) -> str:
        """As in the inbox: they sort by their time."""
        return f"{run}.{int(self.clock.now() * 1000):012x}{chance.token_hex(6)}"
