"""Runs on a store: start one, take one over, follow what other processes ask for.

An Engine owns what all its runs share: the store, the network, the clock. Each run is a `Drive` of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Self

from flowdsl.engine.contracts import AnswerContracts, contracts_of
from flowdsl.engine.detached import detached_run
from flowdsl.engine.limits import ServiceLimits
from flowdsl.engine.loop import Drive
from flowdsl.engine.masks import Masks
from flowdsl.engine.orders import Order, to_event
from flowdsl.engine.pinned import definition_of, plan_from
from flowdsl.engine.ports import Network, Ports
from flowdsl.engine.sign import RunSigner
from flowdsl.engine.turns import Turns
from flowdsl.engine.wanting import given_before, unset
from flowdsl.errors import InputError, Interrupted, StoreError
from flowdsl.language.openapi import Readings
from flowdsl.plan.json import to_spelled_bytes
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.advance import Turn
from flowdsl.saga.events import Created, Detached, Event, Failure, Resumed
from flowdsl.saga.masking import names_masked
from flowdsl.saga.run import Run
from flowdsl.saga.secret_inputs import names_given, needed_again, with_defaults
from flowdsl.saga.state import State, fold
from flowdsl.view.run.report import run_report
from flowdsl.world.clock import Clock, SystemClock
from flowdsl.world.store.claims import fingerprint_of
from flowdsl.world.store.offload import Offload, OneThread
from flowdsl.world.store.port import Store
from flowdsl.world.store.summary import Claim

POLL_SECONDS = 0.2  # how often other processes' orders are looked for
DEAF_LOOKS_MAX = 25  # how often in a row that may fail: a disk may hiccup, but who cannot hear must not go on in silence

Watch = Callable[[Turn], None]


@dataclass(slots=True)
class Engine:
    store: Store
    network: Network
    clock: Clock = field(default_factory=SystemClock)
    secrets: Mapping[str, str] = field(default_factory=dict)
    drives: dict[str, Drive] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)  # by digest: runs of one file share it
    contracts: dict[str, AnswerContracts] = field(default_factory=dict)  # by digest
    readings: Readings = field(default_factory=Readings)
    aside: Offload = field(default_factory=lambda: OneThread("flowdsl-contracts"))
    poller: asyncio.Task[None] | None = None
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    lines: dict[str, dict[str, asyncio.Event]] = field(default_factory=dict)  # `Turns`, by key
    detached: dict[str, asyncio.Task[None]] = field(default_factory=dict)  # runs that runs started
    woken: list[asyncio.Task[None]] = field(default_factory=list)
    secret_inputs: dict[str, Mapping[str, str]] = field(default_factory=dict)  # of open runs
    deaf: dict[str, int] = field(default_factory=dict)  # by run: looks in a row that failed
    watch: Watch | None = None  # hears every turn of every run
    watches: dict[str, Watch] = field(default_factory=dict)  # of one open run each
    left: dict[str, str] = field(default_factory=dict)  # runs that were not adopted, and why

    async def __aenter__(self) -> Self:
        await self.store.start()
        self.poller = asyncio.create_task(self._poll())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._let_detached_end(hurry=error is not None)
        if self.poller is not None:
            self.poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.poller
        for task in self.woken:
            task.cancel()
        await asyncio.gather(*self.woken, return_exceptions=True)
        self.aside.close()
        await self.store.close()

    async def run(
        self,
        plan: Plan,
        created: Created,
        *,
        watch: Watch | None = None,
        secret_inputs: Mapping[str, str] | None = None,
    ) -> Run:
        """Start a run and drive it until it is at rest."""
        if created.secret_inputs is None:
            created = replace(created, secret_inputs=names_given(plan, secret_inputs or {}))
        await self._pin(plan)
        drive = self._drive(Run.new(plan), created.run, watch, secret_inputs or {}, new=True)
        return await self._go(created.run, drive, [], [_with_key_masked(drive, created)])

    async def _pin(self, plan: Plan) -> None:
        self.plans[plan.digest] = plan
        await self.store.pin(plan.digest, definition_of(plan))

    async def resume(
        self,
        run: str,
        *,
        orders: Sequence[Order] = (),
        watch: Watch | None = None,
        secret_inputs: Mapping[str, str] | None = None,
        by: str = "",
    ) -> Run | None:
        """Take a run over and drive it until it is at rest. None where a living process drives it.

        Raises InputError, and touches nothing, where it would have to do without a secret.
        """
        if not await self.store.is_driven(run):
            known = await self._known([one.event for one in await self.store.events(run)])
            lacking = await self._lacking(known.created, secret_inputs or {})
            if lacking is not None and not known.state.ended:
                raise lacking
        past = await self.store.adopt(run)
        if past is None:
            return None
        return await self._go_on(
            run, past, orders=orders, watch=watch, secret_inputs=secret_inputs, by=by
        )

    async def _go_on(
        self,
        run: str,
        past: Sequence[Event],
        *,
        orders: Sequence[Order] = (),
        watch: Watch | None = None,
        secret_inputs: Mapping[str, str] | None = None,
        by: str = "",
    ) -> Run:
        """Drive a run that was taken over, from what is known of it."""
        known, at = await self._known(past), self.clock.now()
        told = [event for order in orders for event in to_event(known, order, at)]
        first: list[Event] = [Resumed(known.state.epoch + 1, at, by), *told]
        handed_on = self._chosen(known.state.lost)
        drive = self._drive(known, run, watch, secret_inputs or {}, new=False, handed_on=handed_on)
        return await self._go(run, drive, past, first, adopted=True)

    async def resume_all(
        self, *, watch: Watch | None = None, by: str = ""
    ) -> list[asyncio.Task[Run]]:
        """Take over every run that nobody drives and nobody paused, and go on with each in a task of its own.

        `left` says which were left alone, and why: they are as they were.
        """
        self.left = {}
        runs = await self.store.adopt_all(self._may_adopt)
        return [
            asyncio.create_task(self._go_on(run, past, watch=watch, by=by))
            for run, past in runs.items()
        ]

    async def _may_adopt(self, past: Sequence[Event]) -> bool:
        """Whether to go on with a run unattended. Nothing is sent, or undone, for want of what only a person can give."""
        state = fold(State(), past)  # no more: it may be paused, and its definition unreadable
        assert state.created is not None, "the first fact of a run is that it was created"
        why = "a person paused it" if state.paused else ""
        try:
            lacking = None if why else await self._lacking(state.created, {})
        except StoreError as error:  # its definition cannot be read
            why = error.message
        else:
            why = lacking.message if lacking is not None else why
        if why:
            self.left[state.created.run] = why
        return not why

    async def _lacking(self, created: Created, given: Mapping[str, str]) -> InputError | None:
        """What secret the run would have to do without."""
        plan = await self.plan_of(created.digest)
        known = self.secret_inputs.get(created.run, {}).keys() | given.keys()
        missing = sorted(set(needed_again(plan, created)) - known)
        if missing:
            return given_before(missing)
        return unset([name for name in plan.secrets if not self.secrets.get(name)])

    async def _known(self, past: Sequence[Event]) -> Run:
        """A run as its journal has it."""
        created = past[0]
        assert isinstance(created, Created), "the first fact of a run is that it was created"
        return Run.of(await self.plan_of(created.digest), past)

    async def plan_of(self, digest: str) -> Plan:
        """The plan that runs are pinned to, whatever became of the file."""
        if digest not in self.plans:
            self.plans[digest] = plan_from(await self.store.definition(digest), digest)
        return self.plans[digest]

    def stop(self) -> None:
        """The process ends: nothing new starts, what is open gets a moment, all is saved. The next one may go on."""
        for drive in self.drives.values():
            drive.stop()

    def pause(self) -> None:
        """A person's Ctrl-C: the same, and the runs wait for a person."""
        for drive in self.drives.values():
            drive.stop(paused=True)

    def _drive(
        self,
        known: Run,
        run: str,
        watch: Watch | None,
        secret_inputs: Mapping[str, str],
        *,
        new: bool,
        handed_on: Mapping[str, str] = MappingProxyType({}),
    ) -> Drive:
        """`handed_on`: secrets that its plan does not name, and that stand in what it was started with."""
        if watch is not None:
            self.watches[run] = watch
        if secret_inputs:
            self.secret_inputs[run] = secret_inputs
        plan = known.plan
        given = with_defaults(plan, self.secret_inputs.get(run, {}))
        hidden = {f"inputs.{name}": value for name, value in given.items()}
        secrets = {**handed_on, **self._chosen(plan.secrets), **hidden}
        signer = RunSigner(self.store.key, run, secrets)
        is_new = new

        async def keep(events: Sequence[Event]) -> None:
            nonlocal is_new
            if is_new:
                await self.store.create(run, events)
                is_new = False
            else:
                await self.store.append(run, events)

        ports = Ports(
            network=self.network,
            clock=self.clock,
            signer=signer,
            secrets=secrets,
            watch=partial(self._tell, run),
            neighbours=self,
            limits=self.limits,
            contracts=self.contracts_for(plan),
            masks=Masks(secrets, self.store.key),
        )
        return Drive(known, keep, ports)

    def _chosen(self, names: Iterable[str]) -> dict[str, str]:
        """Those that its file names, and no others: what is not a secret of this run is data in it."""
        return {name: self.secrets[name] for name in names if name in self.secrets}

    def _tell(self, run: str, turn: Turn) -> None:
        """Of every turn, also of a run that was woken or that another one has started."""
        for watch in (self.watches.get(run), self.watch):
            if watch is not None:
                watch(turn)

    def contracts_for(self, plan: Plan) -> AnswerContracts:
        if plan.digest not in self.contracts:
            self.contracts[plan.digest] = contracts_of(plan, self.readings, self.aside)
        return self.contracts[plan.digest]

    async def _go(
        self,
        run: str,
        drive: Drive,
        past: Sequence[Event],
        first: Sequence[Event],
        *,
        adopted: bool = False,
    ) -> Run:
        self.drives[run] = drive
        try:
            if adopted:
                await self._take_orders()  # what was said while nobody drove it
            await drive.go(past, first)
        finally:
            self.drives.pop(run, None)
        end = drive.shown
        if end.state.ended:
            self.secret_inputs.pop(run, None)
            self.watches.pop(run, None)
            report = run_report(end)
            await self.store.finish(run, to_spelled_bytes(report))
            if end.created.key:
                await self.store.leave_queue(end.created.key, run)
        return end

    async def _poll(self) -> None:
        """Take in what other processes left in the inbox for the runs that are driven here."""
        while True:
            await self._listen()
            await self.clock.sleep(POLL_SECONDS)

    async def _listen(self) -> None:
        """Runs whose orders stay unreadable are stopped and say so: the orders are there, and `resume` obeys them."""
        try:
            await self._take_orders()
            failures = self.store.unread()
        except StoreError as error:
            failures = dict.fromkeys(self.drives, error)
        self.deaf = {run: self.deaf.get(run, 0) + 1 for run in failures}
        for run, failure in failures.items():
            if self.deaf[run] >= DEAF_LOOKS_MAX and run in self.drives:
                self.drives[run].give_up(failure)

    async def _take_orders(self) -> None:
        for run, order_id, order in await self.store.take_orders():
            await self._hear(run, order_id, order)

    async def _hear(self, run: str, order_id: str, told: Json) -> None:
        """What is not an order at all is dropped too: it stops nobody."""
        try:
            order = replace(Order.from_json(told), id=order_id)
        except ValueError:
            await self.store.drop_order(order_id)
            return
        drive = self.drives.get(run)
        if drive is not None:
            await self._obey(drive, order_id, order)
        else:
            self.woken = [task for task in self.woken if not task.done()]
            self.woken.append(asyncio.create_task(self._wake(run, order_id, order)))

    async def _obey(self, drive: Drive, order_id: str, order: Order) -> None:
        """An order that makes no sense (any more) is dropped: who gave it follows the run and sees that."""
        try:
            events = to_event(drive.run, order, self.clock.now())
        except InputError:
            await self.store.drop_order(order_id)
            return
        drive.tell(*events, kept=lambda: self.store.drop_order(order_id))

    async def _wake(self, run: str, order_id: str, order: Order) -> None:
        """A run of ours that is at rest, stuck, hears of a person: it goes on."""
        drive = self.drives.get(run)
        if drive is not None:  # an order that came just before has woken it
            await self._obey(drive, order_id, order)
            return
        try:
            await self._go_on_as_ordered(run, order)
        except StoreError:
            # nobody waits for this task: the order is heard again, here or elsewhere
            self.store.put_back(order_id)
            return
        await self.store.drop_order(order_id)

    async def _go_on_as_ordered(self, run: str, order: Order) -> None:
        past = [recorded.event for recorded in await self.store.events(run)]
        known = await self._known(past) if past else None
        if known is None or known.state.ended:  # it is about to leave our hands
            return
        try:
            await self._go_on(run, past, orders=[order])
        except InputError:
            if not known.progress.at_rest:
                await self._go_on(run, past)  # the order was a fact when its driver failed

    # --- the other runs of the store -----------------------------------------------------------------

    async def turn(self, run: str, key: str) -> None:
        """Returns once it is this run's turn among those with its key."""
        await Turns(self.store, self.clock, self.lines).wait(run, key)

    async def begin(self, plan: Plan, parent: Created, spawned: Detached) -> Failure | None:
        """Start a detached run, or find that it was started: it is there when this returns."""
        child = plan.detached[spawned.digest]
        try:
            created = detached_run(child, parent, spawned, self.clock.now())
        except InputError as error:
            message = f"the run of its own could not be started: {error}"
            return Failure(error.code, message, spawned.node)
        await self._pin(child)
        claim = await self.store.claim(spawned.run, fingerprint_of(created))
        if claim is Claim.MINE:
            durable = asyncio.Event()
            drive = self._drive(
                Run.new(child),
                spawned.run,
                lambda _: durable.set(),
                {},
                new=True,
                handed_on=self._handed_on(parent.run, spawned),
            )
            first = _with_key_masked(drive, created)
            task = asyncio.create_task(self._detach(self._go(spawned.run, drive, [], [first])))
            self.detached[spawned.run] = task
            await asyncio.wait(
                [asyncio.ensure_future(durable.wait()), task], return_when=asyncio.FIRST_COMPLETED
            )
            if task.done() and not durable.is_set():
                await task
        elif await self._is_left_over(spawned.run):
            self.detached[spawned.run] = asyncio.create_task(self._detach(self.resume(spawned.run)))
        return None

    def _handed_on(self, parent: str, spawned: Detached) -> dict[str, str]:
        """The secrets of the parent that stand in what its child is given: in the child they are kept masked as well."""
        ports = self.drives[parent].ports
        names = names_masked([ports.masks.mask(spawned)])
        return {name: ports.secrets[name] for name in names if name in ports.secrets}

    async def _is_left_over(self, run: str) -> bool:
        """Whether a run that was started by another one is there for whoever goes on with that."""
        if run in self.drives or await self.store.is_driven(run):
            return False
        return await self._may_adopt([one.event for one in await self.store.events(run)])

    async def _detach(self, drive: Awaitable[object]) -> None:
        """Nobody waits for what it comes to; that it was stopped is saved."""
        with contextlib.suppress(Interrupted):
            await drive

    async def _let_detached_end(self, *, hurry: bool) -> None:
        while self.detached:  # while they end, they may start runs of their own
            tasks = list(self.detached.values())
            self.detached.clear()
            if hurry:
                for task in tasks:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=hurry)


def _with_key_masked(drive: Drive, created: Created) -> Created:
    return replace(created, key=drive.ports.masks.key(created.key)) if created.key else created
