"""The plan as one flat graph: a node for every leaf, edges from `needs` seen through the blocks.

`graph`, the critical path and the checks are computed on it. An address is the node; its attribute `node` the leaf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowdsl.plan.address import Address
from flowdsl.plan.nodes import AnyNode, Block, Plan

if TYPE_CHECKING:
    import networkx


def flatten(plan: Plan) -> networkx.DiGraph[Address]:
    import networkx

    graph: networkx.DiGraph[Address] = networkx.DiGraph(name=plan.name)
    _add(graph, plan.root, ())
    return graph


def _add(
    graph: networkx.DiGraph[Address], node: AnyNode, before: tuple[Address, ...]
) -> tuple[Address, ...]:
    """Put `node` after the leaves `before`; the leaves that end it."""
    if not isinstance(node, Block):
        graph.add_node(node.address, node=node)
        graph.add_edges_from((earlier, node.address) for earlier in before)
        return (node.address,)
    ends: list[tuple[Address, ...]] = []
    for child in node.children:
        waits = tuple(dict.fromkeys(leaf for need in child.needs for leaf in ends[need]))
        ends.append(_add(graph, child, waits if child.needs else before))
    needed = {need for child in node.children for need in child.needs}
    last = [end for position, end in enumerate(ends) if position not in needed]
    return tuple(dict.fromkeys(leaf for end in last for leaf in end)) if ends else before
