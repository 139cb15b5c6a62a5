"""What the lowering of one file hands to the plan of the whole: services, expressions, the texts it depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.language.family import Family
from flowdsl.language.lower.call import lower_service
from flowdsl.language.parse.workflow import UsesVerb, Workflow
from flowdsl.language.places import uses
from flowdsl.language.subject import Subject
from flowdsl.language.text.library import key_of
from flowdsl.language.text.source import Source
from flowdsl.plan import nodes
from flowdsl.plan.address import Address
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.template import Template, expressions

Make: TypeAlias = Callable[[Workflow, Source, Family], nodes.Plan]


class Gathered(Struct):
    """`make` lowers a file to a plan of its own, for what runs detached."""

    make: Make
    services: dict[str, nodes.Service] = field(default_factory=dict)
    expressions: list[Expression] = field(default_factory=list)
    children: dict[Address, nodes.Child] = field(default_factory=dict)
    detached: dict[str, nodes.Plan] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


class Lowering(Struct, frozen=True):
    """One file on its way into a plan. `forgiving`: it is used in `on_failure`, where nothing is critical. `quiet`: it is
    used beside other steps, where a `status` of its own would be one of several at a time, and is left out.
    """

    subject: Subject
    gathered: Gathered
    below: bool = False  # used where nothing is undone any more
    forgiving: bool = False
    quiet: bool = False


def gather(lowering: Lowering) -> None:
    """Everything but the steps."""
    subject, gathered = lowering.subject, lowering.gathered
    for service in subject.workflow.services:
        found = lower_service(subject.workflow, service)
        if service.openapi is not None:
            found = replace(found, contract=key_of(subject.path, service.openapi.path))
        gathered.services[subject.service_key(found.name)] = found
    gathered.expressions += _expressions(subject)
    for path, text in _files(subject):
        gathered.files[path] = text


def _expressions(subject: Subject) -> list[Expression]:
    workflow = subject.workflow
    found = [use.expression for place in subject.places for use in uses(place.step)]
    templates: list[Template] = [value for _, value in workflow.outputs]
    templates += [workflow.key] if workflow.key is not None else []
    for service in workflow.services:
        templates += [service.url, *nodes.templates_of(service.auth)]
        templates += [value for _, value in service.headers]
    return found + [expression for item in templates for expression in expressions(item)]


def _files(subject: Subject) -> Iterator[tuple[str, str]]:
    """The files that this one names; what those name comes with them."""
    named = [service.openapi for service in subject.workflow.services if service.openapi]
    named += [
        place.step.verb.file for place in subject.places if isinstance(place.step.verb, UsesVerb)
    ]
    for file in named:
        text = subject.family.text(subject.path, file)
        if text is not None:
            yield key_of(subject.path, file.path), text
