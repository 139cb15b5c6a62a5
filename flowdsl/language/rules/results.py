"""What a step comes to, as later steps see it, as far as anybody described it."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from msgspec import Struct

from flowdsl.language.parse.workflow import (
    CallVerb,
    EmitVerb,
    GroupVerb,
    LocalVerb,
    Step,
    SwitchVerb,
    UsesVerb,
    WaitForVerb,
    WrittenForEach,
    WrittenRequest,
)
from flowdsl.plan.expression.types import (
    ANYTHING,
    BOOLEAN,
    NULL,
    NUMBER,
    TEXT,
    ListOf,
    Object,
    Type,
    from_schema,
    join,
    optional,
)

# Any JSON at all, null said: Anything would swallow the null.
_ANYTHING_OR_NULL = join((Object((), closed=False), ListOf(ANYTHING), TEXT, NUMBER, BOOLEAN, NULL))

_STARTED = Object((("run", TEXT),), required=frozenset({"run"}))


class StepResult(Struct, frozen=True):
    """`outputs`: what a used file comes to; `answers`: what a contract says that a request is answered."""

    outputs: Callable[[UsesVerb], Type]
    answers: Callable[[WrittenRequest], Type]


def or_null(given: Type) -> Type:
    return _ANYTHING_OR_NULL if given == ANYTHING else optional(given)


def value_of(step: Step, told: StepResult) -> Type:
    """The value of a step that ran."""
    found = _of_one(step, told)
    return found if step.for_each is None else _collected(step.for_each, found)


def _collected(each: WrittenForEach, item: Type) -> Type:
    match each.collect:
        case "first_success":
            return item
        case "settled":
            return ListOf(or_null(item))
        case "all" | "quorum":
            return ListOf(item)


def _of_one(step: Step, told: StepResult) -> Type:
    match step.verb:
        case EmitVerb():
            return ANYTHING
        case CallVerb(request=request, fallback=()):
            return told.answers(request)
        case CallVerb(request=request, fallback=fallback):
            return join((told.answers(request), _of_last(fallback, told)))
        case GroupVerb(kind="steps", steps=steps):
            return ANYTHING if step.broken else _of_last(steps, told)
        case WaitForVerb(schema=schema):
            return from_schema(schema)
        case UsesVerb(detach=True):
            return _STARTED
        case UsesVerb() as uses:
            return told.outputs(uses)
        case GroupVerb() | SwitchVerb() | LocalVerb():
            return ANYTHING if step.broken else NULL
        case _:
            assert_never(step.verb)


def _of_last(steps: tuple[Step, ...], told: StepResult) -> Type:
    if not steps:
        return ANYTHING
    last = steps[-1]
    found = value_of(last, told)
    return or_null(found) if last.when is not None or not last.critical else found
