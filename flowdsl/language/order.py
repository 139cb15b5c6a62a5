"""The order of the children of a `parallel`: who reads whom, who names whom in `after`; cycles; the fixed order.

A child stands for everything in it. The graph is networkx's, its nodes are positions in the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from flowdsl.language.parse.workflow import Workflow
from flowdsl.language.places import (
    DefinedName,
    Path,
    Relation,
    StepPlace,
    order,
    uses,
    variable_around,
)
from flowdsl.plan.expression.compiled import Expression, Reference
from flowdsl.plan.span import Span

if TYPE_CHECKING:
    import networkx


class Edge(Struct, frozen=True):
    """The child at `later` waits for the child at `earlier`; `span` shows why."""

    earlier: int
    later: int
    span: Span


def edges(
    workflow: Workflow, group: Path, inside: tuple[StepPlace, ...], known: Mapping[str, DefinedName]
) -> tuple[Edge, ...]:
    """Every order between the children of the `parallel` at `group`; `inside` are the places below it."""
    depth = len(group)
    found: dict[tuple[int, int], Edge] = {}
    for place in inside:
        later = place.path[depth]
        for name in place.step.after if len(place.path) == depth + 1 else ():
            earlier = _sibling(name.text, place, group, known)
            if earlier is not None:
                found.setdefault((earlier, later), Edge(earlier, later, name.span))
        for expression, reference in _references(place):
            earlier = _sibling(step_name(reference), place, group, known)
            if earlier is not None and (earlier, later) not in found:
                span = workflow.locate(expression, reference.start, reference.length)
                found[earlier, later] = Edge(earlier, later, span)
    return tuple(found.values())


def _references(place: StepPlace) -> Iterator[tuple[Expression, Reference]]:
    for use in uses(place.step):
        for reference in use.expression.references:
            yield use.expression, reference


def _sibling(
    name: str, place: StepPlace, group: Path, known: Mapping[str, DefinedName]
) -> int | None:
    """The child of `group`, another than the one `place` is in, that gives `name` its value."""
    if name not in known or known[name].place.path[: len(group)] != group:
        return None
    if variable_around(name, place) is not None:
        return None
    target = known[name].place
    if order(target, place) is not Relation.BESIDE:
        return None
    child = target.path[len(group)]
    return child if child != place.path[len(group)] else None


def step_name(reference: Reference) -> str:
    """The id or `set` name that a reference begins with; `steps.ID` means the same step as `ID`."""
    root = reference.path[0]
    if root == "steps" and len(reference.path) > 1:
        return str(reference.path[1])
    return str(root)


def sibling_graph(children: int, found: tuple[Edge, ...]) -> networkx.DiGraph[int]:
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(children))
    graph.add_edges_from((edge.earlier, edge.later) for edge in found)
    return graph


def sorted_children(graph: networkx.DiGraph[int]) -> list[int]:
    """Positions, each after all it waits for, and otherwise as in the file."""
    import networkx

    return list(networkx.lexicographical_topological_sort(graph))


def waits_for(graph: networkx.DiGraph[int], later: int, earlier: int) -> bool:
    import networkx

    return graph.in_degree(later) > 0 and networkx.has_path(graph, earlier, later)


def cycles(graph: networkx.DiGraph[int]) -> list[list[int]]:
    """One cycle for each knot of children that wait for each other, from its first child on."""
    import networkx

    knots = [knot for knot in networkx.strongly_connected_components(graph) if len(knot) > 1]
    return sorted(
        [edge[0] for edge in networkx.find_cycle(graph.subgraph(knot), min(knot))] for knot in knots
    )
