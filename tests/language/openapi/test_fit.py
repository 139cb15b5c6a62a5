"""What is certain to be wrong is told, and nothing that a validator would let pass."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.language.openapi.contract import Document, Operation, Response, Schema
from flowdsl.language.openapi.finding import Finding, Verdict
from flowdsl.language.openapi.fit import fit, fit_as_text
from flowdsl.language.openapi.pointer import Unresolved, follow, look_up
from flowdsl.language.openapi.response import validate
from flowdsl.language.openapi.types import type_of_schema
from flowdsl.language.openapi.value import Value, judge, judge_text
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
    join,
    type_of,
)
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Items, Text
from flowdsl.plan.values import Json

FITS, UNKNOWN = Verdict.FITS, Verdict.UNKNOWN
COLORS = join((ScalarType("text", ("red",)), ScalarType("text", ("blue",))))
LINE = Object((("item", INTEGER), ("note", TEXT)), required=frozenset({"item"}))


@pytest.mark.parametrize(
    ("given_type", "wanted", "answer"),
    [
        (TEXT, TEXT, FITS),
        (SECRET, TEXT, FITS),
        (SECRET, INTEGER, "must be a whole number, not a secret"),
        (INTEGER, NUMBER, FITS),
        (NUMBER, INTEGER, UNKNOWN),
        (ScalarType("number", (Decimal("1.5"),)), INTEGER, "must be a whole number"),
        (ScalarType("number", (Decimal("2.0"),)), INTEGER, FITS),
        (TEXT, INTEGER, "must be a whole number, not text"),
        (BOOLEAN, join((TEXT, NULL)), "must be text or null, not true or false"),
        (ANYTHING, TEXT, UNKNOWN),
        (TEXT, ANYTHING, UNKNOWN),
        (join((TEXT, NULL)), TEXT, "must be text, and may be null"),
        (join((TEXT, NULL)), join((TEXT, NULL)), FITS),
        (join((ANYTHING, NULL)), TEXT, "must be text, and may be null"),
        (join((TEXT, INTEGER)), TEXT, UNKNOWN),
        (join((BOOLEAN, INTEGER)), TEXT, "must be text, not true or false or a whole number"),
        (TEXT, COLORS, UNKNOWN),
        (ScalarType("text", ("green",)), COLORS, "must be `red` or `blue`"),
        (ScalarType("text", ("green",)), ScalarType("text", ("red",)), "must be `red`"),
        (ScalarType("text", ("red",)), COLORS, FITS),
        (ListOf(TEXT), ListOf(TEXT), FITS),
        (
            ListOf(TEXT),
            ListOf(INTEGER),
            "holds what does not fit: each item must be a whole number, not text",
        ),
        (ListOf(ANYTHING), ListOf(INTEGER), UNKNOWN),
        (Object((("item", INTEGER),), required=frozenset({"item"})), LINE, FITS),
        (Object(()), LINE, "must have the field `item`, and has not"),
        (Object((), closed=False), LINE, UNKNOWN),
        (Object((("item", INTEGER),)), LINE, UNKNOWN),
        (
            Object((("item", TEXT),)),
            LINE,
            "has a field `item` that must be a whole number, not text",
        ),
        (
            Object((("item", INTEGER), ("more", TEXT)), required=frozenset({"item", "more"})),
            LINE,
            "must not have the field `more`, and has it",
        ),
        (
            Object((("item", INTEGER), ("more", TEXT)), required=frozenset({"item"})),
            LINE,
            UNKNOWN,
        ),
    ],
)
def test_a_value_that_goes_out_as_json(given_type: Type, wanted: Type, answer: object) -> None:
    assert fit(given_type, wanted) == answer


@pytest.mark.parametrize(
    ("given_type", "wanted", "answer"),
    [
        (INTEGER, TEXT, FITS),
        (join((INTEGER, NULL)), TEXT, FITS),
        (TEXT, INTEGER, UNKNOWN),
        (NUMBER, INTEGER, UNKNOWN),
        (INTEGER, NUMBER, FITS),
        (INTEGER, COLORS, UNKNOWN),
        (BOOLEAN, INTEGER, "must be a whole number, not true or false"),
        (ListOf(TEXT), TEXT, "must be text, not a list of texts"),
        (ListOf(TEXT), ListOf(TEXT), UNKNOWN),
        (ANYTHING, TEXT, UNKNOWN),
        (TEXT, ANYTHING, UNKNOWN),
    ],
)
def test_a_value_that_goes_out_as_text(given_type: Type, wanted: Type, answer: object) -> None:
    assert fit_as_text(given_type, wanted) == answer


SCALARS = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "a", "b", "7"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
KINDS = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def _with(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    fields = st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    parts = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": KINDS | st.lists(KINDS, min_size=1, max_size=3),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "properties": fields,
            "required": st.lists(st.sampled_from("abc"), max_size=2),
            "additionalProperties": st.booleans(),
            "items": inner,
            "anyOf": parts,
            "allOf": parts,
            "minimum": st.integers(-2, 3),
            "minLength": st.integers(0, 2),
            "$ref": st.just("#/x"),
        },
    ).map(_typed)


def _typed(drawn: dict[str, object]) -> Json:
    """By the letter `properties` alone lets anything pass that is not an object; here it is taken as its author meant it."""
    node = cast("dict[str, Json]", drawn)
    if "type" not in node and node.keys() & {"properties", "items", "additionalProperties"}:
        return {**node, "type": "array" if "items" in node else "object"}
    return node


SCHEMAS = st.recursive(
    st.just({}) | st.builds(lambda kind: {"type": kind}, KINDS), _with, max_leaves=6
)


@given(SCHEMAS, SCHEMAS, VALUES, st.booleans())
def test_nothing_that_a_validator_lets_pass_is_refused(
    schema: Json, other: Json, value: Json, is_3_0: bool
) -> None:
    wanted = Schema(Document({"x": other}, is_3_0=is_3_0), schema)
    operation = Operation("o", "GET", "/o", responses=(Response("200", wanted),))
    if not validate(operation, 200, value):
        answer = fit(type_of(value), type_of_schema(wanted, "sent"))
        assert not isinstance(answer, str), (answer, json.dumps(schema))
        judged = judge(Value("v", Constant(value), Span(1, 1)), wanted, lambda _: ANYTHING)
        refused = [one for one in judged if isinstance(one, Finding) and one.code != "F096"]
        assert refused == []


def schema(node: Json) -> Schema:
    return Schema(Document({}), node)


def test_a_literal_list_or_object_is_walked_as_if_it_were_written_out() -> None:
    wanted = schema(
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}
    )
    value = Value("", Constant({"a": ["x", 7]}), Span(3, 5))
    findings = [one for one in judge(value, wanted, lambda _: ANYTHING) if isinstance(one, Finding)]
    assert [(one.message, one.span) for one in findings] == [
        ("`a[1]` must be text, not 7", Span(3, 5)),
    ]


def test_an_object_out_of_a_list_of_objects_is_not_looked_into() -> None:
    wanted = schema({"type": ["object", "array"], "enum": [{"a": 1}, [1]]})
    for template in (Constant({"b": 2}), Items(())):
        assert judge(Value("", template, Span(1, 1)), wanted, lambda _: ANYTHING) == [UNKNOWN]


@pytest.mark.parametrize(
    ("literal", "fits"),
    [("true", True), (True, True), ("TRUE", False), ("nan", False), ("1_0", False), (None, False)],
)
def test_a_literal_text_is_read_as_what_it_spells(literal: Json, fits: bool) -> None:
    value = Value("x", Constant(literal), Span(1, 1))
    answer = judge_text(value, schema({"type": ["boolean", "integer"]}), lambda _: ANYTHING)
    assert (answer is FITS) == fits


def test_a_list_is_no_text() -> None:
    value = Value("x", Items(()), Span(1, 1))
    answer = judge_text(value, schema({"type": "string"}), lambda _: ANYTHING)
    assert isinstance(answer, Finding)
    mixed = Value("x", Text(("a", "b")), Span(1, 1))
    assert judge_text(mixed, schema({"type": "string"}), lambda _: ANYTHING) is FITS


def test_a_reference_is_followed_by_its_pointer() -> None:
    root: Json = {"a/b": [{"~": 1}], "way": {"$ref": "#/a~1b/0/~0"}}
    assert look_up(root, "#/a~1b/0/~0") == 1
    assert follow(Document(root), {"$ref": "#/way"}) == 1
    assert look_up(root, "#") is root
    with pytest.raises(Unresolved):
        look_up(root, "#/a~1b/1")
