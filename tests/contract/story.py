"""One run over one or several lives of its driver, on one virtual clock: the real loop, a journal that is a list.

A driver may die at any point: before and after it keeps facts, and before, during and after a request. The services
live on. `play` judges what is true of every story: each fault struck, nothing happened twice, and what is left
behind stands in the residue.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import dedent, indent

import httpx

from flowdsl.engine.loop import Drive, Ports
from flowdsl.engine.orders import Order, to_event
from flowdsl.engine.sign import RunSigner
from flowdsl.errors import InputError, Interrupted
from flowdsl.language import compile_plan
from flowdsl.plan.address import is_below
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created, Event, Finished, Planned, Resumed, Started, Turned
from flowdsl.saga.observation import Observation
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.state import State, fold
from flowdsl.world.http import Http
from mock_services.ledger import Effect
from tests.contract.front import Arrived, Bend, Front, How
from tests.virtual import EPOCH, VirtualClock, run_virtually

SERVICES = ("flights", "hotels", "cars", "payments", "mail", "shipping", "warehouses")
AFTERWARDS_SECONDS = 2 * 24 * 3600.0  # for what is still on its way when the run is over

PAY_AND_FAIL = """
- id: pay
  call: POST payments/charges
  body: { card: tok_declined }
  compensate: none
"""


def saga(
    steps: str, *, settings: str = "idempotency: 24h", head: str = "", child: str = ""
) -> Plan:
    """A workflow of the mock services; `settings` are of the first three, the others honour keys for a day.

    `child` are the steps, and what follows them, of the file `child.yaml` that it may use.
    """
    services = "".join(f"  {name}: {{ url: 'http://mock/{name}' }}\n" for name in SERVICES)
    for name in SERVICES[:3]:
        services = services.replace(f"/{name}' }}", f"/{name}', {settings} }}".replace(", }", " }"))
    for name in SERVICES[3:]:
        services = services.replace(f"/{name}' }}", f"/{name}', idempotency: 24h }}")
    text = f"flowdsl: 1\nname: saga\n{dedent(head)}\nservices:\n{services}steps:\n"
    used = f"flowdsl: 1\nname: child\nservices:\n{services}steps:\n" + indent(dedent(child), "  ")
    files = [("child.yaml", used)] if child else []
    return compile_plan(text + indent(dedent(steps), "  "), "saga.yaml", files)


def reserve(name: str, *, by: str = "id", more: str = "", method: str = "POST") -> str:
    """A step that reserves a flight, hotel or car; its undo names it `by` its id or by its key."""
    where = f"{name}s/reservations"
    reference = f"${{{name}.id}}" if by == "id" else f"${{steps.{name}.key}}"
    return f"""
- id: {name}
  call: {method} {where}
  body: {{ {name}: mine }}
  confirm: POST {where}/{reference}/confirm
  compensate: DELETE {where}/{reference}
{indent(dedent(more).strip(), "  ")}
"""


def in_parallel(*steps: str) -> str:
    return "- parallel:\n" + indent("".join(steps), "    ")


class Death(BaseException):
    """The process is gone: nothing catches this."""


@dataclass(slots=True)
class Fuse:
    """Burns at the n-th point that a driver passes, or while a request is out."""

    at: int = 0  # 0: never
    on: str = ""
    passed: int = 0

    def point(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise Death

    def out(self, line: str) -> None:
        self.point()
        if line == self.on:
            raise Death


@dataclass(frozen=True, slots=True)
class Wire:
    """The network of a driver that may die."""

    network: Http
    fuse: Fuse

    async def send(
        self, request: Request, *, secrets: Mapping[str, str], timeout_seconds: float, fresh: bool
    ) -> Observation:
        self.fuse.point()
        exchange = asyncio.create_task(
            self.network.send(
                request, secrets=secrets, timeout_seconds=timeout_seconds, fresh=fresh
            )
        )
        await asyncio.sleep(0)  # the bytes are on their way
        try:
            self.fuse.out(f"{request.method} {request.url.removeprefix('http://mock/')}")
            seen = await exchange
            self.fuse.point()
        except BaseException:
            exchange.cancel()
            raise
        return seen


@dataclass(slots=True)
class Story:
    plan: Plan
    inputs: dict[str, Json] = field(default_factory=dict)
    run: str = "run-1"
    secrets: dict[str, str] = field(default_factory=dict)
    env: dict[str, str | None] = field(default_factory=dict)
    bases: dict[str, str] = field(default_factory=dict)  # URLs instead of those in the file
    front: Front = field(default_factory=Front)
    facts: list[Event] = field(default_factory=list)
    requests_at: dict[int, int] = field(default_factory=dict)  # arrived when that fact was kept
    refused: list[InputError] = field(default_factory=list)  # orders that came to nothing
    orders: list[tuple[float, Order]] = field(default_factory=list)  # given in the first life
    points: int = 0

    def fault(self, line: str, kind: str, times: int | None = 1) -> Story:
        """A fault of the mock services: "POST hotels/reservations", "lose_reply"."""
        method, _, target = line.partition(" ")
        service, _, path = target.partition("/")
        self.front.app.faults.add(
            {"service": service, "method": method, "path": f"/{path}", "fault": kind}
            | {"times": times}
        )
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

        `given` are the orders that it goes on with, `orders` those that come to it so many seconds later.
        """
        fuse = Fuse(dies_at, dies_on)

        async def keep(events: Sequence[Event]) -> None:
            fuse.point()
            await asyncio.sleep(0)
            self.requests_at[len(self.facts)] = len(self.front.log)
            self.facts += events
            fuse.point()

        wire = Wire(Http(httpx.ASGITransport(app=self.front)), fuse)
        signer = RunSigner(b"key", self.run, self.secrets)
        drive = Drive(self.plan, keep, Ports(wire, VirtualClock(), signer, self.secrets))
        state = self.state
        first: list[Event] = [
            Created(self.run, "saga", self.plan.digest, EPOCH, self.inputs, self.env, self.bases)
        ]
        if self.facts:
            at = VirtualClock().now()
            told = [event for order in given for event in to_event(self.plan, state, order, at)]
            first = [Resumed(state.epoch + 1, at), *told]
        said = [self._say(drive, *each) for each in [*orders, *([] if self.facts else self.orders)]]
        if stops_at is not None:
            said.append(_stop(drive, stops_at))
        tasks = [asyncio.create_task(each) for each in said]
        await asyncio.sleep(0)
        try:
            return await drive.go(list(self.facts), first)
        except (Death, Interrupted):
            return None
        finally:
            self.points = fuse.passed
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _say(self, drive: Drive, seconds: float, order: Order) -> None:
        await asyncio.sleep(seconds)
        state = drive.state if drive.state.created else self.state
        try:
            drive.tell(*to_event(self.plan, state, order, VirtualClock().now()))
        except InputError as error:
            self.refused.append(error)

    def play(self, lives: Callable[[], Coroutine[object, object, object]] | None = None) -> Story:
        """The whole story, until nothing is on its way any more; judged."""
        self._run(lives or self.live)
        assert all(self.fired), f"a fault never struck: {self.fired}"
        self.judge()
        return self

    def _run(self, lives: Callable[[], Coroutine[object, object, object]]) -> None:
        async def to_the_end() -> None:
            await lives()
            await asyncio.sleep(AFTERWARDS_SECONDS)
            await self.front.settled()

        run_virtually(to_the_end())

    def judge(self) -> None:
        """What is true of every run, however it ended."""
        effects = Counter(effect.wish for effect in self.ledger)
        assert max(effects.values(), default=1) == 1, f"an effect happened twice: {effects}"
        assert self.left <= self.named, f"left behind and not named: {self.left - self.named}"
        if self.now.state in ("compensated", "cancelled"):
            assert len([fact for fact in self.facts if isinstance(fact, Turned)]) >= 1

    # --- what became of it ---------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return fold(State(), self.facts)

    @property
    def now(self) -> Progress:
        return progress(self.plan, self.state)

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
        return held - alerts  # what `on_failure` does is meant to stay

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
        """It ended so, and nothing is left of it that should not be."""
        assert self.now.state == state, self.now
        assert self.state.ended == state
        assert not self.now.residue
        assert not self.left


def fits(line: str, pattern: str) -> bool:
    head, star, tail = pattern.partition("*")
    return line.startswith(head) and line.endswith(tail) if star else line == pattern


def crash_everywhere(
    make: Callable[[], Story],
    ends: str,
    stride: int = 1,
    again: Sequence[tuple[float, Order]] = (),
) -> int:
    """The same story with a death of its driver at every point, each followed by another life. How many there were.

    `again` is ordered in the second life too: by somebody who does not know whether the first has heard it.
    """
    whole = make()
    whole._run(whole.live)
    deaths = 0
    for point in range(1, whole.points + 1, stride):
        story = make()
        asyncio_lives = _two_lives(story, point, again)
        story._run(asyncio_lives)
        story.judge()
        assert story.now.state in ends.split(), f"died at point {point}: {story.now}"
        if story.now.state != "stuck":
            assert not story.left
        deaths += 1
    assert deaths > 3
    return deaths


def _two_lives(
    story: Story, point: int, again: Sequence[tuple[float, Order]]
) -> Callable[[], Coroutine[object, object, None]]:
    async def lives() -> None:
        if await story.live(dies_at=point) is None:
            await story.live(orders=again)

    return lives


async def _stop(drive: Drive, seconds: float) -> None:
    await asyncio.sleep(seconds)
    drive.stop()
