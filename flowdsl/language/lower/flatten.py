"""The plan as one flat graph: a node for every leaf, edges from `needs` seen through the blocks.

`graph`, the critical path and the checks are computed on it. An address is the node; its attribute `node` the leaf. All
branches of a `switch` stand beside each other, a fallback behind its call; the template of an item stands for all of
them until they are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from flowdsl.plan.address import Address
from flowdsl.plan.nodes import AnyNode, Block, Call, Confirm, Detach, ForEach, Local, Plan, Switch
from flowdsl.plan.unfold import inside

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
    match node:
        case Block(children=children):
            return _in_order(graph, children, before)
        case Switch(branches=branches):
            return _beside(graph, branches, before)
        case ForEach(body=body, branches=items):
            return _add(graph, body, before) if items is None else _beside(graph, items, before)
        case Call() | Confirm() | Detach() | Local():
            graph.add_node(node.address, node=node)
            graph.add_edges_from((earlier, node.address) for earlier in before)
            instead = _in_order(graph, inside(node), (node.address,))
            return tuple(dict.fromkeys((node.address, *instead)))
        case _:
            assert_never(node)


def _in_order(
    graph: networkx.DiGraph[Address], children: tuple[AnyNode, ...], before: tuple[Address, ...]
) -> tuple[Address, ...]:
    ends: list[tuple[Address, ...]] = []
    for child in children:
        waits = tuple(dict.fromkeys(leaf for need in child.needs for leaf in ends[need]))
        ends.append(_add(graph, child, waits if child.needs else before))
    needed = {need for child in children for need in child.needs}
    last = [end for position, end in enumerate(ends) if position not in needed]
    return tuple(dict.fromkeys(leaf for end in last for leaf in end)) if ends else before


def _beside(
    graph: networkx.DiGraph[Address], nodes: tuple[AnyNode, ...], before: tuple[Address, ...]
) -> tuple[Address, ...]:
    """Items, or branches of which one is taken: none waits for another."""
    ends = [leaf for node in nodes for leaf in _add(graph, node, before)]
    return tuple(dict.fromkeys(ends)) if ends else before
