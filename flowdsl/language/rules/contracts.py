"""Calls against the contracts of their services: each call, undo, confirm and probe, as far as its values are known.

What cannot be checked is counted, not guessed: a service without a contract, an operation that an expression decides, a
value that is known only in the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.language import openapi
from flowdsl.language.parse.workflow import EmitVerb, WrittenRequest
from flowdsl.language.places import StepPlace, Use, uses
from flowdsl.language.rules.scope import Types, names_at, types_of
from flowdsl.language.subject import Subject, requests
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.language.text.located import Located, Scalar, Sequence
from flowdsl.language.text.located import Mapping as MappingNode
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.inference import infer
from flowdsl.plan.expression.types import ANYTHING, Type
from flowdsl.plan.span import Span


class Coverage(Struct, frozen=True):
    """How far the contracts reach. `call_sites`: every request that the file may send, but for its events.

    Of these, `without_contract` go to services that nobody describes, and of `unsure` ones only the run knows which
    operation they mean. `values_unknown`: parts of the calls that were checked of which nothing can be said before.
    """

    call_sites: int = 0
    checked: int = 0
    without_contract: int = 0
    unsure: int = 0
    values_checked: int = 0
    values_unknown: int = 0

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(
            self.call_sites + other.call_sites,
            self.checked + other.checked,
            self.without_contract + other.without_contract,
            self.unsure + other.unsure,
            self.values_checked + other.values_checked,
            self.values_unknown + other.values_unknown,
        )


class Compared(Struct, frozen=True):
    diagnostics: tuple[Diagnostic, ...] = ()
    coverage: Coverage | None = None


def compare_with_contracts(subject: Subject, document: Located) -> Compared:
    """`document`: what the workflow was read from, for the places of what is in a call."""
    contracts = subject.contracts.by_service
    if not contracts and not subject.contracts.unread:
        return Compared()
    nodes, types = dict(_nodes_of_calls(document)), types_of(subject)
    found: list[Diagnostic] = []
    coverage = Coverage()
    for place in subject.places:
        if isinstance(place.step.verb, EmitVerb):
            continue
        for _, request in requests(place):
            contract = contracts.get(request.service.text)
            if contract is None:
                coverage += Coverage(call_sites=1, without_contract=1)
                continue
            if request.operation is not None:  # there is none, which was said already
                coverage += Coverage(call_sites=1, checked=1)
                continue
            site = _site(subject, types, place, request, nodes)
            checked = openapi.check_call(contract, site)
            found += [_diagnostic(finding) for finding in _kept(place, checked)]
            coverage += _covered(contract, request, checked)
    return Compared(tuple(found), coverage)


def _site(
    subject: Subject,
    types: Types,
    place: StepPlace,
    request: WrittenRequest,
    nodes: Mapping[Span, Located],
) -> openapi.CallSite:
    of_use = {use.expression.span: use for use in uses(place.step)}
    node = nodes.get(request.span, Scalar(None, "", request.span, "", ""))
    return openapi.CallSite(
        request, node, _Knowledge(types, place, of_use), _headers(subject, request)
    )


class _Knowledge(Struct, frozen=True):
    """What is known of an expression of one step."""

    types: Types
    place: StepPlace
    of_use: Mapping[Span, Use]

    def __call__(self, expression: Expression) -> Type:
        use = self.of_use.get(expression.span)
        if use is None or expression.secrets:
            return ANYTHING
        inference = infer(expression, names_at(self.types, self.place, use))
        return ANYTHING if inference.problems else inference.type  # those are told elsewhere


def _headers(subject: Subject, request: WrittenRequest) -> tuple[str, ...]:
    """Those that the service adds to each of its requests."""
    name = request.service.text
    service = next(item for item in subject.workflow.services if item.name.text == name)
    own = tuple(header.text for header, _ in service.headers)
    return (*own, "Authorization") if service.auth is not None else own


def _kept(place: StepPlace, checked: openapi.CheckedCall) -> Iterator[openapi.Finding]:
    """Of a step that could not be read whole, nobody can say what is missing in it."""
    for finding in checked.findings:
        if not (place.step.broken and finding.code == Code.MISSING_IN_REQUEST):
            yield finding


def _diagnostic(finding: openapi.Finding) -> Diagnostic:
    return Diagnostic(finding.code, finding.span, finding.message, finding.meant, finding.help)


def _covered(
    contract: openapi.Contract, request: WrittenRequest, checked: openapi.CheckedCall
) -> Coverage:
    if isinstance(openapi.call_match(contract, request), openapi.Unsure):
        return Coverage(call_sites=1, unsure=1)
    return Coverage(
        call_sites=1,
        checked=1,
        values_checked=checked.checked,
        values_unknown=checked.unknown,
    )


def _nodes_of_calls(node: Located) -> Iterator[tuple[Span, Located]]:
    """By the place of the call string: the string alone, or the mapping that it stands in."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Sequence(items=items):
                waiting += items
            case MappingNode(entries=entries) as mapping:
                for key, value in entries:
                    if key.text == "call":
                        yield value.span, mapping
                    elif key.text in ("compensate", "confirm") and isinstance(value, Scalar):
                        yield value.span, value
                    else:
                        waiting.append(value)
            case _:
                pass
