"""What is marked as allowed to fail: it never makes a run stuck before its commit line."""

from __future__ import annotations

from flowdsl.plan.address import Address, enclosing
from flowdsl.plan.nodes import AnyNode, ForEach, Plan


def may_fail(plan: Plan, address: Address) -> bool:
    """Whether a step, or something that it is in, says `critical: false`, or is an item of a `settled` list."""
    around = (plan.nodes.get(place) for place in enclosing(address))
    return any(node is not None and _forgives(node, address) for node in around)


def _forgives(node: AnyNode, address: Address) -> bool:
    return not node.critical or (
        isinstance(node, ForEach) and node.collect == "settled" and node.address != address
    )
