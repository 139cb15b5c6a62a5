"""What rules and `lower` look things up in: steps with their places, the names they define, the order in groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import assert_never

from msgspec import Struct

from flowdsl.language.contracts import NO_CONTRACTS, Contracts
from flowdsl.language.family import ALONE, Family, Used
from flowdsl.language.order import Edge, Waits, edges, waits_of
from flowdsl.language.parse.workflow import (
    CallVerb,
    EmitVerb,
    GroupVerb,
    LocalVerb,
    SwitchVerb,
    UsesVerb,
    Workflow,
    WrittenRequest,
)
from flowdsl.language.places import (
    DefinedName,
    Part,
    Path,
    Section,
    StepPlace,
    Use,
    definitions,
    places,
    uses,
    variable_around,
)
from flowdsl.plan.address import ROOT, Address, child
from flowdsl.plan.expression.compiled import Expression, Reference
from flowdsl.plan.span import Span


class Subject(Struct, frozen=True):
    """For every `parallel`: `edges`, which child waits for which and why; `waits`, the same by child.

    `path` is that of the file; `prefix`, where it is used, if it is run as part of another.
    """

    workflow: Workflow
    places: tuple[StepPlace, ...]
    known: Mapping[str, DefinedName]
    by_parent: Mapping[tuple[Section, Path], tuple[StepPlace, ...]]
    edges: Mapping[tuple[Section, Path], tuple[Edge, ...]]
    waits: Mapping[tuple[Section, Path], Waits]
    path: str = ""
    prefix: Address = ROOT
    family: Family = ALONE
    contracts: Contracts = NO_CONTRACTS

    def locate(self, expression: Expression, reference: Reference) -> Span:
        return self.workflow.locate(expression, reference.start, reference.length)

    def children(self, path: Path, section: Section) -> tuple[StepPlace, ...]:
        return self.by_parent.get((section, path), ())

    def definition(self, name: str, reader: StepPlace) -> DefinedName:
        """What a known name means where it is read."""
        path = variable_around(name, reader)
        if path is None:
            return self.known[name]
        steps = reader.chain
        each = steps[len(path) - 1]
        assert each.for_each is not None, f"`{name}` is its variable"
        known = self.known[name]
        if known.kind == "variable" and known.place.path == path:
            return known
        siblings = self.children(path[:-1], reader.section)
        return DefinedName(each.for_each.variable, siblings[path[-1]], "variable")

    def used(self, verb: UsesVerb) -> Used | None:
        """The workflow of another file, where it could be read."""
        return self.family.used(self.path, verb.file)

    def service_key(self, name: str) -> str:
        """A file that is used brings its own services: their names are known in it alone."""
        return child(self.prefix, name)


def look_at(
    workflow: Workflow,
    path: str = "",
    family: Family = ALONE,
    *,
    prefix: Address = ROOT,
    below: bool = False,
    contracts: Contracts = NO_CONTRACTS,
) -> Subject:
    """`below`: it is used where nothing is undone any more."""
    found = places(workflow, prefix, below=below)
    known = definitions(found)
    by_parent: dict[tuple[Section, Path], list[StepPlace]] = defaultdict(list)
    inside: dict[tuple[Section, Path], list[StepPlace]] = defaultdict(list)
    for place in found:
        by_parent[place.section, place.path[:-1]].append(place)
        for depth, parent in enumerate(place.parents, start=1):
            if parent.verb.kind == "parallel":
                inside[place.section, place.path[:depth]].append(place)
    found_edges = {key: edges(workflow, key[1], tuple(kept), known) for key, kept in inside.items()}
    return Subject(
        workflow=workflow,
        places=found,
        known=known,
        by_parent={key: tuple(children) for key, children in by_parent.items()},
        edges=found_edges,
        waits={key: waits_of(len(by_parent[key]), kept) for key, kept in found_edges.items()},
        path=path,
        prefix=prefix,
        family=family,
        contracts=contracts,
    )


def requests(place: StepPlace) -> Iterator[tuple[Part, WrittenRequest]]:
    """Every request a step may send."""
    match place.step.verb:
        case CallVerb(request=request, compensate=undo, confirm=confirm, probe=probe):
            yield Part.DO, request
            if confirm is not None:
                yield Part.CONFIRM, confirm.request
            if undo is not None and undo.request is not None:
                yield Part.UNDO, undo.request
            if probe is not None:
                yield Part.PROBE, probe.request
        case EmitVerb(request=request):
            yield Part.DO, request
        case GroupVerb() | SwitchVerb() | UsesVerb() | LocalVerb():
            return
        case _:
            assert_never(place.step.verb)


def reads(place: StepPlace) -> Iterator[tuple[Use, Reference]]:
    """Every reference of a step itself."""
    for use in uses(place.step):
        for reference in use.expression.references:
            yield use, reference
