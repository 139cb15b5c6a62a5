"""The static check: what is certain to go wrong is a problem, and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, reject, settings

from flowdsl.plan.expression.compiled import parse
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.expression.inference import infer
from flowdsl.plan.expression.paths import proven_if_true
from flowdsl.plan.expression.tree import (
    Choice,
    Compare,
    Comprehension,
    FunctionCall,
    Logic,
    Tree,
    children,
)
from flowdsl.plan.expression.types import (
    ANYTHING,
    NULL,
    SECRET,
    TEXT,
    Type,
    describe,
    from_schema,
    optional,
    surely_equal,
    type_of,
    widen,
)
from flowdsl.plan.values import Json, Secret
from tests.plan.expression.test_evaluate_limits import EXPRESSIONS, SCOPES
from tests.sizes import examples

if TYPE_CHECKING:
    from collections.abc import Mapping

ITEM: Json = {"properties": {"sku": {"type": "string"}, "kg": {"type": "number"}}}
NAMES: Mapping[str, Type] = {
    "inputs": from_schema(
        {
            "properties": {
                "total": {"type": "number"},
                "nights": {"type": "integer"},
                "email": {"type": ["string", "null"]},
                "kind": {"enum": ["air", "sea"]},
                "ok": {"type": "boolean"},
                "items": {"type": "array", "items": ITEM},
                "tags": {"type": "array", "items": {"type": "string"}},
                "note": {
                    "type": "object",
                    "nullable": True,
                    "properties": {"x": {"type": "integer"}},
                },
                "free": {},
            }
        }
    ),
    "flight": ANYTHING,
    "car": optional(ANYTHING),
    "hotel": optional(from_schema({"properties": {"price": {"type": "number"}}})),
    "done": NULL,
    "otp": SECRET,
    "open": from_schema({"type": "object"}),
}

PROBLEMS = [
    # text, code, the characters pointed at, parts of the message, a part of the help
    ("inputs.totl", "F042", "totl", ["no field `totl`", "`total`"], "write `total`"),
    ("inputs['totl']", "F042", "'totl'", ["no field `totl`"], "write `total`"),
    ("inputs.items[0].kgg", "F042", "kgg", ["`sku` and `kg`"], "write `kg`"),
    ("[i.skuu for i in inputs.items]", "F042", "skuu", ["`i` has no field"], "write `sku`"),
    ("default(inputs.totl, 0)", "F042", "totl", ["no field `totl`"], ""),
    ("{'a': 1}.b", "F042", "b", ["has no field `b`"], ""),
    ("inputs.note.x", "F043", "inputs.note", ["may be null"], "default(inputs.note.x, …)"),
    ("car.id", "F043", "car", ["`car` may be null"], "test `car` first"),
    ("car[0]", "F043", "car", ["`car` may be null"], ""),
    ("done.id", "F043", "done", ["`done` is null"], ""),
    ("hotel.price if inputs.ok else 0", "F043", "hotel", ["may be null"], ""),
    ("0 if hotel else hotel.price", "F043", "hotel", ["may be null"], ""),
    ("car and hotel.price", "F043", "hotel", ["may be null"], ""),
    ("(car.a + 1) or 2", "F043", "car", ["may be null"], ""),
    ("inputs.total.x", "F044", "inputs.total", ["a number, which has no fields"], ""),
    ("inputs.items.sku", "F044", "inputs.items", ["no fields"], "`inputs.items[0].sku`"),
    ("inputs.total[0]", "F044", "inputs.total", ["has no items"], ""),
    ("inputs.items[inputs.kind]", "F044", "inputs.kind", ["counted by a number"], ""),
    ("open[1]", "F044", "1", ["named by text"], ""),
    ("inputs.total + 'x'", "F044", "inputs.total + 'x'", ["a number and text"], "str(x)"),
    ("1 + 2 + 'x'", "F044", "1 + 2 + 'x'", ["a whole number and text"], "str(x)"),
    ("inputs.tags - 1", "F044", "inputs.tags - 1", ["a list of texts"], ""),
    ("'a' * 10", "F044", "'a' * 10", ["text and a whole number"], ""),
    ("-inputs.kind", "F044", "inputs.kind", ["`-` needs a number"], ""),
    ("inputs.total < 'x'", "F044", "inputs.total < 'x'", ["`<` cannot take"], ""),
    ("inputs.ok > 1", "F044", "inputs.ok > 1", ["true or false"], ""),
    ("1 in inputs.total", "F044", "1 in inputs.total", ["on its right"], ""),
    ("1 in inputs.kind", "F044", "1 in inputs.kind", ["looks for text"], ""),
    ("[x for x in inputs.kind]", "F044", "inputs.kind", ["`for` needs a list"], ""),
    ("len(inputs.total)", "F044", "inputs.total", ["`len` needs text"], ""),
    ("len(1, 2)", "F044", "len(1, 2)", ["was given 2 arguments"], ""),
    ("default(1)", "F044", "default(1)", ["was given 1 argument"], ""),
    ("sum([i.sku for i in inputs.items])", "F044", None, ["a list of texts"], ""),
    ("join(inputs.items, ',')", "F044", "inputs.items", ["a list of texts"], ""),
    ("min(1, inputs.kind)", "F044", "inputs.kind", ["cannot compare"], ""),
    ("lower(inputs.nights)", "F044", "inputs.nights", ["`lower` needs text"], ""),
    ("secrets.A + 'x'", "F044", "secrets.A + 'x'", ["a secret"], ""),
    ("otp == 'x'", "F044", "otp == 'x'", ["cannot be compared"], ""),
    ("str(otp)", "F044", "otp", ["no secret"], ""),
    ("1 if otp else 2", "F044", "otp", ["cannot be tested"], ""),
    ("inputs.kind == 'rail'", "F046", "inputs.kind == 'rail'", ["always false"], ""),
    ("inputs.kind != 'rail'", "F046", "inputs.kind != 'rail'", ["always true"], ""),
    ("inputs.total == '5'", "F046", "inputs.total == '5'", ["never equal"], ""),
    ("1 == 1", "F046", "1 == 1", ["always true"], ""),
    ("null == null", "F046", "null == null", ["always true"], ""),
    ("1 in inputs.tags", "F046", "1 in inputs.tags", ["never an item"], ""),
    ("1 not in inputs.tags", "F046", "1 not in inputs.tags", ["always true"], ""),
    ("1 if true else 2", "F046", "true", ["always true"], ""),
    ("1 if [] else 2", "F046", "[]", ["always false"], ""),
    ("1 if {'a': 1} else 2", "F046", "{'a': 1}", ["always true"], ""),
    ("1 if done else 2", "F046", "done", ["always false"], ""),
    ("not 0", "F046", "0", ["always false"], ""),
    ("'' or inputs.kind", "F046", "''", ["always false"], ""),
    ("[x for x in inputs.tags if 1]", "F046", "1", ["always true"], ""),
]


@pytest.mark.parametrize(
    ("text", "code", "pointed", "parts", "help_text"), PROBLEMS, ids=[case[0] for case in PROBLEMS]
)
def test_what_is_certain_to_go_wrong_is_a_problem_at_its_place(
    text: str, code: str, pointed: str | None, parts: list[str], help_text: str
) -> None:
    (problem,) = infer(parse(text), NAMES).problems

    assert problem.code == code
    for part in parts:
        assert part in problem.message
    assert help_text in problem.help
    if pointed is not None:
        assert text[problem.start : problem.start + problem.length] == pointed


FINE = [
    # text, the type in words
    ("flight.anything[0].goes + 1", "a number"),
    ("flight.one + flight.other", "anything"),
    ("nobody.knows", "anything"),
    ("open.field + 'x'", "text"),
    ("open[inputs.kind]", "anything"),
    ("inputs.free < inputs.total", "true or false"),
    ("inputs.total * 2", "a number"),
    ("inputs.nights * 2 // 3 % 4 - 1", "a whole number"),
    ("inputs.nights / 2", "a number"),
    ("inputs.kind + 'x'", "text"),
    ("inputs.tags + [1]", "a list of (text or a whole number)"),
    ("inputs.email + 'x'", "text"),
    ("inputs.email == null or inputs.email != 'x'", "true or false"),
    ("inputs.kind == null", "true or false"),
    ("inputs.kind == 'air'", "true or false"),
    ("'a' in inputs.kind and 'a' in open and 1 in inputs.free", "true or false"),
    ("'a' in inputs.tags", "true or false"),
    ("[i.kg for i in inputs.items if i.kg > 1]", "a list of numbers"),
    ("sum([i.kg for i in inputs.items])", "a number"),
    ("[x for x in flight.list]", "a list"),
    ("hotel.price if hotel else 0", "a number or a whole number"),
    ("hotel.price if hotel != null else 0", "a number or a whole number"),
    ("0 if hotel == null else hotel.price", "a whole number or a number"),
    ("0 if not hotel else hotel.price", "a whole number or a number"),
    ("hotel and hotel.price > 1", "an object, null or true or false"),
    ("hotel == null or hotel.price", "true or false or a number"),
    ("default(hotel.price, 0)", "a number or a whole number"),
    ("default(inputs.email, 'x')", "text"),
    ("default(done, 'x')", "text"),
    ("hotel.price or 0", "a number or a whole number"),
    ("car.deep.er or 0", "anything"),
    ("(inputs.note or {'x': 1}).x", "a whole number"),
    ("[hotel.price for x in inputs.tags if hotel]", "a list of numbers"),
    ("secrets.A", "a secret"),
    ("{'a': secrets.A}.a", "a secret"),
    ("not inputs.ok", "true or false"),
    ("-inputs.total", "a number"),
    ("+inputs.nights", "a whole number"),
    ("len(inputs.tags)", "a whole number"),
    ("round(inputs.total) + abs(inputs.nights)", "a whole number"),
    ("round(inputs.total, 2)", "a number"),
    ("str(1) + lower('A') + upper('b') + join(['a'], '')", "text"),
    ("int('1') + 1", "a whole number"),
    ("number('1')", "a number"),
    ("any(inputs.tags) or all([])", "true or false"),
    ("sorted(inputs.tags)", "a list of texts"),
    ("keys(open)", "a list of texts"),
    ("values({'a': 1})", "a list of numbers"),
    ("values(open)", "a list"),
    ("chunks(inputs.tags, 2)", "a list of lists"),
    ("min(1, inputs.total)", "a whole number or a number"),
    ("max(inputs.tags)", "text"),
    ("inputs.items[0].sku", "text"),
]


@pytest.mark.parametrize(("text", "words"), FINE, ids=[case[0] for case in FINE])
def test_what_may_be_right_is_no_problem(text: str, words: str) -> None:
    inference = infer(parse(text), NAMES)

    assert inference.problems == ()
    assert describe(inference.type) == words


@pytest.mark.parametrize(
    ("text", "code"),
    [("true", "F046"), ("inputs.ok or 1", "F046"), ("done", "F046"), ("otp", "F044")],
)
def test_a_condition_that_decides_nothing_is_a_problem_only_as_a_condition(
    text: str, code: str
) -> None:
    expression = parse(text)

    assert [problem.code for problem in infer(expression, NAMES, condition=True).problems] == [code]
    assert infer(expression, NAMES).problems == ()


def test_what_a_when_above_has_proven_is_not_null_here() -> None:
    when, body = parse("hotel and inputs.note"), parse("hotel.price + inputs.note.x")

    assert [problem.code for problem in infer(body, NAMES).problems] == ["F043", "F043"]
    assert infer(body, NAMES, proven=proven_if_true(when.tree)).problems == ()


def test_the_proof_of_a_name_says_nothing_of_a_variable_of_that_name() -> None:
    names = {
        "x": optional(TEXT),
        "list": from_schema({"type": "array", "items": {"nullable": True}}),
    }

    (problem,) = infer(parse("x and [x.a for x in list]"), names).problems

    assert (problem.code, problem.start) == ("F043", 7)


def test_a_field_of_what_has_none_is_one_problem_even_where_it_may_be_null() -> None:
    problems = infer(parse("inputs.email.x"), NAMES).problems

    assert [problem.code for problem in problems] == ["F044"]


def test_several_problems_come_in_the_order_of_the_text() -> None:
    problems = infer(parse("[inputs.a, 1 + 'x', car.b, len(1)]"), NAMES).problems

    assert [problem.code for problem in problems] == ["F042", "F044", "F043", "F044"]


@settings(
    max_examples=examples(75, 150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(EXPRESSIONS, SCOPES)
def test_a_value_is_of_the_type_that_was_inferred_for_it(text: str, scope: dict[str, Json]) -> None:
    # given names whose types are known exactly, and an expression that has a value over them
    expression = parse(text.replace("secrets.S", "a"))
    try:
        value = evaluate(expression, scope)
    except EvaluationError:
        reject()

    # when its type is inferred
    inference = infer(expression, {name: type_of(known) for name, known in scope.items()})

    # then the value is of that type, and what was surely evaluated was not called wrong
    assert not isinstance(value, Secret)
    assert surely_equal(widen(type_of(value)), inference.type) is not False
    if _is_straight(expression.tree):
        assert {problem.code for problem in inference.problems} <= {"F046"}


def _is_straight(tree: Tree) -> bool:
    """Whether every part of the tree is evaluated, once."""
    match tree:
        case Choice() | Logic() | Comprehension() | FunctionCall(function="default"):
            return False
        case Compare(rest=rest) if len(rest) > 1:
            return False
    return all(_is_straight(child) for child in children(tree))
