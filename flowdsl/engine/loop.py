"""The embedded engine: make reality match `progress`.

One `Drive` a run: fold what arrived, ask, keep the answer, then start what is wanted and not flying and stop what is
flying and not wanted. Tasks only report; nothing happens directly in reaction to what the world says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Protocol

from flowdsl.codes import Code
from flowdsl.engine.contracts import AnswerContracts
from flowdsl.engine.masks import Masks
from flowdsl.errors import DiskFull, Interrupted, StoreError
from flowdsl.plan.address import Address
from flowdsl.plan.nodes import Action, Plan, Service
from flowdsl.plan.request import Request
from flowdsl.saga.advance import Signer, Turn, advance
from flowdsl.saga.commands import Await, Begin, Command, Invoke, Queue, Sleep
from flowdsl.saga.events import (
    Admitted,
    Begun,
    Created,
    Detached,
    Ended,
    Event,
    Failed,
    Failure,
    Finished,
    Fired,
    Outcome,
    Paused,
    Refused,
    Stopped,
    last_time,
)
from flowdsl.saga.intent import action_of, intended
from flowdsl.saga.masking import names_masked_in
from flowdsl.saga.observation import Answer, Observation
from flowdsl.saga.outcome import interrupted, judge
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.state import State, fold
from flowdsl.saga.unfolding import unfolded
from flowdsl.view.run.report import outputs
from flowdsl.world.clock import Clock

GRACE_SECONDS = 5.0  # for open calls, once somebody asked us to stop


class Network(Protocol):
    """The port to the services; see `world.http`."""

    async def send(
        self,
        request: Request,
        *,
        secrets: Mapping[str, str],
        timeout_seconds: float,
        fresh: bool,
    ) -> Observation: ...


class Keeper(Protocol):
    """Keeps facts: they are durable when it returns."""

    async def __call__(self, events: Sequence[Event], /) -> None: ...


class Neighbours(Protocol):
    """The other runs of the store, as far as one run has to do with them."""

    async def turn(self, run: str, key: str) -> None:
        """Returns once it is this run's turn among those with its key."""

    async def begin(self, plan: Plan, parent: Created, spawned: Detached) -> Failure | None:
        """The detached run is there, durably, when this returns; or the reason why it cannot be."""


class Alone:
    """No other runs: for exploration and for tests of one."""

    async def turn(self, run: str, key: str) -> None:
        pass

    async def begin(self, plan: Plan, parent: Created, spawned: Detached) -> Failure | None:  # noqa: ARG002
        return None


class Limits(Protocol):
    """How many requests of a service may be in flight at once."""

    def place(self, service: Service, url: str) -> AbstractAsyncContextManager[object]: ...


class Unlimited:
    def place(self, service: Service, url: str) -> AbstractAsyncContextManager[object]:  # noqa: ARG002
        return nullcontext()


@dataclass(frozen=True, slots=True)
class News:
    """What a watcher sees of each turn, after it is durable: no secret stands in it."""

    plan: Plan
    before: State
    facts: tuple[Event, ...]
    after: State
    now: Progress


@dataclass(frozen=True, slots=True)
class Ports:
    """What a drive acts through."""

    network: Network
    clock: Clock
    signer: Signer
    secrets: Mapping[str, str]
    watch: Callable[[News], None] = lambda _: None
    neighbours: Neighbours = field(default_factory=Alone)
    limits: Limits = field(default_factory=Unlimited)
    contracts: AnswerContracts = field(default_factory=AnswerContracts)
    masks: Masks = field(default_factory=Masks)


@dataclass(slots=True)
class Drive:
    """One run, driven until it is at rest. `state` has the true values; `shown` is the same without its secrets."""

    plan: Plan
    keep: Keeper
    ports: Ports
    state: State = field(default_factory=State)
    shown: State = field(default_factory=State)
    now: Progress | None = None
    last_at: float = 0.0  # when the last fact happened, which for a run that is over is its end
    arrived: list[Event] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    flying: dict[tuple[str, int], asyncio.Task[None]] = field(default_factory=dict)
    landed: list[tuple[str, int]] = field(default_factory=list)  # told, and not taken in yet
    when_kept: list[Callable[[], Awaitable[None]]] = field(
        default_factory=list
    )  # of what has arrived
    taken_in: list[Callable[[], Awaitable[None]]] = field(
        default_factory=list
    )  # of what this turn keeps
    stopping: bool = False
    paused: bool = False  # by a person, who is the one to go on with it
    giving_up: StoreError | None = None  # what was out is waited for and kept first
    bug: BaseException | None = None  # what a task died of; nothing a task does may end in silence

    async def go(self, past: Iterable[Event], first: Sequence[Event]) -> Progress:
        """Go on from the facts of the past. `first` are those that this drive begins with.

        Raises Interrupted once `stop` was called and what was open has been saved; StoreError when the disk fails.
        """
        past = tuple(past)
        opened, lost = self.ports.masks.open(past)
        self.state, self.last_at = fold(State(lost=lost), opened), last_time(past, 0.0)
        self.shown = self.state if opened == past else fold(State(lost=lost), past)
        begun = map(self.ports.masks.identified, first)
        events: list[Event] = [*begun, *self._interruptions()]
        try:
            while True:
                turn = await self._turn(events)
                self._reconcile(turn.now.commands)
                if turn.now.at_rest:
                    return turn.now
                events = await self._take()
                if self.giving_up is not None:
                    await self._keep_what_is_out(events)
                    raise self.giving_up
                if self.stopping:
                    await self._save(events)
        finally:
            await self._land_hard()

    def _interruptions(self) -> list[Event]:
        """Calls that were out when the last driver died: nobody knows."""
        at, calls = self.ports.clock.now(), self.state.calls
        return [Finished(c, calls[c].attempt, at, interrupted(c)) for c in self.state.flying]

    def tell(self, *events: Event, kept: Callable[[], Awaitable[None]] | None = None) -> None:
        """Something happened: the drive looks at it in its next turn. `kept` is called once it is durable."""
        self.arrived += events
        if kept is not None:
            self.when_kept.append(kept)
        self.bell.set()

    def stop(self, *, paused: bool = False) -> None:
        """Start nothing more, give open calls a moment, save. `paused`: a person wants it so."""
        self.stopping, self.paused = True, paused
        self.bell.set()

    def give_up(self, error: StoreError) -> None:
        """The disk fails beside the journal: save, and end with this."""
        self.giving_up = error
        self.bell.set()

    async def _turn(self, events: Sequence[Event]) -> Turn:
        """One turn: what it decides is durable, and seen by nobody before."""
        told, self.taken_in = self.taken_in, []
        turn = advance(self.plan, self.state, events, self.ports.signer, self.ports.clock.now())
        facts = (*events, *turn.facts)
        masked = self._masked([self._with_outputs(fact, turn) for fact in facts])
        if facts:
            try:
                await self.keep(masked)
            except DiskFull:
                await self._keep_answers(events)
                raise
        before, self.shown = self.shown, self._show(turn, facts, masked)
        self.state, self.now = turn.state, turn.now
        self.last_at = last_time(facts, self.last_at)
        while told:
            await told.pop()()
        self.ports.watch(News(self.plan, before, masked, *self.seen()))
        return turn

    def _masked(self, facts: Sequence[Event]) -> tuple[Event, ...]:
        return tuple(self.ports.masks.mask(fact) for fact in facts)

    def _show(self, turn: Turn, facts: tuple[Event, ...], masked: tuple[Event, ...]) -> State:
        """The state that may be shown: the true one, until a secret has come back in some answer."""
        if self.shown is self.state and all(map(_is, facts, masked)):
            return turn.state
        return fold(self.shown, masked)

    def _with_outputs(self, fact: Event, turn: Turn) -> Event:
        """A run whose data are kept masked keeps its outputs: nobody could compute them from marks."""
        if not isinstance(fact, Ended) or fact.state != "succeeded":
            return fact
        values, _ = outputs(self.plan, turn.state)
        if self.shown is self.state and self.ports.masks.value(values) is values:
            return fact
        return replace(fact, outputs={k: v for k, v in values.items() if v is not None})

    def seen(self) -> tuple[State, Progress]:
        """The run as it may be shown."""
        assert self.now is not None, "a run that was driven stands somewhere"
        if self.shown is self.state:
            return self.state, self.now
        return self.shown, progress(self.plan, self.shown)

    def _reconcile(self, commands: Iterable[Command]) -> None:
        wanted = {_identity(command): command for command in commands}
        for identity in [one for one in self.flying if one not in wanted]:
            self.flying.pop(identity).cancel()
        for identity, command in wanted.items():
            if identity not in self.flying:
                task = asyncio.create_task(self._fly(identity, command))
                task.add_done_callback(self._notice)
                self.flying[identity] = task

    def _notice(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.bug = task.exception()
            self.bell.set()

    async def _fly(self, identity: tuple[str, int], command: Command) -> None:
        match command:
            case Invoke():
                outcome = await self._send(command)
                at = self.ports.clock.now()
                event: Event = Finished(command.call, command.attempt, at, outcome)
            case Sleep():
                await self.ports.clock.sleep(self._until(command.timer))
                event = Fired(command.timer, self.ports.clock.now())
            case Await():
                await asyncio.Event().wait()  # a signal comes by `tell`, and makes this unwanted
                raise AssertionError("nobody rings this bell")
            case Queue(key=key):
                assert self.state.created is not None
                await self.ports.neighbours.turn(self.state.created.run, key)
                event = Admitted(self.ports.clock.now())
            case Begin(node=node):
                event = await self._begin(node)
            case _:
                raise AssertionError("decisions are settled within a turn")
        self.landed.append(identity)
        self.tell(event)

    async def _begin(self, node: Address) -> Event:
        created = self.state.created
        assert created is not None
        spawned = self.state.spawned[node]
        failure = await self.ports.neighbours.begin(self.plan, created, spawned)
        return Failed(node, failure) if failure else Begun(node, self.ports.clock.now())

    def _until(self, timer: str) -> float:
        return max(0.0, self.state.armed[timer] - self.ports.clock.now())

    async def _send(self, command: Invoke) -> Outcome:
        intent = intended(self.state, command.call)
        request = intent.request
        assert request is not None
        if self.state.lost and (lost := _lost(request)):
            said = f"it held the value of the secret {lost}, which is missing or has changed since: nothing was sent"
            return Refused(Failure(Code.CHANGED_SECRET, said, command.call), sent=False)
        if intent.seal and intent.seal != self.ports.signer.seal(request):
            message = "a secret in its body has changed since it was first sent: nothing was sent"
            return Refused(Failure(Code.CHANGED_SECRET, message, command.call), sent=False)
        action = action_of(unfolded(self.plan, self.state), command.call)
        time = asyncio.get_running_loop().time
        async with self.ports.limits.place(self.plan.services[action.service], request.url):
            end = time() + command.timeout_seconds
            seen = await self.ports.network.send(
                request,
                secrets=self.ports.secrets,
                timeout_seconds=command.timeout_seconds,
                fresh=command.fresh,
            )
        seen = await self._held_against_contract(action, request, seen, end)
        return judge(self.plan, self.state, command.call, seen)

    async def _held_against_contract(
        self, action: Action, request: Request, seen: Observation, end: float
    ) -> Observation:
        """What is said of an answer that does not fit is for people, and is cut: it is said of the masked one."""
        contracts, time = self.ports.contracts, asyncio.get_running_loop().time
        seen = await contracts.look_at(action, request, seen, end - time())
        if not isinstance(seen, Answer) or not seen.misfit:
            return seen
        shown = self.ports.masks.value(seen.body)
        if shown is seen.body:
            return seen
        masked = replace(seen, body=shown, misfit="")
        again = await contracts.look_at(action, request, masked, end - time())
        said = again.misfit if isinstance(again, Answer) else ""
        return replace(seen, misfit=said or "what is wrong with it holds a secret")

    async def _take(self) -> list[Event]:
        await self.bell.wait()
        self.bell.clear()
        if self.bug is not None:
            raise self.bug
        return self._arrivals()

    def _arrivals(self) -> list[Event]:
        """What was told since. Until it is taken in, its task counts as flying: else it would be started once more."""
        events, self.arrived = self.arrived, []
        self.taken_in, self.when_kept = [*self.taken_in, *self.when_kept], []
        while self.landed:
            self.flying.pop(self.landed.pop(), None)
        return events

    async def _save(self, events: list[Event]) -> None:
        """Keep what still comes in within the grace, and that somebody stopped us."""
        events += await self._answers(GRACE_SECONDS)
        at = self.ports.clock.now()
        last = Paused(at) if self.paused else Stopped(at)
        await self.keep(self._masked([*events, last]))
        self.state = fold(self.state, events)
        raise Interrupted("interrupted: the run is saved")

    async def _keep_what_is_out(self, events: list[Event]) -> None:
        events += await self._answers(GRACE_SECONDS)
        if events:
            await self.keep(self._masked(events))

    async def _keep_answers(self, events: Sequence[Event]) -> None:
        """No room for anything new: what was in flight is waited for and kept, from the reserve."""
        longest = max((c.timeout_seconds for c in self._invokes()), default=0.0)
        await self.keep(self._masked([*events, *(await self._answers(longest))]))

    async def _answers(self, seconds: float) -> list[Event]:
        """The answers of all calls that are out, as far as they come within that time."""
        calls = [task for identity, task in self.flying.items() if identity[1]]
        if calls:
            await asyncio.wait(calls, timeout=seconds)
        return self._arrivals()

    def _invokes(self) -> list[Invoke]:
        commands = self.now.commands if self.now else ()
        return [command for command in commands if isinstance(command, Invoke)]

    async def _land_hard(self) -> None:
        tasks = list(self.flying.values())
        self.flying.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is(one: object, other: object) -> bool:
    return one is other


def _lost(request: Request) -> str:
    """The secrets that stand masked in a request, which can then not be sent as it was."""
    return " and ".join(sorted(names_masked_in(request)))


def _identity(command: Command) -> tuple[str, int]:
    match command:
        case Invoke(call=call, attempt=number):
            return (call, number)
        case Sleep(timer=timer):
            return (timer, 0)
        case Await(node=node):
            return (f"{node}!hear", 0)
        case Queue():
            return ("!queue", 0)
        case Begin(node=node):
            return (f"{node}!begin", 0)
        case _:
            raise AssertionError("decisions are settled within a turn")
