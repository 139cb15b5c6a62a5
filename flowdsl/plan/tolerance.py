"""What is marked as allowed to fail: it never makes a run stuck before its commit line."""

from __future__ import annotations

from flowdsl.plan.address import Address, enclosing, items_around
from flowdsl.plan.nodes import Each, Plan


def may_fail(plan: Plan, address: Address) -> bool:
    """Whether a step, or something that it is in, says `critical: false` or is an item of a `settled` list."""
    around = (plan.nodes.get(place) for place in enclosing(address))
    if any(node is not None and not node.critical for node in around):
        return True
    lists = (plan.nodes.get(each) for each, _ in items_around(address))
    return any(isinstance(each, Each) and each.collect == "settled" for each in lists)
