"""What of a fact is data, and so may hold the value of a secret: texts that came from services, people and computations.

The rest names things (steps, runs, keys, times) and is never changed. One walk serves both ways, masking and opening.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, assert_never

from msgspec.structs import replace

from flowdsl.plan.masked import names_in
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.events import (
    Admitted,
    Alerted,
    Armed,
    Begun,
    CancelRequested,
    Chosen,
    Committed,
    Created,
    Detached,
    Done,
    Ended,
    Event,
    Expanded,
    Expired,
    Failed,
    Failure,
    Finished,
    Fired,
    Ok,
    Outcome,
    Parked,
    Paused,
    Planned,
    Received,
    Refused,
    Resolved,
    Resumed,
    Retried,
    Signalled,
    Skipped,
    Started,
    Stopped,
    Turned,
    Unknown,
    Unrecognised,
    Waived,
)


class Change(Protocol):
    """What becomes of data. Each returns what it was given where nothing changes."""

    def text(self, text: str) -> str: ...

    def value(self, value: Json) -> Json: ...

    def headers(self, headers: dict[str, str]) -> dict[str, str]: ...

    def request(self, request: Request) -> Request: ...


def over_data(event: Event, change: Change) -> Event:
    """The fact with all of its data changed."""
    match event:
        case Created():
            return replace(
                event,
                inputs=_values(event.inputs, change),
                env={
                    name: text if text is None else change.text(text)
                    for name, text in event.env.items()
                },
                services=_texts(event.services, change),
            )
        case Started(request=Request() as request):
            return replace(event, request=change.request(request))
        case Finished():
            return replace(event, outcome=_outcome(event.outcome, change))
        case Resolved():
            body = change.value(event.body)
            return replace(
                event, body=body, actor=change.text(event.actor), reason=change.text(event.reason)
            )
        case CancelRequested() | Waived():
            return replace(event, actor=change.text(event.actor), reason=change.text(event.reason))
        case Signalled():
            return replace(event, payload=change.value(event.payload))
        case Done(is_place=False):
            return replace(event, value=change.value(event.value))
        case Ended(outputs=dict() as found):
            return replace(event, outputs=_values(found, change))
        case Expanded():
            return replace(event, items=tuple(change.value(item) for item in event.items))
        case Detached():
            return replace(event, inputs=_values(event.inputs, change))
        case Failed() | Turned() | Parked():
            return replace(event, failure=_failure(event.failure, change))
        case Alerted(failure=Failure() as failure):
            return replace(event, failure=_failure(failure, change))
        case (
            Started() | Armed() | Fired() | Admitted() | Begun() | Expired() | Resumed() | Paused() | Stopped() | Retried()
            | Done() | Skipped() | Chosen() | Received() | Planned() | Committed() | Alerted() | Ended() | Unrecognised()
        ):  # fmt: skip
            return event
        case _:
            assert_never(event)


def names_masked(events: Iterable[Event]) -> frozenset[str]:
    """The secrets that stand by reference in the data of these facts."""
    seen = _Names()
    for event in events:
        over_data(event, seen)
    return frozenset(seen.found)


def names_masked_in(request: Request) -> frozenset[str]:
    basic = () if request.basic is None else (request.basic.user, request.basic.password)
    return names_in([request.url, request.body, *(value for _, value in request.headers), *basic])


class _Names:
    """Changes nothing."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def text(self, text: str) -> str:
        self.found |= names_in(text)
        return text

    def value(self, value: Json) -> Json:
        self.found |= names_in(value)
        return value

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        self.found |= names_in(headers)
        return headers

    def request(self, request: Request) -> Request:
        self.found |= names_masked_in(request)
        return request


def _outcome(outcome: Outcome, change: Change) -> Outcome:
    match outcome:
        case Ok():
            return _answer(outcome, change)
        case Refused():
            failure, headers = _failure(outcome.failure, change), _headers(outcome.headers, change)
            return replace(outcome, failure=failure, headers=headers)
        case Unknown():
            failure, headers = _failure(outcome.failure, change), _headers(outcome.headers, change)
            answer = None if outcome.answer is None else _answer(outcome.answer, change)
            return replace(outcome, failure=failure, headers=headers, answer=answer)
        case _:
            assert_never(outcome)


def _headers(headers: dict[str, str] | None, change: Change) -> dict[str, str] | None:
    return None if headers is None else change.headers(headers)


def _answer(answer: Ok, change: Change) -> Ok:
    return replace(
        answer,
        headers=change.headers(answer.headers),
        body=change.value(answer.body),
        misfit=change.text(answer.misfit),
    )


def _failure(failure: Failure, change: Change) -> Failure:
    return replace(
        failure,
        message=change.text(failure.message),
        response=change.value(failure.response),
        reason=change.text(failure.reason),
    )


def _values(values: dict[str, Json], change: Change) -> dict[str, Json]:
    return {name: change.value(value) for name, value in values.items()}


def _texts(texts: dict[str, str], change: Change) -> dict[str, str]:
    return {name: change.text(text) for name, text in texts.items()}
