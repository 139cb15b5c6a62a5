"""A value against a JSON Schema, both given by somebody: bounded, and nothing that they hold makes it fail.

jsonschema does the work, but for the keywords whose cost the value would decide (`language.keywords`): patterns are
matched in linear time (`language.pattern`), a value is looked up among those of an `enum`, no item is compared with every
other, no value is written out, and every keyword looked at is counted.
"""

from __future__ import annotations

from itertools import islice

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from flowdsl.language.conformance.counter import Counter, ValueTooDeep
from flowdsl.language.conformance.keywords import KEYWORDS, Schema, counted
from flowdsl.language.conformance.pattern import TooMuch, Unreadable, Work
from flowdsl.plan.values import Json

STEPS_MAX = 5_000_000  # a letter matched is one, a keyword ten: a few seconds
ERRORS_MAX = 100


def errors_of(
    schema: Schema, value: Json, *, at_most: int = ERRORS_MAX, work: Work | None = None
) -> list[ValidationError]:
    """What the schema does not want. Uncheckable where that cannot be found out."""
    return check(Bounded(schema, registry=Registry()), value, at_most=at_most, work=work)


class Uncheckable(Exception):
    """Why nobody can say whether a value is as the schema wants it."""


def check(
    validator: Draft202012Validator,
    value: Json,
    *,
    at_most: int = ERRORS_MAX,
    work: Work | None = None,
) -> list[ValidationError]:
    """`work`: how much may be done for it, and whether it has been given up meanwhile."""
    counting = validator.evolve(format_checker=Counter(work or Work(STEPS_MAX)))
    try:
        return list(islice(counting.iter_errors(value), at_most))
    except TooMuch:
        raise Uncheckable(f"it takes more than {STEPS_MAX:,} steps") from None
    except (ValueTooDeep, RecursionError):
        raise Uncheckable("the schema is made of itself, or the value is nested too deep") from None
    except Unresolvable as error:
        raise Uncheckable(f"`$ref: {error.ref}` leads nowhere") from None
    except Unreadable as error:
        raise Uncheckable(f"a pattern of it: {error}") from None


Bounded: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        name: counted(name, keyword)
        for name, keyword in {**Draft202012Validator.VALIDATORS, **KEYWORDS}.items()
    },
)
