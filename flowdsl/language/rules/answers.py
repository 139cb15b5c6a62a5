"""What the contracts say that calls answer: the types of their values, and of what a probe sees."""

from __future__ import annotations

from flowdsl.language.openapi import Found, call_match, response_type
from flowdsl.language.places import Place
from flowdsl.language.subject import Subject
from flowdsl.language.workflow import Call, Multiplied, Request, Step
from flowdsl.plan.types import ANYTHING, ListOf, Type, join, optional


def value_type(subject: Subject, step: Step) -> Type:
    """The value of a call for the steps after it: its answer, or its fallback's; of a `for_each`, those of its items."""
    call = step.verb
    assert isinstance(call, Call), "only a call has an answer"
    given = answer_type(subject, call.request)
    if call.fallback:
        last = call.fallback[-1]
        other = value_type(subject, last) if isinstance(last.verb, Call) else ANYTHING
        given = ANYTHING if ANYTHING in (given, other) else join((given, other))
    return given if step.for_each is None else _collected(given, step.for_each)


def own_answer_type(subject: Subject, place: Place) -> Type:
    """What a call itself sees under its id, in `expect`, `confirm` and `compensate`: one answer, of one item."""
    call = place.step.verb
    return answer_type(subject, call.request) if isinstance(call, Call) else ANYTHING


def probe_type(subject: Subject, place: Place) -> Type:
    call = place.step.verb
    probe = call.probe if isinstance(call, Call) else None
    return answer_type(subject, probe.request) if probe is not None else ANYTHING


def answer_type(subject: Subject, request: Request) -> Type:
    contract = subject.contracts.by_service.get(request.service.text)
    if contract is None or request.operation is not None:
        return ANYTHING
    match = call_match(contract, request)
    return response_type(match.operation) if isinstance(match, Found) else ANYTHING


def _collected(given: Type, each: Multiplied) -> Type:
    match each.collect:
        case "first_success":
            return given
        case "settled":  # null for what failed
            return ListOf(ANYTHING if given == ANYTHING else optional(given))
        case _:
            return ListOf(given)
