"""The explorer: every outcome of every call, in every order, up to a budget of faults.

A third loop over the same core. From each situation everything that may happen next is tried; situations are compared
by value, so shared futures are walked once, and breadth first, so that the first trail to a broken rule is a shortest
one. What comes out is the number of states, and for each broken rule that trail.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.engine.orders import Order, to_event
from flowdsl.errors import InputError
from flowdsl.explorer.bodies import denied, shrunk
from flowdsl.explorer.happening import Happening
from flowdsl.explorer.model import Model, model_of, plays_back
from flowdsl.explorer.rules import Violation, broken, broken_between
from flowdsl.explorer.sameness import Sameness
from flowdsl.explorer.situation import ORDERS, Situation, begin, enact, expects, payload_of
from flowdsl.explorer.trail import Moment, write_moment
from flowdsl.plan.address import Address, CallId, direction_of, step_of, to_template
from flowdsl.plan.json import to_text
from flowdsl.plan.nodes import Plan, WaitFor
from flowdsl.plan.values import Json
from flowdsl.saga.attempt import Landing, may_resend
from flowdsl.saga.commands import (
    Await,
    Begin,
    Decide,
    Invoke,
    Queue,
    Sleep,
)
from flowdsl.saga.events import Ok, Outcome, Refused, Unknown
from flowdsl.saga.intent import action_of, intended
from flowdsl.saga.stand import StepState

__all__ = ["Allowance", "Exploration", "Violation", "explore"]

STATES_MAX = 2_000_000


class Allowance(Struct, frozen=True):
    """What may still go wrong, and what a person may still do."""

    faults: int = 1
    cancel: bool = True
    crashes: bool = False
    orders: int = 0  # retry, resolve, skip: of what is stuck
    pairs: bool = False  # two things may happen before the engine looks again


class Exploration(Struct):
    """What was walked. `violations` holds the first, and so shortest, trail for each rule that broke."""

    states: int = 0
    moves: int = 0
    words: dict[str, int] = field(default_factory=dict)  # how often each thing happened
    ends: dict[str, int] = field(default_factory=dict)
    stood: set[tuple[Address, StepState]] = field(default_factory=set)  # items by their template
    came_to: set[tuple[CallId, Landing]] = field(default_factory=set)  # how its attempts ended
    violations: list[Violation] = field(default_factory=list)
    bounded: bool = False  # the limit on states was reached before the end


def explore(
    plan: Plan,
    inputs: Mapping[str, Json] | None = None,
    may: Allowance = Allowance(),
    *,
    states_max: int = STATES_MAX,
) -> Exploration:
    """Walk everything that can happen to a run of this plan within the allowance."""
    return Explorer(model_of(plan), states_max).walk(inputs or {}, may)


class Explorer(Struct):
    model: Model
    states_max: int = STATES_MAX
    found: Exploration = field(default_factory=Exploration)
    parents: list[tuple[int, str]] = field(default_factory=list)  # by number, how each was reached
    leads_to: list[list[int]] = field(default_factory=list)  # what comes right before each

    def walk(self, inputs: Mapping[str, Json], allowance: Allowance) -> Exploration:
        first = begin(self.model, inputs)
        same = Sameness()
        seen = {(same.number(first.run.state), first.services, first.at, allowance): 0}
        self.parents, self.leads_to = [(-1, "start")], [[]]
        queue = deque([(0, first, allowance)])
        at_rest: list[int] = []
        while queue:
            index, here, may = queue.popleft()
            self.found.states += 1
            self._look_around(here)
            known = self.model.at(here.run)
            for rule in broken(known, here):
                self._report(rule, index)
            if here.run.progress.at_rest:
                at_rest.append(index)
                self.found.ends[here.run.progress.state] = (
                    self.found.ends.get(here.run.progress.state, 0) + 1
                )
            for moment in self.moments(here, may):
                self.found.moves += 1
                for one in moment:
                    self.found.words[one.word] = self.found.words.get(one.word, 0) + 1
                left = _spent(may, moment)
                try:
                    there = enact(self.model, here, moment)
                except AssertionError as broken_assertion:
                    self._report(f"asserts: {broken_assertion}", index, write_moment(moment))
                    continue
                for rule in broken_between(self.model.at(there.run), here, there):
                    self._report(rule, index, write_moment(moment))
                key = (same.number(there.run.state), there.services, there.at, left)
                if key not in seen:
                    if len(seen) >= self.states_max:
                        self.found.bounded = True
                        continue
                    seen[key] = len(self.parents)
                    self.parents.append((index, write_moment(moment)))
                    self.leads_to.append([])
                    queue.append((seen[key], there, left))
                self.leads_to[seen[key]].append(index)
        self._find_livelocks(at_rest)
        return self.found

    def _look_around(self, here: Situation) -> None:
        """Which steps were reached, and what became of them."""
        for address, stand in here.run.progress.stands.items():
            self.found.stood.add((to_template(address), stand.state))
        for call, entry in here.run.state.calls.items():
            if entry.outcome is not None:
                self.found.came_to.add((to_template(call), _word_of(entry.outcome)))

    def moments(self, here: Situation, may: Allowance) -> Iterator[Moment]:
        single = list(_happenings(self.model.at(here.run), here, may))
        yield from ((one,) for one in single)
        if may.pairs:
            often = [one for one in single if one.word in _IN_PAIRS]
            for one, other in combinations(often, 2):
                if one.about != other.about and _spent(may, (one, other)).faults >= 0:
                    yield (one, other)

    def _report(self, rule: str, index: int, last: str = "") -> None:
        if any(violation.rule == rule for violation in self.found.violations):
            return
        trail = [last] if last else []
        while index >= 0:
            index, label = self.parents[index]
            trail.append(label)
        self.found.violations.append(Violation(rule, tuple(reversed(trail))))

    def _find_livelocks(self, at_rest: list[int]) -> None:
        """From everywhere, an end can be reached."""
        if self.found.bounded:
            return
        reaches = set(at_rest)
        open_ends = list(at_rest)
        while open_ends:
            for before in self.leads_to[open_ends.pop()]:
                if before not in reaches:
                    reaches.add(before)
                    open_ends.append(before)
        for index in range(len(self.parents)):
            if index not in reaches:
                self._report("livelock: no end can be reached from here", index)


# --- what may happen ---------------------------------------------------------------------------------

_NO_FAULT = frozenset(
    {
        "ok",
        "late",
        "fire",
        "cancel",
        "retry",
        "resolve",
        "absent",
        "skip",
        "signal",
        "begin",
        "admit",
    }
)
_BY_A_PERSON = frozenset({"retry", "resolve", "absent", "skip"})
_IN_PAIRS = frozenset({"ok", "refuse", "lose reply", "fire", "cancel", "signal"})


def _spent(may: Allowance, moment: Moment) -> Allowance:
    faults = sum(happening.word not in _NO_FAULT for happening in moment)
    orders = sum(happening.word in _BY_A_PERSON for happening in moment)
    cancelled = any(happening.word == "cancel" for happening in moment)
    return replace(
        may,
        faults=may.faults - faults,
        orders=may.orders - orders,
        cancel=may.cancel and not cancelled,
    )


def _happenings(model: Model, here: Situation, may: Allowance) -> Iterator[Happening]:
    for command in here.run.progress.commands:
        match command:
            case Invoke(call=call):
                yield Happening("ok", call)
                if may.faults:
                    yield from _faults(model, here, call)
            case Sleep(timer=timer):
                yield Happening("fire", timer)
            case Begin(node=node):
                yield Happening("begin", node)
            case Queue():
                yield Happening("admit")
            case Await() | Decide():  # the one is answered by `signal`, the other within a turn
                pass
            case _:
                assert_never(command)
    for step, effect in here.services.effects:
        if effect.late:
            yield Happening("late", step)
    if may.cancel and not here.run.progress.at_rest and not here.run.state.committed:
        yield Happening("cancel")
    if may.crashes and may.faults and here.run.state.flying:
        yield from _crashes(here)
    if may.orders:
        yield from _orders(model, here)
    yield from _signals(model, here)


def _signals(model: Model, here: Situation) -> Iterator[Happening]:
    """Of each name, as early as it may be, and one more than is waited for; also one that says no."""
    waits = [node for node in model.plan.nodes.values() if isinstance(node, WaitFor)]
    for name in dict.fromkeys(wait.signal for wait in waits):
        order = Order("signal", name, body=payload_of(model, name))
        try:
            to_event(here.run, order, here.at)
        except InputError:
            continue
        yield Happening("signal", name)
        if any(wait.expect is not None and wait.signal == name for wait in waits):
            yield from (Happening("signal", name, to_text(no)) for no in _noes(model, here, name))


def _noes(model: Model, here: Situation, name: str) -> Iterator[Json]:
    """One that says no and is taken: all of it false; or, where its `schema` wants texts and numbers, its yeses."""
    yes = payload_of(model, name)
    for no in (list(shrunk(yes))[1], denied(yes)):
        try:
            to_event(here.run, Order("signal", name, body=no), here.at)
        except InputError:
            continue
        if no != yes:
            yield no
            return


def _faults(model: Model, here: Situation, call: CallId) -> Iterator[Happening]:
    for word in ("lose reply", "lose request", "not sent", "fail", "garble"):
        yield Happening(word, call)
    yield Happening("refuse", call, "401")
    yield Happening("busy", call, "2s")
    again = plays_back(model, here.services, call, intended(here.run.state, call).key)
    if again:
        return
    yield Happening("refuse", call, "402")
    for word in ("decline", "puzzle"):
        if expects(model, here, call, word):
            yield Happening(word, call)
    if model.plan.services[action_of(model.plan, call).service].strict:
        yield Happening("misfit", call)
    if direction_of(call) == "do" and not action_of(model.plan, call).is_read:
        yield Happening("delay", call)


def _crashes(here: Situation) -> Iterator[Happening]:
    flying = here.run.state.flying
    for arrived in product((False, True), repeat=len(flying)):
        names = ",".join(call for call, did in zip(flying, arrived, strict=True) if did)
        yield Happening("crash", names)
        if here.at == 0:
            yield Happening("long crash", names)


def _orders(model: Model, here: Situation) -> Iterator[Happening]:
    """What a person who knows the truth may order of each call that is stuck."""
    for call in here.run.progress.stuck:
        step = step_of(call)
        entry = here.run.state.calls.get(call)
        yield Happening("skip", step)
        if entry is None or call == "" or entry.answer is not None:
            continue
        action = action_of(model.plan, call)
        if not entry.unsure or may_resend(action, model.plan.services[action.service]):
            yield Happening("retry", step)
        if direction_of(call) in ("do", "undo"):
            yield from _words(here, call)


def _words(here: Situation, call: CallId) -> Iterator[Happening]:
    """Whether it happened, of the direction that is stuck; what the run knows better is refused at the door."""
    step = step_of(call)
    effect = here.services.effect(step)
    is_undo = direction_of(call) == "undo"
    if effect.held:
        yield from () if is_undo else (Happening("resolve", step),)
        return
    if is_undo and effect.undone:
        yield Happening("resolve", step)
    absent = Happening("absent", step)
    if not effect.late and _may_be_ordered(here, absent):
        yield absent


def _may_be_ordered(here: Situation, happening: Happening) -> bool:
    kind, ok = ORDERS[happening.word]
    try:
        to_event(here.run, Order(kind, happening.about, ok), here.at)  # type: ignore[arg-type]
    except InputError:
        return False
    return True


def _word_of(outcome: Outcome) -> Landing:
    match outcome:
        case Ok():
            return "ok"
        case Refused():
            return "refused"
        case Unknown():
            return "unknown"
