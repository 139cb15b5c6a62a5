"""Keywords of JSON Schema whose cost, as the library has them, the value would decide; and the count of them all.

A keyword costs its steps, one for each name or schema that it lists, and where it goes through a value one for each of
its items. None of them writes a value out for its message: the text of an answer is made at one go, and nobody reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Protocol, TypeAlias

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from flowdsl.language.conformance.counter import Counter, canonical
from flowdsl.language.conformance.pattern import Work, read_pattern
from flowdsl.plan.values import Json

KEYWORD_STEPS = 10
REFERENCE_STEPS = 200
LISTED_ONCE = frozenset(("enum", "const"))
THROUGH_THE_VALUE = frozenset(
    (
        "additionalProperties",
        "contains",
        "items",
        "patternProperties",
        "propertyNames",
    )
)
UNEVALUATED = frozenset(("unevaluatedItems", "unevaluatedProperties"))  # each is sought in a list

Schema: TypeAlias = "dict[str, Json] | bool"
Errors: TypeAlias = Iterator[ValidationError]


class _Keyword(Protocol):
    def __call__(
        self, validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema, /
    ) -> Errors | None: ...


def _counter_of(validator: Draft202012Validator) -> Counter:
    counter = validator.format_checker
    assert isinstance(counter, Counter), "a validator is used through `check`"
    return counter


def _work_of(validator: Draft202012Validator) -> Work:
    return _counter_of(validator).work


def counted(name: str, keyword: _Keyword) -> _Keyword:
    steps = REFERENCE_STEPS if name in ("$ref", "$dynamicRef") else KEYWORD_STEPS

    def counting(
        validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema
    ) -> Errors:
        counter = _counter_of(validator)
        counter.work.spend(steps)
        if name not in LISTED_ONCE:
            counter.work.spend(_length(wanted))
        if name in THROUGH_THE_VALUE:
            counter.work.spend(_length(value))
        if name in UNEVALUATED:
            counter.work.spend(_length(value) ** 2 // 50)
        with counter.deeper():
            for error in keyword(validator, wanted, value, schema) or ():
                counter.work.spend(KEYWORD_STEPS)
                yield error

    return counting


def _length(value: Json) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _below(
    validator: Draft202012Validator,
    value: Json,
    schema: Json,
    *,
    path: int | str | None = None,
    schema_path: int | str | None = None,
) -> Errors:
    """What a schema within this one does not want; the library would write out what `false` does not."""
    if schema is False:
        _work_of(validator).spend(KEYWORD_STEPS)
        yield ValidationError("nothing is wanted here", validator=None, instance=value)  # type: ignore[arg-type]
    elif isinstance(schema, dict):
        yield from validator.descend(value, schema, path=path, schema_path=schema_path)


def _type(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    kinds = wanted if isinstance(wanted, list) else [wanted]
    if not any(validator.is_type(value, str(kind)) for kind in kinds):
        yield ValidationError("is of another type")


def _enum(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    if isinstance(wanted, list) and not _counter_of(validator).is_one_of(value, wanted):
        yield ValidationError("is none of what is listed")


def _const(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    work = _work_of(validator)
    if canonical(wanted, work) != canonical(value, work):
        yield ValidationError("is another value")


def _size(kind: type[Sized], *, most: bool) -> _Keyword:
    def sized(
        _validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
    ) -> Errors:
        if isinstance(value, kind) and isinstance(wanted, int | Decimal):
            size = len(value)
            if size > wanted if most else size < wanted:
                yield ValidationError("is too long" if most else "is too short")

    return sized


def _any_of(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    fits, misfits = _tried(validator, wanted, value)
    if not fits:
        yield ValidationError("fits none of the schemas", context=misfits)


def _one_of(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    fits, misfits = _tried(validator, wanted, value)
    if not fits:
        yield ValidationError("fits none of the schemas", context=misfits)
    elif not all(any(True for _ in _below(validator, value, each)) for each in fits[1:]):
        yield ValidationError("fits several of the schemas")


def _tried(
    validator: Draft202012Validator, wanted: Json, value: Json
) -> tuple[list[Json], list[ValidationError]]:
    """The first schema that fits with all behind it, and what the ones before do not want."""
    schemas = wanted if isinstance(wanted, list) else []
    misfits: list[ValidationError] = []
    for index, schema in enumerate(schemas):
        errors = list(_below(validator, value, schema, schema_path=index))
        if not errors:
            return schemas[index:], misfits
        misfits += errors
    return [], misfits


def _not(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    if not any(True for _ in _below(validator, value, wanted)):
        yield ValidationError("is what is not wanted")


def _contains(validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema) -> Errors:
    if not isinstance(value, list) or not isinstance(schema, dict):
        return
    least, most = schema.get("minContains", 1), schema.get("maxContains", len(value))
    assert isinstance(least, int | Decimal)
    assert isinstance(most, int | Decimal)
    found = 0
    for item in value:
        found += not any(True for _ in _below(validator, item, wanted))
        if found > most:
            yield ValidationError("too many fit", validator="maxContains", validator_value=most)
            return
    if not found < least:
        return
    if found:
        yield ValidationError("too few fit", validator="minContains", validator_value=least)
    else:
        yield ValidationError("none fits")


def _items(validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema) -> Errors:
    if not isinstance(value, list) or not isinstance(schema, dict):
        return
    before = _length(schema.get("prefixItems"))
    if wanted is False and len(value) > before:
        yield ValidationError("has more items than are described")
    elif isinstance(wanted, dict):
        for index in range(before, len(value)):
            yield from validator.descend(value[index], wanted, path=index)


def _prefix_items(
    validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
) -> Errors:
    if isinstance(value, list) and isinstance(wanted, list):
        for index, (item, schema) in enumerate(zip(value, wanted, strict=False)):
            yield from _below(validator, item, schema, path=index, schema_path=index)


def _properties(
    validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
) -> Errors:
    if isinstance(value, dict) and isinstance(wanted, dict):
        for name, schema in wanted.items():
            if name in value:
                yield from _below(validator, value[name], schema, path=name, schema_path=name)


def _all_of(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    for index, schema in enumerate(wanted if isinstance(wanted, list) else ()):
        yield from _below(validator, value, schema, schema_path=index)


def _if(validator: Draft202012Validator, wanted: Json, value: Json, schema: Schema) -> Errors:
    assert isinstance(schema, dict)
    way = "then" if not any(True for _ in _below(validator, value, wanted)) else "else"
    yield from _below(validator, value, schema.get(way, True), schema_path=way)


def _pattern(validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema) -> Errors:
    if isinstance(value, str) and not _matches(validator, wanted, value):
        yield ValidationError(f"{value!r:.100} does not match {wanted!r}")


def _pattern_properties(
    validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
) -> Errors:
    if isinstance(wanted, dict) and isinstance(value, dict):
        for pattern, below in wanted.items():
            for name, item in value.items():
                if _matches(validator, pattern, name):
                    yield from _below(validator, item, below, path=name, schema_path=pattern)


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
        work = _work_of(validator)
        if len({canonical(item, work) for item in value}) < len(value):
            yield ValidationError("an item stands in it twice")


def _multiple_of(
    _validator: Draft202012Validator, wanted: Json, value: Json, _schema: Schema
) -> Errors:
    """Exact, whatever the size: the remainder of two decimals has a limit of its own."""
    if is_number(wanted) and is_number(value) and wanted:
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


def is_number(value: Json) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


KEYWORDS: Mapping[str, _Keyword] = MappingProxyType(
    {
        "type": _type,
        "enum": _enum,
        "const": _const,
        "minItems": _size(list, most=False),
        "maxItems": _size(list, most=True),
        "minLength": _size(str, most=False),
        "maxLength": _size(str, most=True),
        "minProperties": _size(dict, most=False),
        "maxProperties": _size(dict, most=True),
        "anyOf": _any_of,
        "oneOf": _one_of,
        "not": _not,
        "allOf": _all_of,
        "if": _if,
        "contains": _contains,
        "items": _items,
        "prefixItems": _prefix_items,
        "properties": _properties,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
        "format": _nothing,
    }
)
