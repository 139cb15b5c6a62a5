"""What a run costs: the parts that are asked again, counted, are the same for each step however many there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import indent

import pytest

from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from tests.conftest import Counts
from tests.saga.driven import Driven, driven
from tests.saga.plans import call, plan

FEW, MANY = 40, 160
FEW_FULL, MANY_FULL = 100, 1_000
LAST = "- { id: last, call: POST plain/last, compensate: none }\n"


@dataclass(frozen=True, slots=True)
class Shape:
    """`forward`, `undone`: the parts asked a turn, at most, where all goes well and where the last is refused."""

    name: str
    make: Callable[[int], Plan]
    forward: float
    undone: float
    is_list: bool = True

    def run(self, size: int, *, undone: bool) -> Driven:
        inputs: dict[str, Json] = {"many": list(range(size))} if self.is_list else {}
        return driven(self.make(size), inputs, lambda sent: undone and sent == "last")


def listed(steps: str) -> Plan:
    return plan(steps + LAST, "inputs: { many: array }")


def sequence(size: int) -> Plan:
    return plan("".join(call(f"s{at}") for at in range(size)) + LAST)


def parallel(size: int) -> Plan:
    calls = "".join(call(f"s{at}") for at in range(size))
    return plan("- parallel:\n" + indent(calls, "    ") + LAST)


def items(more: str) -> Callable[[int], Plan]:
    return lambda _: listed(call("a", more=f"for_each: x in inputs.many\n{more}"))


def of_steps(*, more: str = "") -> Callable[[int], Plan]:
    inner = indent("".join(call(f"s{at}") for at in range(3)), "    ")
    steps = f"- id: a\n  for_each: x in inputs.many\n{more}  steps:\n{inner}"
    return lambda _: listed(steps)


def in_lists(_: int) -> Plan:
    inner = indent(call("b", more="for_each: y in [1, 2]"), "    ")
    return listed(f"- id: a\n  for_each: x in inputs.many\n  steps:\n{inner}")


def confirmed(_: int) -> Plan:
    more = "for_each: x in inputs.many\nconfirm: POST keyed/yes"
    return listed(call("a", more=more))


SHAPES = (
    Shape("a sequence", sequence, 4.1, 3.6, is_list=False),
    Shape("parallel with a join", parallel, 6.1, 5.1, is_list=False),
    Shape("a list", items(""), 6.1, 5.1),
    Shape("a list of which 16 at once", items("max_parallel: 16"), 6.1, 5.1),
    Shape("a settled list", items("collect: settled"), 6.1, 5.1),
    Shape("a list with confirms", confirmed, 7.6, 8.6),
    Shape("items of three steps", of_steps(), 9.1, 8.1),
    Shape("items that turn alone", of_steps(more="  collect: settled\n"), 9.1, 8.1),
    Shape("lists in lists", in_lists, 13.1, 10.6),
)


@pytest.mark.parametrize("undone", [False, True], ids=["forward", "undone"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_turn_asks_as_many_parts_in_a_large_run_as_in_a_small_one(
    shape: Shape, undone: bool, counts: Counts, *, full: bool
) -> None:
    few, many = (FEW_FULL, MANY_FULL) if full else (FEW, MANY)
    small, large = shape.run(few, undone=undone), shape.run(many, undone=undone)
    assert small.run.progress.state == large.run.progress.state
    assert small.run.state.ended == ("compensated" if undone else "succeeded")
    assert large.parts_a_turn == pytest.approx(small.parts_a_turn, rel=0.05)
    assert large.parts_a_turn <= (shape.undone if undone else shape.forward)
    counts.add("parts asked in runs of many steps", large.asked)
