"""A value against what a contract says of it: a response at run time, and what a call spells out before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import islice

from jsonschema import Draft202012Validator, TypeChecker
from jsonschema.validators import extend
from referencing import Registry

from flowdsl.language.conformance.pattern import Work
from flowdsl.language.conformance.value import Bounded, Uncheckable, check
from flowdsl.language.conformance.words import must, where
from flowdsl.language.openapi.contract import Operation, Response, Schema
from flowdsl.language.openapi.portable import portable
from flowdsl.plan.values import Json

LIMIT_MESSAGES = 5
LIMIT_VALIDATORS = 512


def validate(operation: Operation, status: int, body: Json, work: Work | None = None) -> list[str]:
    """What is not as described, at most a few; nothing where nothing is described, or the work does not suffice.
    Formats are not looked at.
    """
    response = response_for(operation, status)
    if response is None:
        if operation.responses and 200 <= status < 300:
            described = ", ".join(item.status for item in operation.responses)
            return [f"the status is {status}, and described are {described}"]
        return []
    if response.schema is None:
        return []
    return list(islice(_messages(response.schema, body, work), LIMIT_MESSAGES))


def response_for(operation: Operation, status: int) -> Response | None:
    """The most exact of what is described: the status, its hundred, the default."""
    for name in (str(status), f"{status // 100}XX", "default"):
        for response in operation.responses:
            if response.status == name:
                return response
    return None


def scalar_problem(schema: Schema, value: Json) -> str | None:
    """Why a text, number, true, false or null is not what the schema wants."""
    try:
        errors = check(_scalar_validator(schema), value, at_most=1)
    except Uncheckable:
        return None
    return must(errors[0]) if errors else None


def _messages(schema: Schema, body: Json, work: Work | None = None) -> Iterator[str]:
    try:
        errors = check(_validator(schema), body, at_most=LIMIT_MESSAGES, work=work)
    except Uncheckable:  # made of itself, nested beyond reason, or the work of hours
        return
    for error in errors:
        path = where(error)
        yield f"{f'`{path}`' if path else 'the body'} {must(error)}"


def _is_whole(_checker: TypeChecker, value: object) -> bool:
    """2.0 is a whole number too; jsonschema knows that of floats only, and ours are decimals."""
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Bounded,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_whole),
)


@lru_cache(maxsize=LIMIT_VALIDATORS)
def _validator(schema: Schema) -> Draft202012Validator:
    """Kept by the schema itself: a contract holds one for each response."""
    return _Validator(portable(schema), registry=Registry())


def _scalar_validator(schema: Schema) -> Draft202012Validator:
    return _Validator(portable(schema, scalars_only=True), registry=Registry())
