"""What a step comes to, as later steps see it, as far as anybody described it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from flowdsl.language.workflow import Call, Emit, Group, Multiplied, Step, Uses, WaitFor
from flowdsl.plan.types import (
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

Outputs: TypeAlias = Callable[[Uses], Type]

# Any JSON at all, null said: Anything would swallow the null.
_ANYTHING_OR_NULL = join((Object((), closed=False), ListOf(ANYTHING), TEXT, NUMBER, BOOLEAN, NULL))
_STARTED = Object((("run", TEXT),), required=frozenset({"run"}))


def or_null(given: Type) -> Type:
    return _ANYTHING_OR_NULL if given == ANYTHING else optional(given)


def value_of(step: Step, outputs: Outputs) -> Type:
    """The value of a step that ran. `outputs` tells what a used file comes to."""
    found = _of_one(step, outputs)
    return found if step.for_each is None else _collected(step.for_each, found)


def _collected(each: Multiplied, item: Type) -> Type:
    match each.collect:
        case "first_success":
            return item
        case "settled":
            return ListOf(or_null(item))
        case _:
            return ListOf(item)


def _of_one(step: Step, outputs: Outputs) -> Type:
    match step.verb:
        case Call(fallback=()) | Emit():
            return ANYTHING
        case Call(fallback=fallback):
            return join((ANYTHING, _of_last(fallback, outputs)))
        case Group(kind="steps", steps=steps):
            return ANYTHING if step.broken else _of_last(steps, outputs)
        case WaitFor(schema=schema):
            return from_schema(schema)
        case Uses(detach=True):
            return _STARTED
        case Uses() as uses:
            return outputs(uses)
        case _:
            return ANYTHING if step.broken else NULL


def _of_last(steps: tuple[Step, ...], outputs: Outputs) -> Type:
    if not steps:
        return ANYTHING
    last = steps[-1]
    found = value_of(last, outputs)
    return or_null(found) if last.when is not None or not last.critical else found
