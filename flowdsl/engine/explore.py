"""The explorer: every outcome of every call, in every order, up to a budget of faults.

A third loop over the same core. Its world is a handful of services as simple as can be: they know which effects they
hold. From each state every possible next fact is offered; states are compared by value, so shared futures are walked
once. What comes out is the number of states, and for each broken rule the shortest trail that breaks it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import product

from flowdsl.engine.model import (
    Services,
    answers,
    arrive,
    deliver_late,
    is_keyed,
    later_effects,
    refuse,
)
from flowdsl.plan.address import CallId, direction_of, is_below, step_of
from flowdsl.plan.nodes import Call, Compensation, NothingToUndo, Plan
from flowdsl.plan.request import Request
from flowdsl.saga.advance import advance
from flowdsl.saga.commands import Invoke, Sleep
from flowdsl.saga.events import (
    CancelRequested,
    Created,
    Event,
    Finished,
    Fired,
    Ok,
    Outcome,
    Refused,
    Unknown,
)
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.saga.outcome import interrupted, judge
from flowdsl.saga.progress import Progress
from flowdsl.saga.state import CallState, State

STATES_MAX = 2_000_000


@dataclass(frozen=True, slots=True)
class Situation:
    """One point of the exploration: the run, the world, and what may still go wrong."""

    state: State
    now: Progress
    services: Services
    faults: int
    may_cancel: bool


@dataclass(frozen=True, slots=True)
class Violation:
    rule: str
    trail: tuple[str, ...]


@dataclass(slots=True)
class Exploration:
    """What was walked. `violations` holds the first, and so shortest, trail for each rule that broke."""

    states: int = 0
    moves: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    bounded: bool = False  # the limit on states was reached before the end


def explore(
    plan: Plan,
    inputs: dict[str, object] | None = None,
    *,
    faults: int = 1,
    cancel: bool = True,
    crashes: bool = False,
    states_max: int = STATES_MAX,
) -> Exploration:
    """Walk everything that can happen to a run of this plan, with at most so many faults."""
    return Explorer(plan, faults, cancel=cancel, crashes=crashes, states_max=states_max).walk(
        inputs or {}
    )


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that may happen next."""

    label: str
    events: tuple[Event, ...]
    services: Services
    fault: bool = False
    cancel: bool = False


class _Signer:
    def key(self, call: CallId) -> str:
        return f"key {step_of(call)} {direction_of(call)}"

    def seal(self, request: Request) -> str:  # noqa: ARG002
        return ""


class Explorer:
    """The walk itself: breadth first, so that the first trail to a violation is a shortest one."""

    def __init__(
        self, plan: Plan, faults: int, *, cancel: bool, crashes: bool, states_max: int
    ) -> None:
        self.plan = plan
        self.faults = faults
        self.cancel = cancel
        self.crashes = crashes
        self.states_max = states_max
        self.values = answers(plan)
        self.later = later_effects(plan)
        self.found = Exploration()
        self.signer = _Signer()

    def walk(self, inputs: dict[str, object]) -> Exploration:
        created = Created("run", self.plan.name, self.plan.digest, 0.0, dict(inputs), {}, {}, "")  # type: ignore[arg-type]
        turn = advance(self.plan, State(), [created], self.signer, 0.0)
        first = Situation(turn.state, turn.now, Services(), self.faults, self.cancel)
        seen: dict[object, int] = {_key(first): 0}
        parents: list[tuple[int, str]] = [(-1, "start")]
        leads_to: list[list[int]] = [[]]  # backwards: which situations come right before
        queue: deque[tuple[int, Situation]] = deque([(0, first)])
        at_rest: list[int] = []
        while queue:
            index, here = queue.popleft()
            self.found.states += 1
            for rule in self._broken(here):
                self._report(rule, index, parents)
            if here.now.at_rest:
                at_rest.append(index)
                self.found.ends[here.now.state] = self.found.ends.get(here.now.state, 0) + 1
            for move in self._moves(here):
                self.found.moves += 1
                there = self._make(here, move)
                for rule in self._broken_by(here, there):
                    self._report(rule, index, parents, move.label)
                key = _key(there)
                if key not in seen:
                    if len(seen) >= self.states_max:
                        self.found.bounded = True
                        continue
                    seen[key] = len(parents)
                    parents.append((index, move.label))
                    leads_to.append([])
                    queue.append((seen[key], there))
                leads_to[seen[key]].append(index)
        self._find_livelocks(leads_to, at_rest, parents)
        return self.found

    def _make(self, here: Situation, move: Move) -> Situation:
        turn = advance(self.plan, here.state, move.events, self.signer, 0.0)
        faults = here.faults - move.fault
        return Situation(
            turn.state, turn.now, move.services, faults, here.may_cancel and not move.cancel
        )

    # --- what may happen ----------------------------------------------------------------------------

    def _moves(self, here: Situation) -> Iterator[Move]:
        for command in here.now.commands:
            match command:
                case Invoke():
                    yield from self._answers(here, command)
                case Sleep():
                    yield self._fire(here, command)
        for step, effect in here.services.effects:
            if effect.late:
                services = deliver_late(self.plan, here.services, step)
                yield Move(f"late {step}", (), services)
        if here.may_cancel and not here.now.at_rest:
            yield Move("cancel", (CancelRequested(0.0),), here.services, cancel=True)
        if self.crashes and here.faults and here.state.flying:
            yield from self._crash(here)

    def _answers(self, here: Situation, command: Invoke) -> Iterator[Move]:
        call = command.call
        services, seen = arrive(self.plan, here.services, call, self.values)
        yield self._answered(here, command, "ok", services, seen)
        if here.faults == 0:
            return
        yield self._answered(here, command, "lose reply", services, Lost("reply"), fault=True)
        yield self._answered(
            here, command, "lose request", here.services, Lost("request"), fault=True
        )
        yield self._answered(here, command, "not sent", here.services, NotSent("down"), fault=True)
        plays_back = services == here.services and not self._is_read(call)
        if not plays_back or direction_of(call) == "probe":
            refused = refuse(self.plan, here.services, call)
            yield self._answered(here, command, "refuse", refused, Answer(402), fault=True)
        if plays_back:
            return
        if direction_of(call) == "do" and not self._is_read(call):
            effect = replace(here.services.effect(step_of(call)), late=True)
            late = here.services.put(step_of(call), effect)
            yield self._answered(here, command, "delay", late, Lost("late"), fault=True)

    def _answered(
        self,
        here: Situation,
        command: Invoke,
        word: str,
        services: Services,
        seen: Observation,
        *,
        fault: bool = False,
    ) -> Move:
        outcome = judge(self.plan, here.state, command.call, seen)
        event = Finished(command.call, command.attempt, 0.0, outcome)
        return Move(f"{word} {command.call}", (event,), services, fault=fault)

    def _fire(self, here: Situation, command: Sleep) -> Move:
        services = here.services
        if "!settle#" in command.timer:  # what has not arrived by then never will
            step = step_of(command.timer)
            services = services.put(step, replace(services.effect(step), late=False))
        return Move(f"fire {command.timer}", (Fired(command.timer, 0.0),), services)

    def _crash(self, here: Situation) -> Iterator[Move]:
        flying = here.state.flying
        for arrived in product((False, True), repeat=len(flying)):
            services = here.services
            for call, did in zip(flying, arrived, strict=True):
                if did:
                    services = arrive(self.plan, services, call, self.values)[0]
            events = tuple(
                Finished(call, here.state.calls[call].attempt, 0.0, interrupted(call))
                for call in flying
            )
            landed = ",".join(call for call, did in zip(flying, arrived, strict=True) if did)
            yield Move(f"crash ({landed or 'nothing'} arrived)", events, services, fault=True)

    def _is_read(self, call: CallId) -> bool:
        node = self.plan.nodes[step_of(call)]
        return isinstance(node, Call) and node.action.is_read

    # --- what must hold -----------------------------------------------------------------------------

    def _broken(self, here: Situation) -> Iterator[str]:
        """Rules about one situation."""
        now, services = here.now, here.services
        named = {entry.step for entry in now.residue}
        for step, effect in services.effects:
            if is_below(step, "on_failure"):
                continue  # what tells people of a failure is not undone
            if effect.count > 1:
                yield f"{step} took effect {effect.count} times"
            if effect.undone > 1 or effect.confirmed > 1:
                yield f"{step} was undone or confirmed twice"
            if now.state in ("compensated", "cancelled") and step not in named:
                threat = effect.late and not (effect.count and is_keyed(self.plan, step))
                if threat or (effect.held and not self._needs_none(step)):
                    yield f"{now.state}, and {step} is left behind unnamed"
        if now.state == "succeeded":
            yield from self._unfinished(here)
        if now.at_rest and not here.state.ended and not now.stuck:
            yield "deadlock: not over, and nothing in flight"
        if now.state == "stuck" and now.at_rest and not now.residue:
            yield "stuck, and nobody is told what is left"

    def _unfinished(self, here: Situation) -> Iterator[str]:
        for address, stand in here.now.stands.items():
            node = self.plan.nodes.get(address)
            if isinstance(node, Call) and stand.state == "ok" and not node.action.is_read:
                effect = here.services.effect(address)
                if not effect.held:
                    yield f"succeeded, and {address} did not happen"
                if node.confirm is not None and not effect.confirmed:
                    yield f"succeeded, and {address} was not confirmed"

    def _broken_by(self, here: Situation, there: Situation) -> Iterator[str]:
        """Rules about one step of the way."""
        if here.state.ended and here.state.ended != there.state.ended:
            yield f"{here.state.ended} did not last"
        for scope in there.state.planned.keys() - here.state.planned.keys():
            open_calls = [call for call in here.state.flying if "!" not in call]
            open_calls = [call for call in open_calls if there.state.calls[call].flying]
            if any(is_below(step_of(call), scope) for call in open_calls):
                yield "planned before everything had landed"
        for address, stand in there.now.stands.items():
            before = here.now.stands.get(address)
            if before is not None and _unfinishes(before.state, stand.state):
                yield f"{address} went from {before.state} back to {stand.state}"
        for call in there.state.calls.keys() - here.state.calls.keys():
            if direction_of(call) == "undo" and there.state.calls[call].flying:
                yield from self._bad_undo(there, call)

    def _bad_undo(self, there: Situation, call: CallId) -> Iterator[str]:
        step = step_of(call)
        if there.state.calls[step].flying:
            yield f"{step} is undone while it is in flight"
        named = {entry.step for entry in there.now.residue}
        for later in self.later[step] - named:
            if there.services.effect(later).held and self._has_undo(later):
                yield f"{step} is undone before {later}, which ran after it"

    def _has_undo(self, step: str) -> bool:
        node = self.plan.nodes[step]
        return isinstance(node, Call) and isinstance(node.compensation, Compensation)

    def _needs_none(self, step: str) -> bool:
        node = self.plan.nodes[step]
        return isinstance(node, Call) and isinstance(node.compensation, NothingToUndo)

    def _report(
        self, rule: str, index: int, parents: list[tuple[int, str]], last: str = ""
    ) -> None:
        if any(violation.rule == rule for violation in self.found.violations):
            return
        trail = [last] if last else []
        while index >= 0:
            index, label = parents[index]
            trail.append(label)
        self.found.violations.append(Violation(rule, tuple(reversed(trail))))

    def _find_livelocks(
        self, leads_to: list[list[int]], at_rest: list[int], parents: list[tuple[int, str]]
    ) -> None:
        """From everywhere, an end can be reached."""
        if self.found.bounded:
            return
        reaches = set(at_rest)
        open_ends = list(at_rest)
        while open_ends:
            for before in leads_to[open_ends.pop()]:
                if before not in reaches:
                    reaches.add(before)
                    open_ends.append(before)
        for index in range(len(parents)):
            if index not in reaches:
                self._report("livelock: no end can be reached from here", index, parents)


_FINAL = frozenset({"undone", "kept", "skipped"})


def _unfinishes(before: str, after: str) -> bool:
    if before in _FINAL:
        return after != before
    return before == "ok" and after in ("running", "pending", "refused", "waiting")


def _key(here: Situation) -> object:
    """The situation as a value. Bodies and requests follow from the calls' outcomes, and are left out."""
    state = here.state
    return (
        tuple(sorted((call, _call_key(entry)) for call, entry in state.calls.items())),
        state.skipped,
        frozenset(state.done),
        state.fired,
        tuple(sorted(state.planned.items())),
        frozenset((scope, turned.cause) for scope, turned in state.turned.items()),
        state.committed,
        state.cancel is not None,
        state.alerted is not None,
        state.ended,
        state.crashes,
        here.services,
        here.faults,
        here.may_cancel,
    )


def _call_key(entry: CallState) -> tuple[object, ...]:
    return (
        entry.attempt,
        entry.flying,
        entry.unsure,
        entry.expired,
        entry.answer is not None,
        entry.failed is not None,
        _outcome_key(entry.outcome),
    )


def _outcome_key(outcome: Outcome | None) -> tuple[object, ...]:
    match outcome:
        case Ok():
            return ("ok",)
        case Refused():
            return ("refused", outcome.again, outcome.definite, outcome.absent)
        case Unknown():
            return ("unknown", outcome.interrupted, outcome.answer is not None)
        case None:
            return ()
