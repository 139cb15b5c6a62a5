"""What rules and `lower` look things up in: steps with their places, the names they define, the order in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowdsl.language.order import Edge, edges, sibling_graph
from flowdsl.language.places import (
    Definition,
    Part,
    Path,
    Place,
    Section,
    Use,
    definitions,
    kind_of,
    places,
    uses,
)
from flowdsl.language.workflow import Call, Request, Workflow
from flowdsl.plan.expression import Expression, Reference
from flowdsl.plan.span import Span

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True, slots=True)
class Subject:
    """For every `parallel`: `edges`, which child waits for which and why; `graphs`, the same as a graph."""

    workflow: Workflow
    places: tuple[Place, ...]
    known: Mapping[str, Definition]
    by_parent: Mapping[tuple[Section, Path], tuple[Place, ...]]
    edges: Mapping[tuple[Section, Path], tuple[Edge, ...]]
    graphs: Mapping[tuple[Section, Path], networkx.DiGraph[int]]

    def locate(self, expression: Expression, reference: Reference) -> Span:
        return self.workflow.locate(expression, reference.start, reference.length)

    def children(self, path: Path, section: Section) -> tuple[Place, ...]:
        return self.by_parent.get((section, path), ())


def look_at(workflow: Workflow) -> Subject:
    found = places(workflow)
    known = definitions(found)
    by_parent: dict[tuple[Section, Path], list[Place]] = defaultdict(list)
    inside: dict[tuple[Section, Path], list[Place]] = defaultdict(list)
    for place in found:
        by_parent[place.section, place.path[:-1]].append(place)
        for depth, parent in enumerate(place.parents, start=1):
            if kind_of(parent) == "parallel":
                inside[place.section, place.path[:depth]].append(place)
    found_edges = {key: edges(workflow, key[1], tuple(kept), known) for key, kept in inside.items()}
    return Subject(
        workflow=workflow,
        places=found,
        known=known,
        by_parent={key: tuple(children) for key, children in by_parent.items()},
        edges=found_edges,
        graphs={key: sibling_graph(len(by_parent[key]), kept) for key, kept in found_edges.items()},
    )


def requests(place: Place) -> Iterator[tuple[Part, Request]]:
    """Every request a step may send."""
    match place.step.verb:
        case Call(request=request, compensate=undo, confirm=confirm, probe=probe):
            yield Part.DO, request
            if confirm is not None:
                yield Part.CONFIRM, confirm.request
            if undo is not None and undo.request is not None:
                yield Part.UNDO, undo.request
            if probe is not None:
                yield Part.PROBE, probe.request
        case _:
            return


def reads(place: Place) -> Iterator[tuple[Use, Reference]]:
    """Every reference of a step itself."""
    for use in uses(place.step):
        for reference in use.expression.references:
            yield use, reference
