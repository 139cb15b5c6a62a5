"""Runs on a store: start one, take one over, follow what other processes ask for.

An Engine owns what all its runs share: the store, the network, the clock. Each run is a `Drive` of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from flowdsl.engine.contracts import Contracts, contracts_of
from flowdsl.engine.loop import Drive, Network, News, Ports
from flowdsl.engine.orders import Order, to_event
from flowdsl.engine.sign import RunSigner
from flowdsl.errors import InputError, StoreError
from flowdsl.language import InvalidWorkflow, compile_plan
from flowdsl.language.openapi import Readings
from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created, Event, Resumed
from flowdsl.saga.progress import Progress
from flowdsl.saga.state import State, fold
from flowdsl.view.report import run_report
from flowdsl.world.clock import Clock, SystemClock
from flowdsl.world.store import Store

POLL_SECONDS = 0.2  # how often other processes' orders are looked for

Watch = Callable[[News], None]


@dataclass(frozen=True, slots=True)
class Result:
    """Where a run stands when its driver lets go of it."""

    run: str
    plan: Plan
    state: State
    now: Progress


@dataclass(slots=True)
class Engine:
    store: Store
    network: Network
    clock: Clock = field(default_factory=SystemClock)
    secrets: Mapping[str, str] = field(default_factory=dict)
    drives: dict[str, Drive] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)  # by digest: runs of one file share it
    contracts: dict[str, Contracts] = field(default_factory=dict)  # by digest
    readings: Readings = field(default_factory=Readings)
    poller: asyncio.Task[None] | None = None
    woken: list[asyncio.Task[None]] = field(default_factory=list)

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
        if self.poller is not None:
            self.poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.poller
        for task in self.woken:
            task.cancel()
        await asyncio.gather(*self.woken, return_exceptions=True)
        await self.store.close()

    async def run(
        self,
        plan: Plan,
        created: Created,
        *,
        watch: Watch = lambda _: None,
        secret_inputs: Mapping[str, str] | None = None,
    ) -> Result:
        """Start a run and drive it until it is at rest."""
        self.plans[plan.digest] = plan
        await self.store.pin(plan.digest, definition_of(plan))
        drive = self._drive(plan, created.run, watch, secret_inputs or {}, new=True)
        return await self._go(created.run, drive, [], [created])

    async def resume(
        self,
        run: str,
        *,
        orders: Sequence[Order] = (),
        watch: Watch = lambda _: None,
        secret_inputs: Mapping[str, str] | None = None,
        by: str = "",
    ) -> Result | None:
        """Take a run over and drive it until it is at rest. None where a living process drives it."""
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
        watch: Watch = lambda _: None,
        secret_inputs: Mapping[str, str] | None = None,
        by: str = "",
    ) -> Result:
        """Drive a run that was taken over, from what is known of it."""
        state = fold(State(), past)
        assert state.created is not None, "the first fact of a run is that it was created"
        plan = self.plan_of(state.created.digest)
        at = self.clock.now()
        told = [event for order in orders for event in to_event(plan, state, order, at)]
        first: list[Event] = [Resumed(state.epoch + 1, at, by), *told]
        drive = self._drive(plan, run, watch, secret_inputs or {}, new=False)
        return await self._go(run, drive, past, first)

    async def resume_all(
        self, *, watch: Watch = lambda _: None, by: str = ""
    ) -> list[asyncio.Task[Result]]:
        """Take over every run that nobody drives and nobody paused, and go on with each in a task of its own."""
        runs = await self.store.adopt_all()
        return [
            asyncio.create_task(self._go_on(run, past, watch=watch, by=by))
            for run, past in runs.items()
        ]

    def plan_of(self, digest: str) -> Plan:
        """The plan that runs are pinned to, whatever became of the file."""
        if digest not in self.plans:
            self.plans[digest] = plan_from(self.store.definition(digest), digest)
        return self.plans[digest]

    def stop(self) -> None:
        """Ctrl-C: nothing new starts, what is open gets a moment, all is saved."""
        for drive in self.drives.values():
            drive.stop()

    def _drive(
        self, plan: Plan, run: str, watch: Watch, secret_inputs: Mapping[str, str], *, new: bool
    ) -> Drive:
        secrets = {**self.secrets, **{f"inputs.{k}": v for k, v in secret_inputs.items()}}
        signer = RunSigner(self.store.key, run, secrets)
        is_new = new

        async def keep(events: Sequence[Event]) -> None:
            nonlocal is_new
            if is_new:
                await self.store.create(run, events)
                is_new = False
            else:
                await self.store.append(run, events)

        ports = Ports(self.network, self.clock, signer, secrets, watch, self.contracts_for(plan))
        return Drive(plan, keep, ports)

    def contracts_for(self, plan: Plan) -> Contracts:
        if plan.digest not in self.contracts:
            self.contracts[plan.digest] = contracts_of(plan, self.readings)
        return self.contracts[plan.digest]

    async def _go(
        self, run: str, drive: Drive, past: Sequence[Event], first: Sequence[Event]
    ) -> Result:
        self.drives[run] = drive
        try:
            now = await drive.go(past, first)
        finally:
            self.drives.pop(run, None)
        if drive.state.ended:
            report = run_report(drive.plan, drive.state, now, ended=drive.last_at)
            await self.store.finish(run, to_bytes(report))
        return Result(run, drive.plan, drive.state, now)

    async def _poll(self) -> None:
        """Take in what other processes left in the inbox for the runs that are driven here."""
        while True:
            for run, command_id, command in self.store.take_commands():
                self._hear(run, command_id, command)
            await self.clock.sleep(POLL_SECONDS)

    def _hear(self, run: str, command_id: str, command: Json) -> None:
        """What is no order at all is dropped too: it stops nobody."""
        try:
            order = Order.from_json(command)
        except ValueError:
            self.store.drop_command(command_id)
            return
        drive = self.drives.get(run)
        if drive is not None:
            self._obey(drive, command_id, order)
        else:
            self.woken.append(asyncio.create_task(self._wake(run, command_id, order)))

    def _obey(self, drive: Drive, command_id: str, order: Order) -> None:
        """An order that makes no sense (any more) is dropped: who gave it follows the run and sees that."""
        try:
            events = to_event(drive.plan, drive.state, order, self.clock.now())
        except InputError:
            self.store.drop_command(command_id)
            return
        drive.tell(*events, kept=lambda: self.store.drop_command(command_id))

    async def _wake(self, run: str, command_id: str, order: Order) -> None:
        """A run of ours that is at rest, stuck, hears of a person: it goes on."""
        past = [recorded.event for recorded in self.store.events(run)]
        with contextlib.suppress(InputError):
            await self._go_on(run, past, orders=[order])
        self.store.drop_command(command_id)


def definition_of(plan: Plan) -> bytes:
    """What is pinned: the file as it was when the run started."""
    return to_bytes({"format": 1, "path": plan.path, "text": plan.source})


def plan_from(document: bytes, digest: str) -> Plan:
    """The plan that was pinned. Raises StoreError where its document is damaged, and no other error for it."""
    try:
        pinned = from_bytes(document)
    except ValueError:
        raise _not_what_it_was() from None
    if not isinstance(pinned, dict) or pinned.get("format") != 1:
        raise InputError(
            "this run is pinned to a definition that this flowdsl cannot read",
            code="F131",
            help="use the flowdsl that started it, or a later one",
        )
    try:
        plan = compile_plan(str(pinned["text"]), str(pinned["path"]))
    except (KeyError, InvalidWorkflow):
        raise _not_what_it_was() from None
    if plan.digest != digest:
        raise _not_what_it_was()
    return plan


def _not_what_it_was() -> StoreError:
    return StoreError(
        "the definition that this run is pinned to is not what it was",
        code="F131",
        help="`flowdsl fsck` looks the store over",
    )
