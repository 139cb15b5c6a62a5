"""The order of the children of a `parallel`: who reads whom, who names whom in `after`; cycles; the fixed order.

A child stands for everything in it, and is its position in the list. networkx is asked only for the way round a cycle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from typing import TypeAlias

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

Waits: TypeAlias = tuple[tuple[int, ...], ...]  # for each child, those that it waits for


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


def waits_of(children: int, found: tuple[Edge, ...]) -> Waits:
    earlier: list[list[int]] = [[] for _ in range(children)]
    for edge in found:
        earlier[edge.later].append(edge.earlier)
    return tuple(map(tuple, earlier))


def sorted_children(waits: Waits) -> list[int]:
    """Positions, each after all it waits for, and otherwise as in the file. Those in a cycle are left out (Kahn)."""
    later: list[list[int]] = [[] for _ in waits]
    for child, earlier in enumerate(waits):
        for other in earlier:
            later[other].append(child)
    left = [len(earlier) for earlier in waits]
    free = [child for child, number in enumerate(left) if not number]  # a heap, for it is sorted
    found: list[int] = []
    while free:
        child = heappop(free)
        found.append(child)
        for other in later[child]:
            left[other] -= 1
            if not left[other]:
                heappush(free, other)
    return found


def waits_for(waits: Waits, later: int, earlier: int) -> bool:
    seen: set[int] = set()
    still_open = [later]
    while still_open:
        for other in waits[still_open.pop()]:
            if other == earlier:
                return True
            if other not in seen:
                seen.add(other)
                still_open.append(other)
    return False


def cycles(waits: Waits) -> list[list[int]]:
    """One cycle for each knot of children that wait for each other, from its first child on."""
    if len(sorted_children(waits)) == len(waits):
        return []
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_edges_from((other, child) for child, those in enumerate(waits) for other in those)
    knots = [knot for knot in networkx.strongly_connected_components(graph) if len(knot) > 1]
    return sorted(
        [edge[0] for edge in networkx.find_cycle(graph.subgraph(knot), min(knot))] for knot in knots
    )
