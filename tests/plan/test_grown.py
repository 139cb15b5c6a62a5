"""A plan that grows list by list is the plan that is unfolded at once, and shares what is not around the new items."""

from __future__ import annotations

import random

import pytest

from flowdsl.plan.nodes import ForEach, Plan
from flowdsl.plan.unfold import grown, unfold
from tests.conftest import Counts
from tests.random.workflows import written
from tests.saga.plans import call, plan

SEEDS, SHARDS = 300, 3
NESTED = """
- id: box
  for_each: x in inputs.boxes
  steps:
    - id: ship
      for_each: y in x
      call: POST keyed/ship
      compensate: none
      confirm: POST keyed/confirm
"""


def fresh(plan: Plan) -> list[str]:
    """The lists that may be expanded next."""
    known = plan.nodes.values()
    lists = [node for node in known if isinstance(node, ForEach) and node.mirrors is None]
    return [one.address for one in lists if one.branches is None and "[]" not in one.address]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_order_of_growing_makes_the_plan_that_is_unfolded_at_once(
    shard: int, counts: Counts
) -> None:
    lists = 0
    for seed in range(shard, SEEDS, SHARDS):
        chance, base = random.Random(seed), written(seed).plan()
        here, decided = base, dict[str, int]()
        while left := fresh(here):
            each = chance.choice(left)
            decided[each] = chance.randrange(4)
            here, lists = grown(here, each, decided[each]), lists + 1
            once = unfold(base, decided)
            assert (here.root, here.on_failure) == (once.root, once.on_failure), seed
            assert dict(here.nodes) == once.nodes, seed
            assert here.folded is base
    assert lists > 50
    counts.add("lists that a plan grew by", lists)


def test_a_list_costs_its_own_items_whatever_others_there_are() -> None:
    # given a hundred boxes that are known, and the first has things in it
    here = grown(plan(NESTED + call("b"), "inputs: { boxes: array }"), "box", 100)
    before = grown(here, "box[0]/ship", 3)
    # when the second has things in it as well
    after = grown(before, "box[1]/ship", 3)
    # then every other node is the same one, and the plans before it have not changed
    changed = {at for at, node in after.nodes.items() if before.nodes.get(at) is not node}
    below = {f"confirms/{at}" for at in ("box", "box[1]", "box[1]/ship")}
    items = {f"box[1]/ship[{at}]" for at in range(3)}
    around = {"", "box", "box[1]", "box[1]/ship", "confirms"}
    assert changed == around | below | items | {f"{item}!confirm" for item in items}
    assert "box[1]/ship[]" in before.nodes
    assert "box[0]/ship[]" in here.nodes
