"""The museum of the walk that remembers: each planted bug makes an answer another one in the random workflow named."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import indent

import pytest
from msgspec.structs import replace

from flowdsl.explorer.model import model_of
from flowdsl.explorer.situation import begin, enact
from flowdsl.explorer.trail import read_trail
from flowdsl.plan.address import Address, step_of
from flowdsl.plan.nodes import AnyNode, Plan
from flowdsl.saga import remembered
from flowdsl.saga.events import (
    Armed,
    Chosen,
    Committed,
    Event,
    Expanded,
    Failure,
    Fired,
    Planned,
    Resolved,
    Retried,
    Waived,
)
from flowdsl.saga.gate import Gate
from flowdsl.saga.remembered import Container, Remembered
from flowdsl.saga.row import Part, Row, Within, sums_of
from flowdsl.saga.stand import Stand
from flowdsl.saga.state import State
from flowdsl.saga.walk import Form, Walk
from tests.conftest import Counts
from tests.museum.exhibit import plant
from tests.random.test_random import trial
from tests.random.twins import compare_all
from tests.saga.plans import call, plan

_feel, _pass_through, _container = Remembered._feel, Gate.pass_through, Remembered._container
_mark, _gate_of, _part_of, _count = Remembered._mark, Gate.of, remembered._part_of, Row.count


def deaf_to(*kinds: type) -> Callable[[Remembered, Event], None]:
    """A memory that marks nothing for these."""
    return lambda self, event: None if isinstance(event, kinds) else _feel(self, event)


def nobody_is_let_go(self: Gate, position: int, through: bool) -> Iterator[int]:
    for _ in _pass_through(self, position, through):
        pass
    return iter(())


def held_lets_through(part: Part, *, is_open: bool) -> bool:
    return part.stand.over


def whatever_form(
    self: Remembered, holder: Address, children: tuple[AnyNode, ...], form: Form, first: Part
) -> Container:
    known = self.containers.get(holder)
    return known if known is not None else _container(self, holder, children, form, first)


def without_chosen(order: str, scope: Address, *, chosen: bool) -> Form:
    return Form(order, scope)  # type: ignore[arg-type]


def without_planned(order: str, scope: Address, held: bool, planned: bool) -> Form:
    return Form(order, scope, held)  # type: ignore[arg-type]


def begun_with_what_is_asked(
    walk: Walk,
    node: AnyNode,
    stand: Stand,
    cause: Failure | None,
    *lanes: str,
    is_fresh: bool = False,
) -> Part:
    return _part_of(walk, node, stand, cause, *lanes, is_fresh=False)


def nobody_waits(self: Remembered, node: AnyNode, stand: Stand) -> None:
    self.asked += 1


def each_hears_for_itself(self: Remembered) -> Walk:
    return Walk(self.plan, self.state, memory=self)


def only_its_own(
    state: State, node: AnyNode, stand: Stand, said: tuple[tuple[object, ...], ...], *lanes: str
) -> int:
    own = tuple(tuple(one for one in some if not isinstance(one, Within)) for some in said)
    return sums_of(state, node, stand, own, *lanes)


def idle_takes_a_place(self: Row, lane: str) -> int:
    return 0 if lane == "idle" else _count(self, lane)


def the_step_alone(self: Remembered, call: str) -> None:
    self._mark(step_of(call))


def the_node_alone(self: Remembered, event: Event) -> None:
    if isinstance(event, Retried | Resolved | Waived):
        self._mark_call(event.call)
    else:
        _feel(self, event)


def the_first_need_alone(children: tuple[AnyNode, ...], *, backward: bool) -> Gate:
    return _gate_of(
        tuple(replace(node, needs=node.needs[:1]) for node in children), backward=backward
    )


REMEMBERED = "flowdsl.saga.remembered.Remembered"


def waits_that_begin_out_of_order() -> tuple[Plan, Sequence[Event]]:
    tiny = plan("- id: a\n  for_each: x in [1, 2, 3]\n  steps:\n    - wait: 1h\n")
    facts = begin(model_of(tiny), {}).facts
    armed = [fact for fact in facts if isinstance(fact, Armed)]
    return tiny, [*(fact for fact in facts if fact not in armed), *reversed(armed)]


def two_needs() -> tuple[Plan, Sequence[Event]]:
    steps = call("a") + call("b") + call("c", more="after: [a, b]")
    tiny = plan("- parallel:\n" + indent(steps, "    "))
    model = model_of(tiny)
    return tiny, enact(model, begin(model, {}), *read_trail("ok a")).facts


def life(seed: int) -> tuple[Plan, Sequence[Event]]:
    """Of the random workflow."""
    lived = trial(seed).life()
    return lived.plan, lived.facts


@dataclass(frozen=True, slots=True)
class Bug:
    """`seen_in`: the seed of a random workflow that sees it, or a small one of its own."""

    name: str
    where: str
    instead: object
    seen_in: int | Callable[[], tuple[Plan, Sequence[Event]]]


BUGS = (
    Bug("a fired timer marks nothing", f"{REMEMBERED}._feel", deaf_to(Fired), 0),
    Bug("Chosen marks nothing", f"{REMEMBERED}._feel", deaf_to(Chosen), 0),
    Bug("Planned marks nothing", f"{REMEMBERED}._feel", deaf_to(Planned), 0),
    Bug("Committed marks nothing", f"{REMEMBERED}._feel", deaf_to(Committed), 1),
    Bug("a plan that does not grow", f"{REMEMBERED}._feel", deaf_to(Expanded), 0),
    Bug("an order marks its node alone", f"{REMEMBERED}._feel", the_node_alone, 3),
    Bug(
        "a gate that opens is not looked at",
        "flowdsl.saga.gate.Gate.pass_through",
        nobody_is_let_go,
        0,
    ),
    Bug(
        "held siblings let through backward",
        "flowdsl.saga.remembered._lets_through",
        held_lets_through,
        42,
    ),
    Bug(
        "only the first need closes a gate",
        "flowdsl.saga.remembered.Gate.of",
        the_first_need_alone,
        two_needs,
    ),
    Bug("a turned scope keeps its forward rows", f"{REMEMBERED}._container", whatever_form, 0),
    Bug("what is planned keeps its rows", "flowdsl.saga.backward.Form", without_planned, 18),
    Bug("what is chosen keeps its rows", "flowdsl.saga.collecting.Form", without_chosen, 0),
    Bug("a signal wakes nobody", f"{REMEMBERED}._note", nobody_waits, 2),
    Bug("each hears for itself", f"{REMEMBERED}._walk", each_hears_for_itself, 2),
    Bug("a sum is not carried up", "flowdsl.saga.remembered.sums_of", only_its_own, 0),
    Bug("a row gives no cause", "flowdsl.saga.row.Row.cause", lambda _: None, 0),
    Bug("draining is not drawn", "flowdsl.saga.places.landing_steps", lambda _: (), 11),
    Bug(
        "an item that may not begin takes a place",
        "flowdsl.saga.row.Row.count",
        idle_takes_a_place,
        1,
    ),
    Bug("after commit a confirm is not asked again", f"{REMEMBERED}._mark_call", the_step_alone, 3),
    Bug(
        "begun and fresh in one order",
        "flowdsl.saga.remembered._part_of",
        begun_with_what_is_asked,
        waits_that_begin_out_of_order,
    ),
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_makes_another_answer(
    bug: Bug, monkeypatch: pytest.MonkeyPatch, counts: Counts
) -> None:
    # given a run of which all answers are the same
    seed = bug.seen_in if isinstance(bug.seen_in, int) else 0
    tiny, facts = life(seed) if isinstance(bug.seen_in, int) else bug.seen_in()
    # when what is remembered goes wrong
    plant(monkeypatch, [bug.where], bug.instead)
    # then an answer is another one
    with pytest.raises((AssertionError, KeyError, ValueError, IndexError)):
        compare_all(tiny, facts, random.Random(seed))
    counts.add("planted bugs of what is remembered seen", 1)
