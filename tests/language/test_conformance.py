"""A value against a schema: what jsonschema says, bounded, whatever the two hold."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from flowdsl.language.conformance import Uncheckable, errors_of
from flowdsl.plan.values import Json

CASES: list[tuple[dict[str, Json], Json, int]] = [
    ({"pattern": "^a+$"}, "aaa", 0),
    ({"pattern": "^a+$"}, "aab", 1),
    ({"pattern": "^a+$"}, 7, 0),
    ({"patternProperties": {"^x": {"type": "integer"}}}, {"x1": 1, "x2": "b", "y": "c"}, 1),
    ({"patternProperties": {"^x": True}, "additionalProperties": False}, {"x": 1}, 0),
    ({"patternProperties": {"^x": True}, "additionalProperties": False}, {"x": 1, "y": 2}, 1),
    ({"properties": {"a": True}, "additionalProperties": {"type": "null"}}, {"a": 1, "b": None, "c": 1}, 1),
    ({"additionalProperties": False}, [1], 0),
    ({"unevaluatedProperties": False, "properties": {"a": True}}, {"a": 1, "b": 1}, 1),
    ({"unevaluatedProperties": False, "allOf": [{"patternProperties": {"a": True}}]}, {"b": 1}, 0),
    ({"uniqueItems": True}, [1, 2, "1", True, None, [1], {"a": 1}, 0, False], 0),
    ({"uniqueItems": True}, [1, Decimal("1.0")], 1),
    ({"uniqueItems": True}, [{"a": 1, "b": [2]}, {"b": [Decimal("2.0")], "a": 1}], 1),
    ({"uniqueItems": False}, [1, 1], 0),
    ({"multipleOf": Decimal("0.1")}, Decimal("1e40"), 0),
    ({"multipleOf": Decimal("0.01")}, Decimal("19.99"), 0),
    ({"multipleOf": Decimal("0.01")}, Decimal("19.999"), 1),
    ({"multipleOf": 7}, 10**4000, 1),
    ({"multipleOf": 0}, 1, 0),
    ({"multipleOf": 2}, True, 0),
    ({"format": "email"}, "no mail", 0),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "errors"), CASES)
def test_what_the_schema_wants(schema: dict[str, Json], value: Json, errors: int) -> None:
    assert len(errors_of(schema, value)) == errors


def doubling(levels: int) -> dict[str, Json]:
    """2^levels ways through a schema of a few lines."""
    definitions: dict[str, Json] = {
        f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]}
        for n in range(levels)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{levels}": {"type": "integer"}}}


HARD: list[tuple[dict[str, Json], Json, str]] = [
    (doubling(40), 1, "steps"),
    ({"items": {"items": {"type": "integer"}}}, [[1] * 2000] * 1000, "steps"),
    ({"uniqueItems": True}, [{"n": n} for n in range(40_000)], ""),
    ({"pattern": "^(a+)+$"}, "a" * 40_000 + "!", ""),
    ({"additionalProperties": False, "patternProperties": {"^(a+)+$": True}}, {"a" * 40_000 + "!": 1}, ""),
    ({"unevaluatedProperties": False, "patternProperties": {"^(a+)+$": True}}, {"a" * 28 + "!": 1}, ""),
    ({"$ref": "#"}, 1, "made of itself"),
    ({"$ref": "#/$defs/nowhere"}, 1, "leads nowhere"),
    ({"$ref": "https://example.com/schema"}, 1, "leads nowhere"),
    ({"pattern": "(?=a)"}, "a", "looking ahead"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "why"), HARD, ids=range(len(HARD)))
def test_no_schema_and_no_value_takes_long(schema: dict[str, Json], value: Json, why: str) -> None:
    begun = time.process_time()
    if why:
        with pytest.raises(Uncheckable, match=why):
            errors_of(schema, value)
    else:
        errors_of(schema, value)
    assert time.process_time() - begun < 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", "ab", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "ab"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
SCHEMAS = st.recursive(
    st.booleans()
    | st.fixed_dictionaries({}, optional={
        "type": st.sampled_from(["string", "integer", "object", "array", "null"]),
        "pattern": st.sampled_from(["a", "^b", "a$", "^(a|b)*$"]),
        "minLength": st.integers(0, 2), "uniqueItems": st.booleans(), "multipleOf": st.integers(1, 3),
        "enum": st.lists(JSON, max_size=2), "required": st.lists(st.sampled_from("ab"), unique=True),
    }),
    lambda inner: st.fixed_dictionaries({}, optional={
        "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["a", "^b"]), inner, max_size=2),
        "additionalProperties": inner, "items": inner, "not": inner,
        "anyOf": st.lists(inner, min_size=1, max_size=2), "allOf": st.lists(inner, min_size=1, max_size=2),
        "propertyNames": inner, "contains": inner,
    }),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=300)
@given(SCHEMAS, JSON)
def test_it_agrees_with_the_library(schema: dict[str, Json] | bool, value: Json) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return
    ours = {(tuple(error.absolute_path), error.validator) for error in errors_of(schema, value)}
    theirs = Draft202012Validator(schema).iter_errors(value)
    assert ours == {(tuple(error.absolute_path), error.validator) for error in theirs}
