"""What the contracts say that calls answer."""

from __future__ import annotations

from flowdsl.language import openapi
from flowdsl.language.parse.workflow import CallVerb, WrittenRequest
from flowdsl.language.places import StepPlace
from flowdsl.language.subject import Subject
from flowdsl.plan.expression.types import ANYTHING, Type


def answer_type(subject: Subject, request: WrittenRequest) -> Type:
    """What the operation answers; anything, where nobody described it or an expression decides which it is."""
    contract = subject.contracts.by_service.get(request.service.text)
    if contract is None or request.operation is not None:
        return ANYTHING
    match = openapi.call_match(contract, request)
    return openapi.response_type(match.operation) if isinstance(match, openapi.Found) else ANYTHING


def own_answer_type(subject: Subject, place: StepPlace) -> Type:
    """What a call sees under its own id, in `expect`, `confirm` and `compensate`: one answer, of one item."""
    call = place.step.verb
    return answer_type(subject, call.request) if isinstance(call, CallVerb) else ANYTHING


def probe_type(subject: Subject, place: StepPlace) -> Type:
    """What `found` and `result` see under `probe`."""
    call = place.step.verb
    probe = call.probe if isinstance(call, CallVerb) else None
    return answer_type(subject, probe.request) if probe is not None else ANYTHING
