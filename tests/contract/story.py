"""One run over one or several lives of its driver, on one virtual clock: the real loop, a journal that is a list.

A driver may die at any point: before and after it keeps facts, and before, during and after a request. The services
live on, and so do the people who give orders: they say them again until they are facts. `play` judges what is true of
every story (`judge.py`): each fault struck, nothing happened twice, and what is left behind stands in the residue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import httpx

from flowdsl.engine.loop import Drive
from flowdsl.engine.masks import Masks
from flowdsl.engine.orders import Order, to_event
from flowdsl.engine.ports import Ports
from flowdsl.engine.sign import RunSigner
from flowdsl.errors import InputError, Interrupted
from flowdsl.plan.address import is_below
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created, Event, Finished, Planned, Resumed, Started
from flowdsl.saga.progress import Progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State, fold
from flowdsl.world.network.http import Http
from mock_services.ledger import Effect
from tests.contract.judge import judge
from tests.contract.tally import TALLY
from tests.lives.death import Death, DyingNetwork, Fuse
from tests.lives.front import Arrived, Bend, Front, How, fault
from tests.lives.virtual import EPOCH, VirtualClock, run_virtually
from tests.runs import run_at

Lives: TypeAlias = Callable[[], Coroutine[object, object, object]]

AFTERWARDS_SECONDS = 2 * 24 * 3600.0  # for what is still on its way when the run is over


@dataclass(slots=True)
class Said:
    """An order, and what became of it."""

    at: float
    order: Order
    kept: bool = False
    refused: bool = False


@dataclass(slots=True)
class Story:
    """`lives` is what happens, one life of a driver where nothing else is said."""

    plan: Plan
    inputs: dict[str, Json] = field(default_factory=dict)
    run: str = "run-1"
    secrets: dict[str, str] = field(default_factory=dict)
    env: dict[str, str | None] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)  # URLs instead of those in the file
    front: Front = field(default_factory=Front)
    lives: Lives | None = None
    facts: list[Event] = field(default_factory=list)
    requests_at: dict[int, int] = field(default_factory=dict)  # arrived when that fact was kept
    refused: list[InputError] = field(default_factory=list)  # orders that came to nothing
    orders: list[tuple[float, Order]] = field(default_factory=list)  # given in the first life
    said: list[Said] = field(default_factory=list)
    fuse: Fuse = field(default_factory=Fuse)
    _folded: tuple[int, State] = (0, State())

    def fault(self, line: str, kind: str, times: int | None = 1) -> Story:
        """A fault of the mock services: "POST hotels/reservations", "lose_reply"."""
        fault(self.front.app, line, kind, times)
        return self

    def bend(self, line: str, how: How, times: int | None = None, skip: int = 0) -> Story:
        self.front.bends.append(Bend(line, how, times, skip))
        return self

    def cancel(self, *seconds: float) -> Story:
        self.orders += [(at, Order("cancel")) for at in seconds]
        return self

    # --- lives ---------------------------------------------------------------------------------------

    async def live(
        self,
        *,
        dies_on: str = "",
        dies_at: int = 0,
        given: Sequence[Order] = (),
        orders: Sequence[tuple[float, Order]] = (),
        stops_at: float | None = None,
    ) -> Progress | None:
        """One life of a driver: begin the run, or go on with it. None if it did not come to rest.

        `given` are the orders that it goes on with, `orders` those that come to it so many seconds later. Where it
        crashes besides, another life does the same.
        """
        begin = asyncio.get_running_loop().time()
        at_first = self.orders if not self.facts and not self.fuse.passed else []
        self.said += [Said(begin + at, order) for at, order in [*orders, *at_first]]
        stops = None if stops_at is None else begin + stops_at
        while True:
            crashes = self.fuse.crashes
            self.fuse.begin(dies_on, dies_at)
            try:
                return await self._one_life(given, stops)
            except (Death, Interrupted):
                if self.fuse.crashes == crashes:
                    return None

    async def die(
        self, *, dies_on: str = "", dies_at: int = 0, stops_at: float | None = None
    ) -> None:
        """A life that ends before its run does, unless a crash gave it another course."""
        rest = await self.live(dies_on=dies_on, dies_at=dies_at, stops_at=stops_at)
        assert rest is None or self.fuse.crashes, "the driver was to die, and did not"

    async def _one_life(self, given: Sequence[Order], stops: float | None) -> Progress:
        async def keep(events: Sequence[Event]) -> None:
            self.fuse.pass_point()
            await asyncio.sleep(0)
            self.fuse.check()
            self.requests_at[len(self.facts)] = len(self.front.log)
            self.facts += events
            self.fuse.pass_point()

        network = DyingNetwork(Http(httpx.ASGITransport(app=self.front)), self.fuse)
        signer = RunSigner(b"key", self.run, self.secrets)
        masks = Masks(self.secrets, b"key")
        ports = Ports(network, VirtualClock(), signer, self.secrets, masks=masks)
        drive = Drive(Run.new(self.plan), keep, ports)
        first = self._first(given)
        # what was not kept yet is said again, and after a crash what was kept too: who said it cannot know
        to_say = [each for each in self.said if not each.kept or self.fuse.crashes]
        tasks = [asyncio.create_task(self._say(drive, each)) for each in to_say]
        if stops is not None:
            tasks.append(asyncio.create_task(_stop(drive, stops)))
        await asyncio.sleep(0)
        try:
            await drive.go(list(self.facts), first)
            return drive.run.progress
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _first(self, given: Sequence[Order]) -> list[Event]:
        if not self.facts:
            digest = self.plan.digest
            return [Created(self.run, "saga", digest, EPOCH, self.inputs, self.env, self.bases)]
        at, told = VirtualClock().now(), list[Event]()
        for order in given:
            try:
                told += to_event(self.seen, order, at)
            except InputError:  # the life that crashed has kept it
                if not self.fuse.crashes:
                    raise
        return [Resumed(self.state.epoch + 1, at), *told]

    async def _say(self, drive: Drive, said: Said) -> None:
        await asyncio.sleep(max(0.0, said.at - asyncio.get_running_loop().time()))
        run = drive.run if drive.run.state.created else self.seen

        def kept() -> None:
            said.kept = True

        with suppress(InputError):
            drive.tell(*self._meant(run, said), kept=kept)

    def _meant(self, run: Run, said: Said) -> list[Event]:
        """The facts that an order adds; its refusal is remembered."""
        try:
            return to_event(run, said.order, VirtualClock().now())
        except InputError as error:
            if not (said.kept or said.refused):
                self.refused.append(error)
            said.refused = True
            raise

    def play(self, lives: Lives | None = None) -> Story:
        """The whole story, until nothing is on its way any more; judged."""
        self.lives = lives or self.lives
        self.tell()
        assert all(self.fired), f"a fault never struck: {self.fired}"
        deaf = [each for each in self.said if not each.kept and not each.refused]
        assert not deaf, f"orders that nobody heard: {deaf}"
        judge(self)
        return self

    def tell(self) -> None:
        async def to_the_end() -> None:
            await (self.lives or self.live)()
            for said in self.said:
                await self._say_too_late(said)
            await asyncio.sleep(AFTERWARDS_SECONDS)
            await self.front.settled()

        run_virtually(to_the_end())
        TALLY.struck += sum(self.fired)

    async def _say_too_late(self, said: Said) -> None:
        """To a run that has ended, which it does not touch any more."""
        await asyncio.sleep(max(0.0, said.at - asyncio.get_running_loop().time()))
        if self.state.ended and not said.kept and not said.refused:
            with suppress(InputError):
                self._meant(self.seen, said)

    # --- what became of it ---------------------------------------------------------------------------

    @property
    def state(self) -> State:
        known, state = self._folded
        if known < len(self.facts):
            self._folded = len(self.facts), fold(state, self.facts[known:])
        return self._folded[1]

    @property
    def seen(self) -> Run:
        """As whoever reads its journal sees it."""
        return run_at(self.plan, self.state)

    @property
    def now(self) -> Progress:
        return self.seen.progress

    @property
    def fired(self) -> list[int]:
        faults = [fault.fired for fault in self.front.app.faults.faults]
        return faults + [bend.fired for bend in self.front.bends]

    @property
    def ledger(self) -> list[Effect]:
        return self.front.app.ledger.effects

    @property
    def left(self) -> set[str]:
        """What the services hold and a run that ended so should not have left there, by key."""
        end = "succeeded" if self.state.committed else "compensated"
        alerts = {e.key for call, e in self.state.calls.items() if is_below(call, "on_failure")}
        held = {str(effect.key) for effect in self.front.app.ledger.left_behind(end)}
        ours = {str(arrived.request.key) for arrived in self.front.log}
        return held & ours - alerts  # what `on_failure` does is meant to stay

    @property
    def named(self) -> set[str]:
        calls = self.state.calls
        return {calls[entry.step].key for entry in self.now.residue if entry.step in calls}

    @property
    def sent(self) -> list[str]:
        """Every request that came to the door, in its order."""
        return [arrived.line for arrived in self.front.log]

    @property
    def undos(self) -> list[str]:
        """The undos among them, by service."""
        undos = [
            line.split() for line in self.sent if line.startswith("DELETE") or "/refund" in line
        ]
        return [target.split("/")[0] for _, target in undos]

    def arrived(self, line: str) -> list[Arrived]:
        return [arrived for arrived in self.front.log if fits(arrived.line, line)]

    def count(self, line: str) -> int:
        return len(self.arrived(line))

    @property
    def standings(self) -> dict[str, str]:
        return {effect.service: effect.standing for effect in self.ledger}

    def deed(self, service: str, act: str) -> tuple[float, float]:
        """When the services did that, from the first arrival of all."""
        (deed,) = (
            deed
            for effect in self.ledger
            if effect.service == service
            for deed in effect.deeds
            if deed.act == act
        )
        return deed.started, deed.ended

    @property
    def plans(self) -> list[tuple[str, ...]]:
        return [fact.calls for fact in self.facts if isinstance(fact, Planned)]

    @property
    def planned_at(self) -> int:
        """Which fact the plan of what to undo is; the first one."""
        return next(n for n, fact in enumerate(self.facts) if isinstance(fact, Planned))

    def landed(self, name: str) -> int:
        """Which fact the last answer to that call is."""
        call = self.call(name)
        answers = (
            n for n, f in enumerate(self.facts) if isinstance(f, Finished) and f.call == call
        )
        return max(answers)

    def call(self, name: str) -> str:
        """The call that `hotel` or `hotel!undo` means."""
        step, mark, direction = name.partition("!")
        return self.plan.names.get(step, step) + mark + direction

    def attempts(self, name: str) -> int:
        call = self.call(name)
        return sum(isinstance(fact, Started) and fact.call == call for fact in self.facts)

    def counted(self, name: str) -> int:
        """Those of them that count: not the first ten that a crash interrupted."""
        return self.attempts(name) - self.state.calls[self.call(name)].spared

    def outcomes(self, name: str) -> list[str]:
        """What each attempt came to: Ok, Refused, Unknown."""
        call = self.call(name)
        return [
            type(fact.outcome).__name__
            for fact in self.facts
            if isinstance(fact, Finished) and fact.call == call
        ]

    def stuck_at(self, *calls: str) -> None:
        assert self.now.state == "stuck"
        assert set(self.now.stuck) == {self.call(name) for name in calls}

    def ended(self, state: str) -> None:
        """It ended so, and nothing is left of it that should not be; what became of a step by a person's word is named."""
        assert self.now.state == state, self.now
        assert self.state.ended == state
        assert not [entry for entry in self.now.residue if entry.why not in FOUND_OUT]
        assert not self.left


FOUND_OUT = ("it happened, on a person's word", "it never happened, on a person's word")


def fits(line: str, pattern: str) -> bool:
    head, star, tail = pattern.partition("*")
    return line.startswith(head) and line.endswith(tail) if star else line == pattern


async def _stop(drive: Drive, at: float) -> None:
    await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
    drive.stop()
