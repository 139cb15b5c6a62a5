"""The shipped workflows, explored: every outcome of every call, in every order, with a crash and a cancel at any moment."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from flowdsl.explorer.explore import Allowance, Exploration, explore
from flowdsl.plan.address import ON_FAILURE, ROOT, undo
from flowdsl.plan.nodes import Call, Compensation, Confirm, Plan
from flowdsl.plan.values import Json
from tests.conftest import Counts
from tests.explorer.corpus import ONE, TWO
from tests.workflows.shipped import BY_NAME, FOLDER, ORDER, plan_of
from tests.workflows.test_kitchen_sink import INPUTS

pytestmark = pytest.mark.usefixtures("unswept")

WIDE = {"fulfilment.yaml", "batch-reserve.yaml"}  # several at once: one fault is plenty
# Two are several, and a third asks nothing new; but for the full size.
TWO_ARE_ENOUGH: dict[str, dict[str, Json]] = {"fulfilment.yaml": {"warehouses": ["wh-1", "wh-2"]}}
CHOREOGRAPHY = sorted(f"choreography/{path.name}" for path in FOLDER.glob("choreography/*.yaml"))
HEARD: dict[str, Json] = {**ORDER, "stock": "I-1", "charge": "P-1", "why": "a reason"}
# What one set of inputs cannot show: that none has stock is one refusal only where one is asked.
MORE_INPUTS: dict[str, list[dict[str, Json]]] = {
    "notify-all.yaml": [{"warehouses": ["wh-1"]}],
}
AFTER_A_FAULT = {"forward-recovery.yaml"}  # its fallback is only there once something has failed
UNDOES_NOTHING = {
    "undo-inventory.yaml",
    "undo-payment.yaml",
}  # below their commit line from the first step on
ALL_OUTCOMES = {"ok", "refused", "unknown"}


def inputs_of(name: str, *, full: bool) -> list[dict[str, Json]]:
    if name in BY_NAME:
        first = dict(BY_NAME[name].inputs)
    else:
        first = {each.name: HEARD[each.name] for each in plan_of(name).inputs}
    first |= {} if full else TWO_ARE_ENOUGH.get(name, {})
    return [first, *({**first, **more} for more in MORE_INPUTS.get(name, []))]


def is_reached(state: str) -> bool:
    return state not in ("pending", "skipped")


def not_reached(plan: Plan, explored: Sequence[Exploration]) -> list[str]:
    """Steps that no exploration came to."""
    came = {address for found in explored for address, state in found.stood if is_reached(state)}
    return [address for address in plan.nodes if address not in {ROOT, ON_FAILURE} | came]


def not_shown(plan: Plan, explored: Sequence[Exploration]) -> list[str]:
    """What a call may come to, and never did."""
    seen = {pair for found in explored for pair in found.came_to}
    missing = []
    for node in plan.nodes.values():
        if isinstance(node, Call | Confirm):
            wanted = [(node.address, word) for word in sorted(ALL_OUTCOMES)]
            if isinstance(node, Call) and isinstance(node.compensation, Compensation):
                wanted += [(undo(node.address), word) for word in sorted(ALL_OUTCOMES)]
            missing += [f"{call} {word}" for call, word in wanted if (call, word) not in seen]
    return missing


@pytest.mark.parametrize("name", [*sorted(BY_NAME), *CHOREOGRAPHY])
def test_no_promise_breaks(name: str, full: bool, counts: Counts) -> None:
    # given a shipped workflow, each call of which may come to anything, with a crash and a cancel at any moment
    may: Allowance = TWO if full and name not in WIDE else ONE
    plan = plan_of(name)
    # when all of that is walked
    several = inputs_of(name, full=full)
    explored = [explore(plan, inputs, may) for inputs in several]
    if name in AFTER_A_FAULT:
        explored.append(explore(plan, several[0], Allowance(faults=2)))
    # then no promise breaks
    assert [found.violations for found in explored] == [[] for _ in explored]
    assert not any(found.bounded for found in explored)
    # and it came to every step, every outcome of every call, and every end
    assert not_reached(plan, explored) == []
    assert not_shown(plan, explored) == []
    ends = {end for found in explored for end in found.ends}
    undone = set() if name.rpartition("/")[2] in UNDOES_NOTHING else {"compensated"}
    assert {"succeeded", "cancelled"} | undone <= ends
    counts.add("states of shipped workflows explored", sum(found.states for found in explored))
    counts.add("moves of shipped workflows explored", sum(found.moves for found in explored))


def test_no_promise_breaks_in_the_kitchen_sink(full: bool, counts: Counts) -> None:
    """In every order, with a signal at any moment, and in the full size a cancel; with faults it takes too long."""
    plan = plan_of("kitchen-sink.yaml", "tests/workflows/kitchen")
    found = explore(plan, {**INPUTS, "total": 900}, Allowance(faults=0, cancel=full))
    assert found.violations == []
    assert "succeeded" in found.ends
    counts.add("states of shipped workflows explored", found.states)
    counts.add("moves of shipped workflows explored", found.moves)
