"""What a service offers by its contract, and the workflow does not use: many at once, a confirm, an undo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from flowdsl.codes import Code
from flowdsl.language import openapi
from flowdsl.language.parse.workflow import CallVerb, Step, WrittenRequest
from flowdsl.language.places import StepPlace
from flowdsl.language.rules.answers import answer_type
from flowdsl.language.subject import Subject, requests
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.expression.types import Object

Called: TypeAlias = tuple[str, str]  # a service and the title of an operation


def check_offers(subject: Subject) -> Iterator[Diagnostic]:
    if not subject.contracts.by_service:
        return
    called = frozenset(_operations_called(subject))
    for place in subject.places:
        call = place.step.verb
        if isinstance(call, CallVerb) and not place.step.broken:
            yield from _one_by_one(subject, place, call)
            yield from _never_confirmed(subject, place, call, called)


def _one_by_one(subject: Subject, place: StepPlace, call: CallVerb) -> Iterator[Diagnostic]:
    each = place.step.for_each
    if each is None or each.collect not in ("all", "settled"):
        return
    known = _operation(subject, call.request)
    many = openapi.batch_of(*known) if known is not None else None
    if many is not None:
        items, service = each.items.text, call.request.service.text
        message = f"a call for each of `{items}`, and `{service}` takes many at once"
        shown = _shown(many, call.request, None)
        hint = f"send them in lists: `for_each: some in chunks({items}, 50)`, and `{shown}` with `some`"
        yield Diagnostic(Code.COULD_BE_ONE_CALL, call.request.span, message, help=hint)


def _never_confirmed(
    subject: Subject, place: StepPlace, call: CallVerb, called: frozenset[Called]
) -> Iterator[Diagnostic]:
    """`called`: what the workflow sends anywhere; a confirm may be a step of its own."""
    if call.confirm is not None or place.below_commit or place.section != "steps":
        return
    known = _operation(subject, call.request)
    confirm = openapi.confirm_of(*known) if known is not None else None
    if confirm is not None and (call.request.service.text, confirm.title) not in called:
        name = f"`{place.step.id.text}`" if place.step.id else "this call"
        message = f"{name} is never confirmed, and its service has `{confirm.title}`"
        hint = f"write `confirm: {_shown(confirm, call.request, _id_of(subject, place.step))}`"
        yield Diagnostic(Code.NEVER_CONFIRMED, call.request.span, message, help=hint)


def undo_offered(subject: Subject, place: StepPlace, call: CallVerb) -> str:
    """How the service would undo the call, as one may write it; empty where nobody knows."""
    known = _operation(subject, call.request)
    undo = openapi.undo_of(*known) if known is not None else None
    if undo is None:
        return ""
    return f"compensate: {_shown(undo, call.request, _id_of(subject, place.step))}"


def _operations_called(subject: Subject) -> Iterator[Called]:
    for place in subject.places:
        for _, request in requests(place):
            known = _operation(subject, request)
            if known is not None:
                yield request.service.text, known[1].title


def _operation(
    subject: Subject, request: WrittenRequest
) -> tuple[openapi.Contract, openapi.Operation] | None:
    contract = subject.contracts.by_service.get(request.service.text)
    if contract is None or request.operation is not None:
        return None
    match = openapi.call_match(contract, request)
    return (contract, match.operation) if isinstance(match, openapi.Found) else None


def _id_of(subject: Subject, step: Step) -> str:
    """What stands for the thing that the step made: its `id`, if it answers one."""
    name = step.id.text if step.id else "ID"
    call = step.verb
    answer = answer_type(subject, call.request) if isinstance(call, CallVerb) else None
    known = isinstance(answer, Object) and answer.field("id") is None
    return f"${{{name}.…}}" if known else f"${{{name}.id}}"


def _shown(operation: openapi.Operation, request: WrittenRequest, value: str | None) -> str:
    """The call string, with a value for the last parameter of its path."""
    path = operation.path_alone
    if value is not None and "{" in path:
        head, _, rest = path.rpartition("{")
        path = head + value + rest.partition("}")[2]
    return f"{operation.method} {request.service.text}{path}"
