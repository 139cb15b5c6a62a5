"""Types: what a JSON Schema says of a value, and how types combine."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.expression.types import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    NULL,
    NUMBER,
    SECRET,
    TEXT,
    ListOf,
    Object,
    ScalarType,
    Type,
    Union,
    describe,
    from_schema,
    join,
    may_be_null,
    optional,
    surely_equal,
    type_of,
    widen,
    without_null,
)
from flowdsl.plan.values import Json

OPEN = Object((), closed=False)


def fields(closed: bool = True, required: tuple[str, ...] = (), **kept: Type) -> Object:
    return Object(tuple(kept.items()), closed, frozenset(required))


SCHEMAS: list[tuple[Json, Type]] = [
    (None, ANYTHING),
    (True, ANYTHING),
    ({}, ANYTHING),
    ({"$ref": "#/x", "type": "string"}, ANYTHING),
    ({"type": "mystery"}, ANYTHING),
    ({"type": 3}, ANYTHING),
    ({"type": "string"}, TEXT),
    ({"type": "integer"}, INTEGER),
    ({"type": "number"}, NUMBER),
    ({"type": "boolean"}, BOOLEAN),
    ({"type": "null"}, NULL),
    ({"type": "string?"}, Union((TEXT, NULL))),
    ({"type": ["string", "null"]}, Union((TEXT, NULL))),
    ({"type": "string", "nullable": True}, Union((TEXT, NULL))),
    ({"type": "string", "secret": True}, SECRET),
    ({"type": "array"}, ListOf(ANYTHING)),
    ({"type": "array", "items": {"type": "string"}}, ListOf(TEXT)),
    ({"type": "object"}, OPEN),
    ({"type": "object", "additionalProperties": False}, Object(())),
    ({"properties": {"a": {"type": "string"}}}, fields(a=TEXT)),
    (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        fields(closed=False, a=ANYTHING),
    ),
    (
        {"type": "object", "properties": {"a": {}}, "patternProperties": {}},
        fields(closed=False, a=ANYTHING),
    ),
    (
        {
            "type": "object",
            "required": ["a", 3],
            "properties": {"a": {"type": "string"}, "b": {"default": 1}, "c": True},
        },
        fields(required=("a", "b"), a=TEXT, b=ANYTHING, c=ANYTHING),
    ),
    ({"const": "a"}, ScalarType("text", ("a",))),
    (
        {"enum": ["a", 1, None]},
        Union((ScalarType("text", ("a",)), ScalarType("integer", (1,)), NULL)),
    ),
    ({"enum": list(range(50)), "type": "integer"}, INTEGER),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, Union((TEXT, NULL))),
    ({"oneOf": [{"type": "string"}, {}]}, ANYTHING),
    ({"oneOf": [{"required": ["a"]}], "properties": {"a": {}}}, fields(a=ANYTHING)),
    ({"allOf": [{"type": "string"}]}, TEXT),
    ({"allOf": [{"type": "string"}, {"type": "object"}]}, ANYTHING),
    (
        {
            "properties": {"a": {"type": "string"}},
            "allOf": [{"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
        },
        fields(required=("b",), a=TEXT, b=INTEGER),
    ),
]


@pytest.mark.parametrize(("schema", "expected"), SCHEMAS, ids=[str(case[0]) for case in SCHEMAS])
def test_a_schema_describes_a_type_and_silence_is_anything(schema: Json, expected: Type) -> None:
    assert from_schema(schema) == expected


def test_a_schema_nested_without_end_ends_in_anything() -> None:
    schema: Json = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}

    found = from_schema(schema)
    levels = 0
    while isinstance(found, ListOf):
        found, levels = found.item, levels + 1

    assert (found, levels) == (ANYTHING, 32)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((), ANYTHING),
        ((TEXT,), TEXT),
        ((TEXT, TEXT), TEXT),
        ((TEXT, ANYTHING), ANYTHING),
        ((NULL, ANYTHING), Union((ANYTHING, NULL))),
        ((Union((TEXT, NULL)), NUMBER), Union((TEXT, NULL, NUMBER))),
        ((ScalarType("text", ("a",)), TEXT), TEXT),
        ((ScalarType("text", ("a",)), ScalarType("text", ("b",))),
         Union((ScalarType("text", ("a",)), ScalarType("text", ("b",))))),
        (tuple(ScalarType("integer", (number,)) for number in range(20)), ANYTHING),
    ],
)  # fmt: skip
def test_join_is_flat_and_anything_swallows_all_but_null(
    types: tuple[Type, ...], expected: Type
) -> None:
    assert join(types) == expected


def test_null_is_added_and_taken_away() -> None:
    for given_type in (TEXT, ANYTHING, ListOf(TEXT), OPEN):
        assert may_be_null(optional(given_type))
        assert not may_be_null(given_type)
        assert without_null(optional(given_type)) == given_type


@pytest.mark.parametrize(
    ("given_type", "words"),
    [
        (ANYTHING, "anything"),
        (NULL, "null"),
        (BOOLEAN, "true or false"),
        (SECRET, "a secret"),
        (ListOf(ANYTHING), "a list"),
        (ListOf(NUMBER), "a list of numbers"),
        (ListOf(TEXT), "a list of texts"),
        (ListOf(ListOf(TEXT)), "a list of lists"),
        (ListOf(OPEN), "a list of objects"),
        (ListOf(optional(TEXT)), "a list of (text or null)"),
        (OPEN, "an object"),
        (Union((TEXT, INTEGER, NULL)), "text, a whole number or null"),
        (Union((ScalarType("text", ("a",)), ScalarType("text", ("b",)))), "text"),
    ],
)
def test_a_type_is_described_in_words(given_type: Type, words: str) -> None:
    assert describe(given_type) == words


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (TEXT, NUMBER, False),
        (INTEGER, NUMBER, None),
        (BOOLEAN, INTEGER, False),
        (ANYTHING, TEXT, None),
        (optional(TEXT), NUMBER, False),
        (optional(TEXT), NULL, None),
        (NULL, NULL, True),
        (optional(ANYTHING), NULL, None),
        (OPEN, OPEN, None),
        (ScalarType("text", ("a",)), ScalarType("text", ("a",)), True),
        (ScalarType("text", ("a",)), ScalarType("text", ("b",)), False),
        (ScalarType("text", ("a", "b")), ScalarType("text", ("b",)), None),
    ],
)
def test_equality_is_decided_only_where_it_is_sure(
    left: Type, right: Type, expected: bool | None
) -> None:
    assert surely_equal(left, right) is expected
    assert surely_equal(right, left) is expected


VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(Decimal("1.5")) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_values_that_are_equal_never_have_types_that_are_surely_not(one: Json, other: Json) -> None:
    assert surely_equal(type_of(one), type_of(one)) is not False
    assert surely_equal(widen(type_of(one)), join((type_of(one), type_of(other)))) is not False
    assert describe(type_of(one))
