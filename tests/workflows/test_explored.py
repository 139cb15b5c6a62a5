"""The shipped workflows, explored: every outcome of every call, in every order, with a crash and a cancel at any moment."""

from __future__ import annotations

import pytest

from flowdsl.engine.explore import Allowance, explore
from flowdsl.plan.values import Json
from tests.conftest import Counts
from tests.engine.corpus import ONE, TWO
from tests.workflows.shipped import BY_NAME, FOLDER, ORDER, plan_of
from tests.workflows.test_kitchen_sink import INPUTS

IN_THE_CORPUS = {"trip.yaml", "trip-steps.yaml", "order.yaml", "search.yaml"}
WIDE = {"fulfilment.yaml", "batch-reserve.yaml"}  # several at once: one fault is plenty
CHOREOGRAPHY = sorted(f"choreography/{path.name}" for path in FOLDER.glob("choreography/*.yaml"))
HEARD: dict[str, Json] = {**ORDER, "stock": "I-1", "charge": "P-1", "why": "a reason"}


def inputs_of(name: str) -> dict[str, Json]:
    if name in BY_NAME:
        return dict(BY_NAME[name].inputs)
    return {each.name: HEARD[each.name] for each in plan_of(name).inputs}


@pytest.mark.parametrize("name", [*sorted(set(BY_NAME) - IN_THE_CORPUS), *CHOREOGRAPHY])
def test_no_promise_breaks(name: str, full: bool, counts: Counts) -> None:
    may: Allowance = TWO if full and name not in WIDE else ONE
    found = explore(plan_of(name), inputs_of(name), may)
    assert found.violations == []
    assert not found.bounded
    assert len(found.ends) >= 2
    counts.add("states of shipped workflows explored", found.states)
    counts.add("moves of shipped workflows explored", found.moves)


def test_no_promise_breaks_in_the_kitchen_sink(full: bool, counts: Counts) -> None:
    """In every order, with a signal at any moment, and in the full size a cancel; with faults it takes too long."""
    plan = plan_of("kitchen-sink.yaml", "tests/workflows/kitchen")
    found = explore(plan, {**INPUTS, "total": 900}, Allowance(faults=0, cancel=full))
    assert found.violations == []
    assert "succeeded" in found.ends
    counts.add("states of shipped workflows explored", found.states)
    counts.add("moves of shipped workflows explored", found.moves)
