"""A value against a schema: what jsonschema says, bounded, whatever the two hold."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from flowdsl.language.conformance.pattern import Work
from flowdsl.language.conformance.value import STEPS_MAX, Uncheckable, errors_of
from flowdsl.plan.values import Json
from tests.sizes import examples

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
    ({"enum": [1, "a", None, [1, {"b": 2}]]}, [Decimal("1.0"), {"b": Decimal(2)}], 0),
    ({"enum": [1, "a", None]}, True, 1),
    ({"enum": [True]}, 1, 1),
    ({"enum": []}, 1, 1),
    ({"const": {"a": [1]}}, {"a": [Decimal("1.00")]}, 0),
    ({"const": {"a": [1]}}, {"a": [True]}, 1),
    ({"const": 0}, False, 1),
    ({"oneOf": [{"type": "integer"}, {"minimum": 3}]}, 4, 1),
    ({"oneOf": [{"type": "integer"}, {"minimum": 3}]}, 2, 0),
    ({"contains": {"const": 1}, "minContains": 2, "maxContains": 3}, [1], 1),
    ({"contains": {"const": 1}, "minContains": 2, "maxContains": 3}, [1, 2, 1, 1], 0),
    ({"contains": {"const": 1}, "minContains": 2, "maxContains": 3}, [1, 1, 1, 1], 1),
    ({"contains": True, "minContains": 0}, [], 0),
    ({"prefixItems": [True], "items": False}, [1, 2, 3], 1),
    ({"prefixItems": [True], "items": {"type": "string"}}, [1, 2, "a", 3], 2),
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
    ({"items": {"enum": [f"word {n}" for n in range(4_000)]}}, [f"no word {n}" for n in range(60_000)], ""),
    ({"items": {"enum": [[n] for n in range(4_000)]}}, [[-n] for n in range(1, 60_000)], ""),
    ({"items": {"const": list(range(1_000))}}, [list(range(1_000))] * 20_000, "steps"),
    ({"not": {"items": {"anyOf": [{"required": [f"n{n}" for n in range(5_000)]}, True]}}}, [{}] * 5_000, "steps"),
    ({"items": {"properties": {f"n{n}": True for n in range(5_000)}}}, [{}] * 5_000, "steps"),
    ({"items": {"anyOf": [*[False] * 5_000, True]}}, [1] * 5_000, "steps"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "why"), HARD, ids=range(len(HARD)))
def test_no_schema_and_no_value_takes_long(schema: dict[str, Json], value: Json, why: str) -> None:
    begun = time.process_time()
    if why:
        with pytest.raises(Uncheckable, match=why):
            errors_of(schema, value, work=Work(STEPS_MAX // 10))
    else:
        errors_of(schema, value)
    assert time.process_time() - begun < 20


class Loud(list[Json]):
    """A list that nobody may write out: an answer can be large, and its text is made at one go."""

    def __repr__(self) -> str:
        raise AssertionError("written out")


class LoudObject(dict[str, Json]):
    __repr__ = Loud.__repr__


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "null"}, {"enum": [1]}, {"const": 1}, {"minItems": 9}, {"maxItems": 1}, {"not": True},
        {"anyOf": [False, {"type": "null"}]}, {"oneOf": [False, {"type": "null"}]}, {"oneOf": [True, True]},
        {"contains": False}, {"items": False}, {"prefixItems": [True], "items": False}, {"uniqueItems": True},
        {"minProperties": 9}, {"maxProperties": 1}, {"additionalProperties": False}, {"propertyNames": False},
        {"required": ["c"]},
    ],
    ids=str,
)  # fmt: skip
def test_no_value_is_written_out_to_be_checked(schema: dict[str, Json]) -> None:
    inner = Loud([1, 1])
    values: list[Json] = [Loud([inner, inner]), LoudObject({"a": inner, "b": inner})]
    assert any(errors_of(schema, value) for value in values)


def test_a_list_of_values_is_looked_through_once_however_long_it_is() -> None:
    def steps(words: int) -> int:
        work = Work(10**9)
        schema: dict[str, Json] = {"items": {"enum": [f"word {n}" for n in range(words)]}}
        assert errors_of(schema, ["word 1"] * 1_000, work=work) == []
        return 10**9 - work.left

    assert steps(5_000) - steps(50) < 5_000 * 2


def test_a_check_that_is_given_up_ends() -> None:
    work = Work(10**9)
    work.give_up()
    with pytest.raises(Uncheckable):
        errors_of({"type": "string"}, 1, work=work)


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
        "enum": st.lists(JSON, max_size=2), "const": JSON, "required": st.lists(st.sampled_from("ab"), unique=True),
    }),
    lambda inner: st.fixed_dictionaries({}, optional={
        "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
        "patternProperties": st.dictionaries(st.sampled_from(["a", "^b"]), inner, max_size=2),
        "additionalProperties": inner, "items": inner, "not": inner,
        "anyOf": st.lists(inner, min_size=1, max_size=2), "allOf": st.lists(inner, min_size=1, max_size=2),
        "propertyNames": inner, "contains": inner, "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "minContains": st.integers(0, 2), "maxContains": st.integers(0, 2),
        "oneOf": st.lists(inner, min_size=1, max_size=2),
    }),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=examples(150, 300))
@given(SCHEMAS, JSON)
def test_it_agrees_with_the_library(schema: dict[str, Json] | bool, value: Json) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return
    ours = {(tuple(error.absolute_path), error.validator) for error in errors_of(schema, value)}
    theirs = Draft202012Validator(schema).iter_errors(value)
    assert ours == {(tuple(error.absolute_path), error.validator) for error in theirs}
