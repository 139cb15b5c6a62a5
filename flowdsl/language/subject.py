"""What rules and `lower` look things up in: the workflow, its steps with their places, the names they define."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flowdsl.language.places import Definition, Part, Path, Place, Section, Use, definitions, places, uses
from flowdsl.language.workflow import Call, Request, Workflow
from flowdsl.plan.expression import Expression, Reference
from flowdsl.plan.span import Span


@dataclass(frozen=True, slots=True)
class Subject:
    workflow: Workflow
    places: tuple[Place, ...]
    known: Mapping[str, Definition]

    def locate(self, expression: Expression, reference: Reference) -> Span:
        return self.workflow.locate(expression, reference.start, reference.length)

    def children(self, path: Path, section: Section) -> tuple[Place, ...]:
        return tuple(
            place for place in self.places if place.section == section and place.path[:-1] == path
        )

    def below(self, group: Place) -> tuple[Place, ...]:
        depth = len(group.path)
        return tuple(
            place
            for place in self.places
            if place.section == group.section
            and len(place.path) > depth
            and place.path[:depth] == group.path
        )


def look_at(workflow: Workflow) -> Subject:
    found = places(workflow)
    return Subject(workflow, found, definitions(found))


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
