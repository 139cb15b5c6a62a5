"""Two answers to the same facts: what a run remembers, and a walk of all of it. They are the same, in every word and order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from flowdsl.codes import Code
from flowdsl.plan.address import direction_of
from flowdsl.plan.nodes import Plan
from flowdsl.saga.commands import Command, Decide, Invoke
from flowdsl.saga.events import (
    CancelRequested,
    Event,
    Expired,
    Failure,
    Parked,
    Resolved,
    Resumed,
    Retried,
    Waived,
)
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.remembered import Remembered
from flowdsl.saga.row import Part
from flowdsl.saga.since import since
from flowdsl.saga.state import State, fold
from flowdsl.saga.unfolding import unfolded
from flowdsl.saga.words import HAPPENED

Reading = tuple[object, ...]
CRASH_EVERY, ORDERS_EVERY, KEEP_EVERY, ORDERS = 7, 5, 4, 4


def reading(now: Progress) -> Reading:
    """All that an answer says, read anew."""
    again = Progress(now.state, now.places, now.pieces)
    return (
        again.state, again.stands, again.commands, again.stuck, again.residue, again.warnings,
        again.decisions, again.at_rest,
    )  # fmt: skip


@dataclass(slots=True)
class Twin:
    """`compared`: how many answers were. `in_flight`: kept by what came and what went."""

    plan: Plan
    state: State = field(default_factory=State)
    memory: Remembered = field(init=False)
    compared: int = 0
    in_flight: list[Command] = field(default_factory=list)
    kept: list[tuple[Progress, Reading]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = self.fresh()

    def fresh(self) -> Remembered:
        """What a process remembers that has just taken the run over."""
        return Remembered(unfolded(self.plan, self.state), self.state)

    def take(self, facts: Sequence[Event]) -> None:
        before, self.state = self.state, fold(self.state, facts)
        self.memory.take(before, facts, self.state)
        now = self.memory.ask()
        self.compare(now)
        gone, came = since(self.memory.settled, now)
        self.memory.settled = now
        self.in_flight = [one for one in self.in_flight if one not in gone] + came
        wanted = [one for one in now.commands if not isinstance(one, Decide)]
        let_land = [one for one in wanted if one not in self.in_flight]
        assert all(isinstance(one, Invoke) and one.call in self.state.flying for one in let_land)
        assert all(one in wanted for one in self.in_flight)
        if self.compared % KEEP_EVERY == 0:
            self.kept.append((now, reading(now)))

    def compare(self, now: Progress) -> None:
        self.compared += 1
        assert reading(now) == reading(progress(unfolded(self.plan, self.state), self.state))

    def is_as_it_was(self) -> None:
        """No answer has changed since, and every sum is what a count of it finds."""
        for now, read in self.kept:
            assert reading(now) == read
        for container in self.memory.containers.values():
            assert container.row.sums == sum(part.sums for part in container.row.parts())
            assert all(_sums(chunk.parts) == chunk.sums for chunk in container.row.chunks)


def _sums(parts: Iterable[object]) -> int:
    return sum(part.sums for part in parts if isinstance(part, Part))


def compare_all(plan: Plan, facts: Sequence[Event], chance: random.Random) -> int:
    """One by one, with deaths and orders on the way; then several at a time. How many answers were the same."""
    one_by_one, at_once = Twin(plan), Twin(plan)
    compared = 0
    for at, fact in enumerate(facts):
        one_by_one.take([fact])
        if at % CRASH_EVERY == 0:
            one_by_one.compare(one_by_one.fresh().ask())
        if at % ORDERS_EVERY == 0:
            compared += _compare_orders(one_by_one, chance)
    left = list(facts)
    while left:
        some = chance.randint(1, 6)
        at_once.take(left[:some])
        left = left[some:]
    one_by_one.is_as_it_was()
    at_once.is_as_it_was()
    return compared + one_by_one.compared + at_once.compared


def _compare_orders(twin: Twin, chance: random.Random) -> int:
    """Another end of it: what people may say, on any step, sensible or not."""
    other = Twin(twin.plan, twin.state)
    other.compare(other.memory.ask())
    for _ in range(ORDERS):
        known = (*other.state.calls, *other.plan.nodes)
        calls = [call for call in known if call and direction_of(call) in HAPPENED]
        other.take([chance.choice(WORDS)(chance.choice(calls), other.state)])
    return other.compared


WORDS: tuple[Callable[[str, State], Event], ...] = (
    lambda call, _: Resolved(call, 0.0, ok=True),
    lambda call, _: Resolved(call, 0.0, ok=False),
    lambda call, _: Waived(call, 0.0),
    lambda call, _: Retried(call, 0.0),
    lambda *_: Retried("", 0.0),
    lambda *_: CancelRequested(0.0),
    lambda *_: Parked(Failure(Code.PARKED, "by somebody")),
    lambda _, state: Resumed(state.epoch + 1, 0.0),
    lambda call, state: Expired(call) if call in state.calls else Retried("", 0.0),
)
