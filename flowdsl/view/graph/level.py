"""One level of a graph: the steps that are in no frame, and which of them waits for which.

Plain groups are seen through. Where many wait for many, a joint stands between them: one edge each instead of one for
every pair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from flowdsl.plan.address import Address
from flowdsl.plan.nodes import AnyNode, Block, Status
from flowdsl.view.graph.shape import Graph, Vertex

if TYPE_CHECKING:
    import networkx

    Digraph: TypeAlias = "networkx.DiGraph[Address]"

EDGES_MAX = 48  # between two groups, before a joint stands between them
SEEN_THROUGH = ("steps", "parallel", "confirms", "items")

ToVertex: TypeAlias = Callable[[AnyNode], Vertex | None]  # None: it is not drawn


def level(name: str, nodes: tuple[AnyNode, ...], to_vertex: ToVertex) -> Graph:
    """The graph of a sequence of siblings."""
    import networkx

    graph: Digraph = networkx.DiGraph()
    _in_order(graph, nodes, (), to_vertex)
    vertices = tuple(graph.nodes[address]["vertex"] for address in graph)
    return Graph(name, vertices, _reduced(graph))


def _in_order(
    graph: Digraph, children: tuple[AnyNode, ...], before: tuple[Address, ...], to_vertex: ToVertex
) -> tuple[Address, ...]:
    """Put the children after `before`; what ends them."""
    ends: list[tuple[Address, ...]] = []
    for child in children:
        waits = tuple(dict.fromkeys(leaf for need in child.needs for leaf in ends[need]))
        ends.append(_add(graph, child, waits if child.needs else before, to_vertex))
    needed = {need for child in children for need in child.needs}
    last = [end for position, end in enumerate(ends) if position not in needed]
    return tuple(dict.fromkeys(leaf for end in last for leaf in end)) if ends else before


def _add(
    graph: Digraph, node: AnyNode, before: tuple[Address, ...], to_vertex: ToVertex
) -> tuple[Address, ...]:
    if isinstance(node, Status):
        return before
    if isinstance(node, Block) and node.kind in SEEN_THROUGH:
        if len(before) * _first_ones(node) > EDGES_MAX:
            before = _join(graph, node, before)
        return _in_order(graph, node.children, before, to_vertex)
    vertex = to_vertex(node)
    if vertex is None:
        return before
    graph.add_node(vertex.id, vertex=vertex)
    graph.add_edges_from((earlier, vertex.id) for earlier in before)
    return (vertex.id,)


def _join(graph: Digraph, node: AnyNode, before: tuple[Address, ...]) -> tuple[Address, ...]:
    joint = Vertex(f"{node.address}!join", "join", "")
    graph.add_node(joint.id, vertex=joint)
    graph.add_edges_from((earlier, joint.id) for earlier in before)
    return (joint.id,)


def _first_ones(node: AnyNode) -> int:
    """How many steps of a group wait for nothing in it."""
    if not isinstance(node, Block) or node.kind not in SEEN_THROUGH:
        return 1
    return sum(_first_ones(child) for child in node.children if not child.needs)


def _reduced(graph: Digraph) -> tuple[tuple[str, str], ...]:
    """The edges that no longer path implies. Vertices are in a topological order, so one pass from the end will do;
    what can be reached from each is one number, a bit for every vertex.
    """
    place = {name: index for index, name in enumerate(graph)}
    reached: dict[str, int] = {}
    kept: list[tuple[str, str]] = []
    for name in reversed(list(graph)):
        seen = 0
        for later in sorted(graph.successors(name), key=place.__getitem__):
            if not seen >> place[later] & 1:
                kept.append((name, later))
                seen |= reached[later]
        reached[name] = seen | 1 << place[name]
    return tuple(sorted(kept, key=lambda edge: (place[edge[0]], place[edge[1]])))
