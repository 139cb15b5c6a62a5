"""The inputs of a run against the declared ones: every problem at once, and texts read by type."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.language import InputProblem, Source, from_text, read_inputs
from flowdsl.language.inputs import problems_of
from flowdsl.language.load import load
from flowdsl.plan.json import from_bytes
from flowdsl.plan.nodes import Input
from flowdsl.plan.values import Json

INPUTS = load(
    Source(
        "w.yaml",
        """
flowdsl: 1
inputs:
  flight: string
  nights: { type: integer, default: 1, minimum: 1, maximum: 30 }
  email: string?
  size: { type: string?, enum: [small, large] }
  price: number?
  tags: { type: array?, items: { type: string, maxLength: 5, minLength: 2 }, minItems: 1, maxItems: 2 }
  guest:
    type: object?
    required: [name]
    additionalProperties: false
    properties: { name: { type: string, pattern: "^[A-Z]" }, age: { type: [integer, "null"] } }
  agreed: boolean?
  fixed: { type: string?, const: x }
  over: { type: number?, exclusiveMinimum: 0, exclusiveMaximum: 1 }
  unlike: { type: array?, uniqueItems: true }
  otp: { type: integer?, secret: true }
steps: [{ wait: 1s }]
""",
    )
).inputs
NAMES = {declared.name: declared for declared in INPUTS}


def test_defaults_are_filled_in_and_what_is_left_out_is_null() -> None:
    values = read_inputs(INPUTS, {"flight": "LH-1"})
    assert isinstance(values, dict)
    assert values["flight"] == "LH-1"
    assert values["nights"] == 1
    assert set(values) == set(NAMES)
    assert values["email"] is None


def test_every_problem_is_reported_at_once() -> None:
    problems = read_inputs(INPUTS, {"fligth": "LH-1", "nights": 0})
    assert problems == [
        InputProblem("fligth", "there is no input `fligth`", "did you mean `flight`?"),
        InputProblem("flight", "the input `flight` is missing", is_missing=True),
        InputProblem("nights", "the input `nights` must be at least 1, not 0"),
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("flight", 12, "the input `flight` must be text, not 12"),
        ("flight", True, "the input `flight` must be text, not true"),
        ("nights", Decimal("1.5"), "the input `nights` must be a whole number, not 1.5"),
        ("nights", "1", "the input `nights` must be a whole number, not the text `1`"),
        ("nights", True, "the input `nights` must be a whole number, not true"),
        ("nights", 31, "the input `nights` must be at most 30, not 31"),
        ("size", "medium", "the input `size` must be `small` or `large`, not the text `medium`"),
        ("price", "1", "the input `price` must be a number, not the text `1`"),
        ("tags", "a", "the input `tags` must be a list, not the text `a`"),
        ("tags", ["abcdef"], "the input `tags` at `[0]` must have at most 5 characters, not 6"),
        ("tags", ["a"], "the input `tags` at `[0]` must have at least 2 characters, not 1"),
        ("tags", [], "the input `tags` must not be empty"),
        ("tags", ["ab", "ab", "ab"], "the input `tags` must have at most 2 items, not 3"),
        ("guest", {}, "the input `guest` must have `name`"),
        (
            "guest",
            {"name": "ann"},
            "the input `guest` at `name` must match `^[A-Z]`, and `ann` does not",
        ),
        (
            "guest",
            {"name": "Ann", "x": 1},
            "the input `guest` must have no other field, and has `x`",
        ),
        (
            "guest",
            {"name": "Ann", "age": "x"},
            "the input `guest` at `age` must be a whole number or null, not the text `x`",
        ),
        ("fixed", "y", "the input `fixed` must be `x`, not the text `y`"),
        ("over", 0, "the input `over` must be more than 0, not 0"),
        ("over", 1, "the input `over` must be less than 1, not 1"),
        ("unlike", [1, 1], "the input `unlike` must not hold an item twice"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(name: str, value: Json, said: str) -> None:
    problems = read_inputs(INPUTS, {"flight": "LH-1", name: value})
    assert isinstance(problems, list)
    assert [problem.message for problem in problems] == [said]


def test_null_leaves_an_input_out() -> None:
    assert isinstance(read_inputs(INPUTS, {"flight": None}), list)
    assert isinstance(read_inputs(INPUTS, {"flight": "x", "email": None, "nights": None}), dict)


def test_a_workflow_without_inputs_takes_none() -> None:
    assert read_inputs((), {}) == {}
    problems = read_inputs((), {"a": 1})
    assert isinstance(problems, list)
    assert problems[0].help == "this workflow has no inputs"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("flight", "12", "12"),
        ("flight", "", ""),
        ("nights", "12", 12),
        ("nights", "-3", -3),
        ("price", "12.50", Decimal("12.50")),
        ("price", "12", 12),
        ("price", "1e3", Decimal("1e3")),
        ("agreed", "true", True),
        ("agreed", "false", False),
        ("tags", '["a", 1.5]', ["a", Decimal("1.5")]),
        ("guest", '{"name": "Ann"}', {"name": "Ann"}),
    ],
)
def test_a_text_is_read_by_the_inputs_type(name: str, text: str, value: Json) -> None:
    found = from_text(NAMES[name], text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("nights", "1.5", "the input `nights` must be a whole number, not `1.5`"),
        ("nights", "many", "the input `nights` must be a whole number, not `many`"),
        ("nights", "1_0", "the input `nights` must be a whole number, not `1_0`"),
        ("nights", "9" * 2000, "the input `nights` must be a number of at most 1,000 digits, not"),
        ("price", "NaN", "the input `price` must be a number, not `NaN`"),
        ("price", "1e99999", "the input `price` must be a number, not `1e99999`"),
        ("agreed", "yes", "the input `agreed` must be true or false, not `yes`"),
        ("tags", "a,b", "the input `tags` must be a JSON list, not `a,b`"),
        ("tags", "{}", "the input `tags` must be a JSON list, not `{}`"),
        ("tags", "[NaN]", "the input `tags` must be a JSON list, not `[NaN]`"),
        ("guest", "[" * 100_000, "the input `guest` must be a JSON object, not `[[["),
        ("otp", "abc", "the input `otp` must be a whole number"),
    ],
    ids=lambda value: value[:20],
)
def test_a_text_that_cannot_be_read_is_a_problem(name: str, text: str, said: str) -> None:
    found = from_text(NAMES[name], text)
    assert isinstance(found, InputProblem)
    assert found.message.startswith(said)


@given(st.sampled_from(INPUTS), st.text())
def test_any_text_is_a_value_or_a_problem(declared: Input, text: str) -> None:
    value = from_text(declared, text)
    if not isinstance(value, InputProblem):
        read_inputs(INPUTS, {declared.name: value})


@pytest.mark.parametrize(
    ("guest", "what"),
    [
        ('{"name": "A", "n": 1e999999999}', "holds a number of more than 4,300 digits"),
        ('{"name": "A", "n": [1e-999999999]}', "holds a number of more than 4,300 digits"),
        ('{"name": "A", "n": ' + "[" * 900 + "]" * 900 + "}", "holds more than 100 levels"),
        ('{"name": "\\ud800"}', "holds half a surrogate pair, which is not a character"),
        ('{"name": "A", "\\udc00": 1}', "holds half a surrogate pair, which is not a character"),
    ],
)
def test_what_no_request_could_carry_is_refused(guest: str, what: str) -> None:
    value = from_text(NAMES["guest"], guest)
    assert not isinstance(value, InputProblem)
    problems = read_inputs(INPUTS, {"flight": "LH-1", "guest": value})
    assert problems == [InputProblem("guest", f"the input `guest` {what}")]


def test_a_number_that_cannot_be_read_is_no_json() -> None:
    assert isinstance(from_text(NAMES["guest"], '{"n": 1e-9' + "9" * 30 + "}"), InputProblem)
    with pytest.raises(ValueError, match="number"):
        from_bytes('{"n": 1e-9' + "9" * 30 + "}")


@pytest.mark.parametrize("already", [0, 30, 60])
def test_what_cannot_be_checked_is_said_so(already: int) -> None:
    """However deep the caller stands: Python's own limit is never the one that strikes."""

    def asked(frames: int) -> list[InputProblem]:
        return asked(frames - 1) if frames else problems_of(Input("x", {"$ref": "#"}), 1)

    (problem,) = asked(already)
    assert "cannot be checked: the schema is made of itself" in problem.message
    assert problem.help


def test_a_value_as_deep_as_inputs_may_be_is_checked_against_a_schema_of_itself() -> None:
    tree: Json = {
        "$ref": "#/$defs/t",
        "$defs": {"t": {"properties": {"a": {"$ref": "#/$defs/t"}, "n": {"type": "integer"}}}},
    }
    value: Json = {"n": "x"}
    for _ in range(99):
        value = {"a": value}
    (problem,) = problems_of(Input("x", tree), value)
    assert "cannot" not in problem.message
