"""The order of the children of a `parallel`: who reads whom, who names whom in `after`; cycles; the fixed order.

A child stands for everything in it. The graph is networkx's, its nodes are positions in the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowdsl.language.places import Definition, Order, Place, order, uses
from flowdsl.language.workflow import Group, Workflow
from flowdsl.plan.expression import Expression, Reference
from flowdsl.plan.span import Span

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True, slots=True)
class Edge:
    """The child at `later` waits for the child at `earlier`; `span` shows why."""

    earlier: int
    later: int
    span: Span


def edges(
    workflow: Workflow, group: Place, inside: tuple[Place, ...], known: Mapping[str, Definition]
) -> tuple[Edge, ...]:
    """Every order between the children of `group`; `inside` are the places below it."""
    depth = len(group.path)
    found: dict[tuple[int, int], Edge] = {}
    for place in inside:
        later = place.path[depth]
        for earlier, span in (*_named(place, group, known), *_read(workflow, place, known)):
            if order(earlier, place) is Order.BESIDE and earlier.path[:depth] == group.path:
                edge = Edge(earlier.path[depth], later, span)
                if edge.earlier != later:
                    found.setdefault((edge.earlier, later), edge)
    return tuple(found.values())


def _named(
    place: Place, group: Place, known: Mapping[str, Definition]
) -> list[tuple[Place, Span]]:
    if len(place.path) != len(group.path) + 1:
        return []
    return [
        (known[name.text].place, name.span) for name in place.step.after if name.text in known
    ]


def _read(
    workflow: Workflow, place: Place, known: Mapping[str, Definition]
) -> list[tuple[Place, Span]]:
    return [
        (known[name].place, workflow.locate(use.expression, reference.start, reference.length))
        for use in uses(place.step)
        for reference in use.expression.references
        if (name := step_name(reference)) in known
    ]


def step_name(reference: Reference) -> str:
    """The id or `set` name that a reference begins with; `steps.ID` means the same step as `ID`."""
    root = reference.path[0]
    if root == "steps" and len(reference.path) > 1:
        return str(reference.path[1])
    return str(root)


def reads(expression: Expression, name: str) -> bool:
    return any(step_name(reference) == name for reference in expression.references)


def sibling_graph(group: Group, found: tuple[Edge, ...]) -> networkx.DiGraph[int]:
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(len(group.steps)))
    graph.add_edges_from((edge.earlier, edge.later) for edge in found)
    return graph


def sorted_children(graph: networkx.DiGraph[int]) -> list[int]:
    """Positions, each after all it waits for, and otherwise as in the file."""
    import networkx

    return list(networkx.lexicographical_topological_sort(graph))


def cycles(graph: networkx.DiGraph[int]) -> list[list[int]]:
    """One cycle for each knot of children that wait for each other, from its first child on."""
    import networkx

    found: list[list[int]] = []
    for knot in networkx.strongly_connected_components(graph):
        if len(knot) > 1:
            first = min(knot)
            edges_found = networkx.find_cycle(graph.subgraph(knot), first)
            found.append([edge[0] for edge in edges_found])
    return sorted(found)
