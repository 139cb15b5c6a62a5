"""Evaluating expressions: exact values, and errors that say what to look at."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from flowdsl.plan.expression.compiled import parse
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE: Mapping[str, Json] = {
    "flight": {"id": "F1", "price": Decimal("420.10"), "class": "eco"},
    "hotel": {"id": "H1", "price": 180},
    "inputs": {
        "items": [{"sku": "a", "kg": 3}, {"sku": "b", "kg": Decimal("18.5")}],
        "total": 6000,
        "nothing": None,
        "otp": cast("Json", Secret("inputs.otp")),
        "odd": cast("Json", 1.5),
        "nan": Decimal("NaN"),
        "signal": Decimal("sNaN"),
        "huge": Decimal("1e9999999"),
        "tiny": Decimal("1e-9999999"),
        "long": Decimal("1" * 20_000),
        "wide": 10**2200,
        "widest": 2**14_284 - 1,
        "many": {f"field_{number}": number for number in range(15)},
    },
    "sealed": cast("Json", ("bearer ", Secret("T"))),
    "empty": {},
}


def value_of(text: str) -> Json | Secret:
    return evaluate(parse(text), SCOPE)


VALUES: list[tuple[str, Json]] = [
    ("null", None),
    ("None == null and True == true", True),
    ("[1, 'a', {'b': false}]", [1, "a", {"b": False}]),
    ("flight.price + hotel.price", Decimal("600.10")),
    ("flight.price + hotel.price == 600.10", True),
    ("0.1 + 0.2 == 0.3", True),
    ("1 == 1.0", True),
    ("1 == true", False),
    ("[1] == [true]", False),
    ("0 == false", False),
    ("null == false", False),
    ("{'a': [1.0]} == {'a': [1]}", True),
    ("{'a': 1} == {'b': 1}", False),
    ("[1] == [1, 2]", False),
    ("[] == {}", False),
    ("'a' != 'b'", True),
    ("inputs.odd == 1", False),
    ("1 < 2 <= 2", True),
    ("1 < 2 < 2", False),
    ("'a' < 'b' >= 'b'", True),
    ("2.5 > 2", True),
    ("7 - 10", -3),
    ("2 * 3 + 4 * 5 - 6", 20),
    ("0 * -1.5", Decimal("0.0")),
    ("1.5 - 1", Decimal("0.5")),
    ("1.5 * 2", Decimal("3.0")),
    ("10 / 5", 2),
    ("10 / 4", Decimal("2.5")),
    ("1.5 / 1.5", Decimal(1)),
    ("-7 // 2", -4),
    ("-7.0 // 2", Decimal(-4)),
    ("7.5 // 2", Decimal(3)),
    ("-7 % 3", 2),
    ("-7 % 3.0", Decimal("2.0")),
    ("7 % -3.0", Decimal("-2.0")),
    ("-(1.5)", Decimal("-1.5")),
    ("-hotel.price", -180),
    ("-flight.price", Decimal("-420.10")),
    ("+hotel.price", 180),
    ("'a' + 'b'", "ab"),
    ("[1] + [2] + [3]", [1, 2, 3]),
    ("not []", True),
    ("not 'a'", False),
    ("1 and 2", 2),
    ("0 and nobody", 0),
    ("'' or [] or 'x'", "x"),
    ("'a' or nobody", "a"),
    ("'yes' if inputs.total > 500 else nobody", "yes"),
    ("nobody if {} else 'no'", "no"),
    ("'a' in ['b', 'a']", True),
    ("1 in [true, 1.0]", True),
    ("3 not in [1, 2]", True),
    ("'li' in 'flight'", True),
    ("'id' in flight", True),
    ("inputs.items[-1].sku", "b"),
    ("inputs.items[0]['sku']", "a"),
    ("flight['class']", "eco"),
    ("flight['i' + 'd']", "F1"),
    ("{'a': {'b': 1}}.a.b", 1),
    ("[x.kg for x in inputs.items if x.kg > 5]", [Decimal("18.5")]),
    ("[x + y for x in [1, 2] for y in [x, 10] if y > 1]", [11, 4, 12]),
    ("[x for x in [x + 1 for x in [1, 2]]] + [x for x in [9]]", [2, 3, 9]),
    ("[[x for x in [x]] + [x] for x in [1, 2]]", [[1, 1], [2, 2]]),
    ("len('abc') + len([1]) + len(flight)", 7),
    ("sum([])", 0),
    ("sum([x.kg for x in inputs.items])", Decimal("21.5")),
    ("min([3, 1.5, 2])", Decimal("1.5")),
    ("max(3, 1, 2)", 3),
    ("min('b', 'a')", "a"),
    ("max(['a'])", "a"),
    ("abs(-3) + abs(-1.5)", Decimal("4.5")),
    ("round(2.5)", 2),
    ("round(3.5)", 4),
    ("round(7)", 7),
    ("round(7, 2)", 7),
    ("round(2.345, 2)", Decimal("2.34")),
    ("round(2.3, 2)", Decimal("2.3")),
    ("round(-0.4)", 0),
    ("int('12') + int(-2.9) + int(1)", 11),
    ("number('1.50')", Decimal("1.50")),
    ("number(' 12 ')", 12),
    ("number('1e3')", Decimal("1E+3")),
    ("number(2.5)", Decimal("2.5")),
    ("any([0, '', 1])", True),
    ("all([1, 0])", False),
    ("sorted([3, 1.5, 2])", [Decimal("1.5"), 2, 3]),
    ("sorted(['b', 'a'])", ["a", "b"]),
    ("sorted([])", []),
    ("keys({'b': 1, 'a': 2})", ["b", "a"]),
    ("values({'b': 1, 'a': 2})", [1, 2]),
    ("chunks([1, 2, 3], 2)", [[1, 2], [3]]),
    ("lower('ÄB') + upper('ß')", "äbSS"),
    ("join(['a', 'b'], ', ')", "a, b"),
    ("join([], ',')", ""),
    ("default(flight.seat, 'any')", "any"),
    ("default(flight.seat.row[3], 'any')", "any"),
    ("default(inputs.nothing, 'any')", "any"),
    ("default(inputs.nothing.deep, 'any')", "any"),
    ("default(inputs.items[9].sku, 'any')", "any"),
    ("default(inputs.items['x'], 'any')", "any"),
    ("default(inputs.items[true], 'any')", "any"),
    ("default(nobody.there, 'any')", "any"),
    ("default(flight.id, nobody)", "F1"),
    ("default(false, true)", False),
    ("[default(x.size, 0) for x in inputs.items]", [0, 0]),
    ("flight.seat or 'any'", "any"),
    ("inputs.nothing.deep or flight.seat or 3", 3),
    ("str('a')", "a"),
    ("str(null) + str(true) + str(false)", "nulltruefalse"),
    ("str(flight.price)", "420.10"),
    ("str(1e3)", "1000"),
    ("str(1e-7)", "0.0000001"),
    ("str({'a': [1, null, 2.50], 'é': '\\\"'})", '{"a":[1,null,2.50],"é":"\\""}'),
    ("str([])", "[]"),
]


@pytest.mark.parametrize(("text", "expected"), VALUES, ids=[case[0] for case in VALUES])
def test_an_expression_has_the_value_python_would_give_it_over_exact_json(
    text: str, expected: Json
) -> None:
    value = value_of(text)

    assert repr(value) == repr(expected)  # so that 1, 1.0 and true are told apart


ERRORS = [
    # text, the characters pointed at, parts of the message
    ("nobody", "nobody", ["there is no `nobody` here"]),
    ("flight.prise", "prise", ["no field `prise`", "`id`, `price`", "did you mean `price`?"]),
    ("inputs.many.other", "other", ["`field_10` and 4 more"]),
    ("empty.a", "a", ["it is empty"]),
    ("inputs.nothing.x", "inputs.nothing", ["`inputs.nothing` is null", "no `x`"]),
    ("inputs.nothing[0]", "inputs.nothing", ["`inputs.nothing` is null"]),
    ("inputs.items.sku", "inputs.items", ["is a list", "`inputs.items[0].sku`"]),
    ("inputs.items[5]", "5", ["2 items", "no item 5"]),
    ("[1][1]", "1", ["1 item,"]),
    (f"[1][{'9' * 30}]", "9" * 30, ["no item of such a number"]),
    ("inputs.items[1.5]", "1.5", ["whole number"]),
    ("flight[0]", "0", ["named by text, not by a number"]),
    ("flight[lower('NO')]", "lower('NO')", ["no field `no`"]),
    ("hotel.price.x", "hotel.price", ["is a number and has no fields"]),
    ("hotel.price[0]", "hotel.price", ["is a number and has no items"]),
    ("inputs.otp.x", "inputs.otp", ["is a secret"]),
    ("inputs.otp[0]", "inputs.otp", ["is a secret"]),
    ("'a' + 1", "'a' + 1", ["`+` cannot take text and a number", "str(x)"]),
    ("1 + 2 + 'a' + 3", "1 + 2 + 'a'", ["a number and text"]),
    ("true + 1", "true + 1", ["true and a number"]),
    ("[] + {}", "[] + {}", ["a list and an object"]),
    ("'a' * 10", "'a' * 10", ["text and a number"]),
    ("null - 1", "null - 1", ["null and a number"]),
    ("1 / 0", "1 / 0", ["division by zero"]),
    ("1 % 0.0", "1 % 0.0", ["division by zero"]),
    ("1.5 // 0", "1.5 // 0", ["division by zero"]),
    ("-'a'", "-'a'", ["`-` needs a number", "text"]),
    ("+true", "+true", ["`+` needs a number", "true"]),
    ("1 < 'a'", "1 < 'a'", ["`<` cannot take a number and text"]),
    ("[1] < [2]", "[1] < [2]", ["a list and a list"]),
    ("1 in 2", "1 in 2", ["needs a list, text or an object", "a number"]),
    ("1 in 'a'", "1 in 'a'", ["looks for text in text"]),
    ("1 in flight", "1 in flight", ["looks for text in an object"]),
    ("[x for x in 'abc']", "'abc'", ["`for` needs a list", "text"]),
    ("len(1)", "len(1)", ["`len` needs text, a list or an object"]),
    ("len()", "len()", ["`len(x)` was given 0 arguments"]),
    ("default(1)", "default(1)", ["`default(x, otherwise)` was given 1 argument"]),
    ("sum(['a'])", "sum(['a'])", ["an item is text"]),
    ("sum(1)", "sum(1)", ["`sum` needs a list"]),
    ("min([])", "min([])", ["empty list"]),
    ("max(1, 'a')", "max(1, 'a')", ["a number and text"]),
    ("max([true])", "max([true])", ["true and true"]),
    ("sorted([1, 'a'])", "sorted([1, 'a'])", ["a number and text"]),
    ("abs('a')", "abs('a')", ["`abs` needs a number"]),
    ("round(1.5, 99)", "round(1.5, 99)", ["0 to 50 digits"]),
    ("round(1.5, true)", "round(1.5, true)", ["0 to 50 digits"]),
    (f"round({'9' * 60}.5)", None, ["more than 50 digits"]),
    ("int('1.5')", "int('1.5')", ["not a whole number"]),
    ("int(true)", "int(true)", ["`int` needs a number"]),
    ("number('a')", "number('a')", ["text that is not a number"]),
    ("keys([])", "keys([])", ["`keys` needs an object"]),
    ("lower(1)", "lower(1)", ["`lower` needs text"]),
    ("join([1], '')", "join([1], '')", ["`join` needs a list of texts", "an item is a number"]),
    ("chunks([1], 0)", "chunks([1], 0)", ["at least 1"]),
    ("secrets.A + 'a'", "secrets.A + 'a'", ["a secret", "computed with"]),
    ("-secrets.A", "-secrets.A", ["a secret"]),
    ("secrets.A == 'a'", "secrets.A == 'a'", ["compared"]),
    ("[1, secrets.A] == [1, 2]", "[1, secrets.A] == [1, 2]", ["compared"]),
    ("secrets.A < 'a'", "secrets.A < 'a'", ["a secret"]),
    ("secrets.A in ['a']", "secrets.A in ['a']", ["compared"]),
    ("'a' in secrets.A", "'a' in secrets.A", ["compared"]),
    ("'a' in [secrets.A]", "'a' in [secrets.A]", ["compared"]),
    ("secrets.A and 1", "secrets.A", ["tested"]),
    ("secrets.A or 1", "secrets.A", ["tested"]),
    ("not secrets.A", "secrets.A", ["tested"]),
    ("1 if secrets.A else 2", "secrets.A", ["tested"]),
    ("str(secrets.A)", "str(secrets.A)", ["turned into text"]),
    ("str([secrets.A])", "str([secrets.A])", ["turned into text"]),
    ("len(secrets.A)", "len(secrets.A)", ["given to `len`"]),
    ("join([secrets.A], '')", "join([secrets.A], '')", ["given to `join`"]),
    ("any([secrets.A])", "any([secrets.A])", ["tested"]),
    ("inputs.otp + 'a'", "inputs.otp + 'a'", ["a secret"]),
    ("sealed + 'a'", "sealed + 'a'", ["a secret"]),
    ("[x for x in secrets.A]", "secrets.A", ["a secret"]),
    # numbers no JSON text of ours can hold
    ("inputs.odd + 1", "inputs.odd + 1", ["not a JSON value (float)"]),
    ("str(inputs.odd)", "str(inputs.odd)", ["not a JSON value (float)"]),
    ("inputs.nan + 1", "inputs.nan + 1", ["cannot take"]),
    ("inputs.nan < 1", "inputs.nan < 1", ["cannot take"]),
    ("inputs.signal == inputs.signal", "inputs.signal == inputs.signal", ["50 digits"]),
    ("str(inputs.nan)", "str(inputs.nan)", ["cannot be turned into text"]),
    ("round(inputs.nan)", "round(inputs.nan)", ["needs a number"]),
    ("inputs.huge + 1", "inputs.huge + 1", ["too large"]),
    ("int(inputs.huge)", "int(inputs.huge)", ["too large"]),
    ("str(inputs.huge)", "str(inputs.huge)", ["too large"]),
    ("inputs.tiny * 1", "inputs.tiny * 1", ["too close to zero"]),
    ("inputs.long + 1", "inputs.long + 1", ["too large"]),
    ("1e4000 * 1e4000", "1e4000 * 1e4000", ["too large"]),
    ("1e-4000 * 1e-4000", "1e-4000 * 1e-4000", ["too close to zero"]),
    ("1e400 // 3", "1e400 // 3", ["50 digits"]),
    ("inputs.wide * inputs.wide", "inputs.wide * inputs.wide", ["at most 4,300 digits"]),
    ("inputs.widest + inputs.widest", None, ["at most 4,300 digits"]),
    ("number('1e99999')", "number('1e99999')", ["too large"]),
]


@pytest.mark.parametrize(
    ("text", "pointed", "parts"), ERRORS, ids=[case[0][:40] for case in ERRORS]
)
def test_an_expression_without_a_value_says_where_and_why(
    text: str, pointed: str | None, parts: list[str]
) -> None:
    span = Span(2, 5, len(text))

    with pytest.raises(EvaluationError) as caught:
        evaluate(parse(text, span=span), SCOPE)

    error = caught.value
    assert (error.text, error.span) == (text, span)
    for part in parts:
        assert part in error.message
    if pointed is not None:
        assert text[error.start : error.start + error.length] == pointed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("secrets.A", Secret("A")),
        ("secrets['A']", Secret("A")),
        ("[secrets.A]", [Secret("A")]),
        ("{'token': secrets.A}", {"token": Secret("A")}),
        ("inputs.otp", Secret("inputs.otp")),
        ("secrets.A if inputs.total else secrets.B", Secret("A")),
        ("inputs.nothing.x or secrets.A", Secret("A")),
        ("[x for x in [secrets.A]][0]", Secret("A")),
        ("default(secrets.A, 1)", Secret("A")),
    ],
)
def test_a_secret_is_handed_on_by_reference(text: str, expected: object) -> None:
    assert value_of(text) == expected


def test_a_value_called_secrets_in_the_scope_is_never_read() -> None:
    assert evaluate(parse("secrets.A"), {"secrets": {"A": "plain"}}) == Secret("A")


@pytest.mark.parametrize(
    "text",
    ["''.__class__", "flight.__class__", "flight.keys", "inputs.items.append", "hotel.price.real"],
)
def test_no_attribute_of_python_is_ever_reached(text: str) -> None:
    with pytest.raises(EvaluationError):
        value_of(text)
