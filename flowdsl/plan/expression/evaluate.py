"""Evaluating an expression: total and bounded.

Whatever the expression and whatever the data, the answer is a value or an `EvaluationError`, and it
comes within a budget of operations and of room.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flowdsl.plan.expression.budget import Frame, Value
from flowdsl.plan.expression.fault import EvaluationError, Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowdsl.plan.expression.compiled import Expression
    from flowdsl.plan.values import Json, Secret

__all__ = ["EvaluationError", "evaluate"]

MAXIMUM_OPERATIONS = 100_000
MAXIMUM_SIZE = 1 << 20  # characters and elements


def evaluate(
    expression: Expression,
    scope: Mapping[str, Json],
    *,
    operations: int = MAXIMUM_OPERATIONS,
    size: int = MAXIMUM_SIZE,
) -> Json | Secret:
    """The value of the expression over the names in `scope`; secrets in it stay references."""
    frame = Frame(cast("Mapping[str, Value]", scope), operations - expression.cost, size)
    try:
        frame.spend(0)
        value = expression.run(frame)
        if isinstance(value, str | list | dict):
            _check_size(value, size)
    except EvaluationError as error:
        error.text, error.span = expression.text, expression.span
        raise
    except Fault as fault:
        raise _error(str(fault), expression) from None
    except RecursionError:
        raise _error("these data are nested too deeply", expression) from None
    except (ArithmeticError, ValueError):
        raise _error("these values cannot be computed with", expression) from None
    return cast("Json | Secret", value)


def _check_size(value: Value, size: int) -> None:
    """One value may stand in a result many times: it counts each time."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        match one:
            case str():
                size -= len(one)
            case list():
                size -= len(one)
            case dict():
                size -= len(one) + sum(map(len, one))
        if size < 0:
            raise Fault("the result is larger than an expression may make")
        match one:
            case list():
                waiting.extend(one)
            case dict():
                waiting.extend(one.values())


def _error(message: str, expression: Expression) -> EvaluationError:
    length = max(1, len(expression.text))
    return EvaluationError(message, 0, length, expression.text, expression.span)
