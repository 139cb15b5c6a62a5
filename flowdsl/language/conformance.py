"""A value against a JSON Schema, both given by somebody: bounded, and nothing that they hold makes it fail.

jsonschema does the work, but for the keywords whose cost the value would decide: patterns are matched in linear time
(`language.pattern`), `uniqueItems` compares no item with every other, and every keyword looked at is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Protocol, TypeAlias

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from flowdsl.language.pattern import TooMuch, Unreadable, Work, read_pattern
from flowdsl.plan.values import Json

STEPS_MAX = 5_000_000  # a letter matched is one, a keyword as many as below: a few seconds
KEYWORD_STEPS = 10
REFERENCE_STEPS = 200
DEPTH_MAX = (
    205  # keywords in keywords, four frames each: at Python's own limit a library below may panic
)
ERRORS_MAX = 100

Schema: TypeAlias = "dict[str, Json] | bool"
Errors: TypeAlias = Iterator[ValidationError]


def errors_of(schema: Schema, value: Json, *, at_most: int = ERRORS_MAX) -> list[ValidationError]:
    """What the schema does not want. Uncheckable where that cannot be found out."""
    return check(Bounded(schema, registry=Registry()), value, at_most=at_most)


class Uncheckable(Exception):
    """Why nobody can say whether a value is as the schema wants it."""


class TooDeep(Exception):
    """More keywords stand in each other than DEPTH_MAX."""


def check(
    validator: Draft202012Validator, value: Json, *, at_most: int = ERRORS_MAX
) -> list[ValidationError]:
    counting = validator.evolve(format_checker=_Counter(Work(STEPS_MAX)))
    try:
        return list(islice(counting.iter_errors(value), at_most))
    except TooMuch:
        raise Uncheckable(f"it takes more than {STEPS_MAX:,} steps") from None
    except (TooDeep, RecursionError):
        raise Uncheckable("the schema is made of itself, or the value is nested too deep") from None
    except Unresolvable as error:
        raise Uncheckable(f"`$ref: {error.ref}` leads nowhere") from None
    except Unreadable as error:
        raise Uncheckable(f"a pattern of it: {error}") from None


class _Counter(FormatChecker):
    """Goes wherever the validator goes. Formats are not looked at, so its place is free."""

    def __init__(self, work: Work) -> None:
        super().__init__(())
        self.work = work
        self.depth = 0
        self.lists: dict[int, frozenset[object]] = {}  # by the identity of an `enum`

    @contextmanager
    def deeper(self) -> Iterator[None]:
        if self.depth == DEPTH_MAX:
            raise TooDeep
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


class _Keyword(Protocol):
    def __call__(
        self, validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema, /
    ) -> Errors | None: ...


def _counter_of(validator: Draft202012Validator) -> _Counter:
    counter = validator.format_checker
    assert isinstance(counter, _Counter), "a validator is used through `check`"
    return counter


def _work_of(validator: Draft202012Validator) -> Work:
    return _counter_of(validator).work


def _counted(name: str, keyword: _Keyword) -> _Keyword:
    steps = REFERENCE_STEPS if name in ("$ref", "$dynamicRef") else KEYWORD_STEPS

    def counting(
        validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema
    ) -> Errors:
        _work_of(validator).spend(steps)
        with _counter_of(validator).deeper():
            yield from keyword(validator, wanted, value, schema) or ()

    return counting


def _pattern(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    if isinstance(value, str) and not _matches(validator, wanted, value):
        yield ValidationError(f"{value!r:.100} does not match {wanted!r}")


def _pattern_properties(
    validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
) -> Errors:
    if isinstance(wanted, dict) and isinstance(value, dict):
        for pattern, below in wanted.items():
            for name, item in value.items():
                if isinstance(below, dict | bool) and _matches(validator, pattern, name):
                    yield from validator.descend(item, below, path=name, schema_path=pattern)


def _additional_properties(
    validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema
) -> Errors:
    if not isinstance(value, dict) or not isinstance(schema, dict):
        return
    listed, patterns = schema.get("properties"), schema.get("patternProperties")
    known = listed if isinstance(listed, dict) else {}
    others = [
        name
        for name in value
        if name not in known
        and not any(_matches(validator, pattern, name) for pattern in _names(patterns))
    ]
    for name in others if wanted is not False else others[:1]:
        if wanted is False:
            yield ValidationError(f"{name!r:.100} was unexpected")
        elif isinstance(wanted, dict):
            yield from validator.descend(value[name], wanted, path=name)


def _unevaluated_properties(
    validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema
) -> Errors:
    """The library would look for patterns on its own; where there are any, nothing is asserted."""
    if not _has_patterns(schema):
        keyword = Draft202012Validator.VALIDATORS["unevaluatedProperties"]
        yield from keyword(validator, wanted, value, schema) or ()


def _unique_items(
    validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
) -> Errors:
    if wanted is True and isinstance(value, list):
        _work_of(validator).spend(len(value))
        if len({_canonical(item) for item in value}) < len(value):
            yield ValidationError("an item stands in it twice")


def _enum(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    """Looked up, and not compared with one after the other."""
    words = wanted if isinstance(wanted, list) else []
    if _canonical(value) not in _known(validator, words):
        yield ValidationError("it is none of the values there are")


def _known(validator: Draft202012Validator, words: list[Json]) -> frozenset[object]:
    lists = _counter_of(validator).lists
    if id(words) not in lists:
        _work_of(validator).spend(len(words))
        lists[id(words)] = frozenset(map(_canonical, words))
    return lists[id(words)]


def _multiple_of(
    _validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
) -> Errors:
    """Exact, whatever the size: the remainder of two decimals has a limit of its own."""
    if _is_number(wanted) and _is_number(value) and wanted:
        assert isinstance(wanted, int | Decimal)
        assert isinstance(value, int | Decimal)
        if (Fraction(value) / Fraction(wanted)).denominator != 1:
            yield ValidationError(f"{value!s:.100} is not a multiple of {wanted}")


def _nothing(
    _validator: Draft202012Validator, _wanted: Json, _value: Json, _schema: Schema
) -> Errors | None:
    return None


def _matches(validator: Draft202012Validator, pattern: Json, text: str) -> bool:
    return isinstance(pattern, str) and read_pattern(pattern).is_in(text, _work_of(validator))


def _names(value: Json) -> Iterator[str]:
    yield from value if isinstance(value, dict) else ()


def _has_patterns(schema: Json) -> bool:
    match schema:
        case dict():
            return "patternProperties" in schema or any(map(_has_patterns, schema.values()))
        case list():
            return any(map(_has_patterns, schema))
        case _:
            return False


def _canonical(value: Json) -> object:
    """The same for values that are equal in JSON, where 1 is 1.0 and no truth is a number."""
    match value:
        case dict():
            return frozenset((name, _canonical(item)) for name, item in value.items())
        case list():
            return ("list", *map(_canonical, value))
        case bool() | None | str():
            return (type(value), value)
        case int() | Decimal():
            return Decimal(value)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


Bounded: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        name: _counted(name, keyword)
        for name, keyword in {
            **Draft202012Validator.VALIDATORS,
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
            "unevaluatedProperties": _unevaluated_properties,
            "uniqueItems": _unique_items,
            "multipleOf": _multiple_of,
            "enum": _enum,
            "format": _nothing,
        }.items()
    },
)
