"""Every request of a workflow text, checked against contracts: what the rules of the language will do, in small."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from flowdsl.language.openapi import (
    CallSite,
    CheckedCall,
    Contract,
    Found,
    check_call,
    find,
    response_type,
)
from flowdsl.language.openapi.path import take_apart
from flowdsl.language.openapi.read import read
from flowdsl.language.parse.file import parse
from flowdsl.language.parse.workflow import CallVerb, WrittenRequest
from flowdsl.language.places import uses
from flowdsl.language.rules.scope import Types, names_at, types_of
from flowdsl.language.subject import look_at, requests
from flowdsl.language.text.document import load_document
from flowdsl.language.text.located import Located, Scalar, Sequence
from flowdsl.language.text.located import Mapping as MappingNode
from flowdsl.language.text.source import Source
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.inference import infer
from flowdsl.plan.expression.types import Type
from flowdsl.plan.span import Span

# What a check may take; a test run whose coverage is measured is several times as slow.
SECONDS_AT_MOST = 2.0 * (4 if sys.gettrace() is not None else 1)
ROOT = Path(__file__).parents[3]
DOCUMENTS = ROOT / "mock_services" / "openapi"
SHOP = Path(__file__).with_name("shop.yaml")


def contract_at(path: Path) -> Contract:
    reading = read(Source(str(path), path.read_text("utf-8")))
    assert reading.problems == ()
    assert reading.contract is not None
    return reading.contract


def contract_of(text: str) -> Contract:
    reading = read(Source("contract.yaml", text))
    assert reading.contract is not None, reading.problems
    return reading.contract


def check_workflow(text: str, contracts: Mapping[str, Contract]) -> CheckedCall:
    source = Source("workflow.yaml", text)
    document, problems = load_document(source)
    assert isinstance(document, MappingNode)
    workflow, unread = parse(source, document, frozenset())
    assert [*problems, *unread] == []
    nodes = dict(nodes_of_calls(document))
    subject = look_at(workflow)
    types = types_of(subject)
    answers = {
        place.step.id.text: response_type(found.operation)
        for place in subject.places
        if place.step.id is not None and isinstance(place.step.verb, CallVerb)
        if isinstance(found := found_for(place.step.verb.request, contracts), Found)
    }
    types = replace(types, values={**types.values, **answers})
    checked = CheckedCall()
    for place in subject.places:
        of_use = {use.expression.span: use for use in uses(place.step)}

        def type_of(
            expression: Expression,
            of_use: object = of_use,
            place: object = place,
            at: Types = types,
        ) -> Type:
            use = of_use[expression.span]  # type: ignore[index]
            return infer(expression, names_at(at, place, use)).type  # type: ignore[arg-type]

        for _, request in requests(place):
            site = CallSite(request, nodes[request.span], type_of)
            checked += check_call(contracts[request.service.text], site)
    return checked


def found_for(request: WrittenRequest, contracts: Mapping[str, Contract]) -> object:
    names = frozenset(name.text for name, _ in request.query)
    contract = contracts[request.service.text]
    return find(contract, request.method, take_apart(request.path), names)


def nodes_of_calls(node: Located) -> Iterator[tuple[Span, Located]]:
    """By the place of the call string: the string, or the mapping it stands in."""
    match node:
        case Sequence(items=items):
            for item in items:
                yield from nodes_of_calls(item)
        case MappingNode(entries=entries):
            for key, value in entries:
                if key.text == "call":
                    yield value.span, node
                elif key.text in ("compensate", "confirm") and isinstance(value, Scalar):
                    yield value.span, value
                else:
                    yield from nodes_of_calls(value)
        case _:
            return
