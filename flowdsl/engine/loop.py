"""The embedded engine: make reality match `progress`.

One `Drive` a run: fold what arrived, ask, keep the answer, then start what is wanted and not flying and stop what is
flying and not wanted. Tasks only report; nothing happens directly in reaction to what the world says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from msgspec.structs import replace

from flowdsl.engine.attempt import attempt
from flowdsl.engine.ports import Keeper, Ports
from flowdsl.errors import DiskFull, Interrupted, StoreError
from flowdsl.plan.address import Address
from flowdsl.saga.advance import Turn, advance
from flowdsl.saga.commands import (
    Await,
    Begin,
    Command,
    Decide,
    Invoke,
    Queue,
    Sleep,
    identity_of,
)
from flowdsl.saga.events import (
    Admitted,
    Begun,
    Ended,
    Event,
    Failed,
    Finished,
    Fired,
    Paused,
    Stopped,
)
from flowdsl.saga.outcome import interrupted
from flowdsl.saga.progress import Progress
from flowdsl.saga.remembered import SMALL, Remembered
from flowdsl.saga.run import Run
from flowdsl.saga.since import since
from flowdsl.view.run.report import outputs

GRACE_SECONDS = 5.0  # for open calls, once somebody asked us to stop


@dataclass(slots=True)
class Drive:
    """One run, driven until it is at rest. `run` has the true values; `shown` is the same without its secrets."""

    run: Run
    shown: Run = field(init=False)
    keep: Keeper
    ports: Ports
    memory: Remembered = field(init=False)  # of `run`
    shown_memory: Remembered | None = None  # of `shown`, once that is another one
    arrived: list[Event] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    flying: dict[tuple[str, int], asyncio.Task[None]] = field(default_factory=dict)
    landed: list[tuple[str, int]] = field(default_factory=list)  # told, and not taken in yet
    when_kept: list[Callable[[], None]] = field(default_factory=list)  # of what has arrived
    taken_in: list[Callable[[], None]] = field(default_factory=list)  # of what this turn keeps
    stopping: bool = False
    paused: bool = False  # by a person, who is the one to go on with it
    giving_up: StoreError | None = None  # what was out is waited for and kept first
    bug: BaseException | None = None  # what a task died of; nothing a task does may end in silence

    async def go(self, past: Iterable[Event], first: Sequence[Event]) -> None:
        """Go on from the facts of the past until it is at rest. `first` are those that this drive begins with.

        Raises Interrupted once `stop` was called and what was open has been saved; StoreError when the disk fails.
        """
        self._open(tuple(past))
        self.memory = Remembered(self.run.plan, self.run.state, SMALL)
        begun = map(self.ports.masks.identified, first)
        events: list[Event] = [*begun, *self._interruptions()]
        try:
            while True:
                await self._turn(events)
                self._reconcile(self.run.progress)
                if self.run.progress.at_rest:
                    return
                events = await self._take()
                if self.giving_up is not None:
                    await self._keep_what_is_out(events)
                    raise self.giving_up
                if self.stopping:
                    await self._save(events)
        finally:
            await self._land_hard()

    def _open(self, past: tuple[Event, ...]) -> None:
        opened, lost = self.ports.masks.open(past)
        if past:
            self.run = Run.opened(self.run.plan, opened, lost)
        self.shown = self.run if opened == past else Run.opened(self.run.plan, past, lost)

    def _interruptions(self) -> list[Event]:
        """Calls that were out when the last driver died: nobody knows."""
        at, state = self.ports.clock.now(), self.run.state
        return [Finished(c, state.calls[c].attempt, at, interrupted(c)) for c in state.flying]

    def tell(self, *events: Event, kept: Callable[[], None] | None = None) -> None:
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

    async def _turn(self, events: Sequence[Event]) -> None:
        """One turn: what it decides is durable, and seen by nobody before."""
        told, self.taken_in = self.taken_in, []
        now = self.ports.clock.now()
        turn = advance(self.run, events, self.ports.signer, now, self.memory)
        masked = self._masked([self._with_outputs(fact, turn.after) for fact in turn.facts])
        if masked:
            try:
                await self.keep(masked)
            except DiskFull:
                await self._keep_answers(events)
                raise
        before, self.shown = self.shown, self._show(turn, masked)
        self.run = turn.after
        while told:
            told.pop()()
        self.ports.watch(Turn(before, masked, self.shown))

    def _masked(self, facts: Sequence[Event]) -> tuple[Event, ...]:
        return tuple(self.ports.masks.mask(fact) for fact in facts)

    def _show(self, turn: Turn, masked: tuple[Event, ...]) -> Run:
        """The run as it may be shown: as it is, until a secret has come back in some answer."""
        if self.shown is self.run and all(map(_is, turn.facts, masked)):
            return turn.after
        if self.shown_memory is None:
            self.shown_memory = Remembered(self.shown.plan, self.shown.state, SMALL)
        return self.shown.with_facts(masked, self.shown_memory)

    def _with_outputs(self, fact: Event, after: Run) -> Event:
        """A run whose data are kept masked keeps its outputs: nobody could compute them from marks."""
        if not isinstance(fact, Ended) or fact.state != "succeeded":
            return fact
        values, _ = outputs(after)
        if self.shown is self.run and self.ports.masks.value(values) is values:
            return fact
        return replace(fact, outputs={k: v for k, v in values.items() if v is not None})

    def _reconcile(self, now: Progress) -> None:
        """Start what came, and stop what went; but a request that is out is never cut off: it comes down by itself."""
        gone, came = since(self.memory.settled, now)
        self.memory.settled = now
        wanted = {identity_of(command): command for command in came}
        for identity in map(identity_of, (one for one in gone if not isinstance(one, Invoke))):
            if identity in self.flying and identity not in wanted:
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
                outcome = await attempt(self.ports, self.run, command)
                at = self.ports.clock.now()
                event: Event = Finished(command.call, command.attempt, at, outcome)
            case Sleep():
                await self.ports.clock.sleep(self._until(command.timer))
                event = Fired(command.timer, self.ports.clock.now())
            case Await():
                await asyncio.Event().wait()  # a signal comes by `tell`, and makes this unwanted
                raise AssertionError("nobody rings this bell")
            case Queue(key=key):
                await self.ports.neighbours.turn(self.run.id, key)
                event = Admitted(self.ports.clock.now())
            case Begin(node=node):
                event = await self._begin(node)
            case Decide():
                raise AssertionError("decisions are settled within a turn")
            case _:
                assert_never(command)
        self.landed.append(identity)
        self.tell(event)

    async def _begin(self, node: Address) -> Event:
        detached = self.run.state.detached[node]
        failure = await self.ports.neighbours.begin(self.run.plan, self.run.created, detached)
        return Failed(node, failure) if failure else Begun(node, self.ports.clock.now())

    def _until(self, timer: str) -> float:
        return max(0.0, self.run.state.armed[timer] - self.ports.clock.now())

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
        return [one for one in self.run.progress.commands if isinstance(one, Invoke)]

    async def _land_hard(self) -> None:
        tasks = list(self.flying.values())
        self.flying.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is(one: object, other: object) -> bool:
    return one is other
