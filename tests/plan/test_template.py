"""Templates: `${…}` in YAML values."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.expression.compiled import Expression, ExpressionError, parse
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.span import Span
from flowdsl.plan.template import (
    Constant,
    Embedded,
    Fields,
    Items,
    Template,
    Text,
    expressions,
    references,
    render,
    render_text,
    split,
)
from flowdsl.plan.values import Json, Secret
from tests.plan.texts import parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE: Mapping[str, Json] = {
    "flight": {"id": "F1", "price": Decimal("420.10"), "seats": [1, 2]},
    "nothing": None,
    "deep": [],
    "otp": cast("Json", Secret("inputs.otp")),
    "sealed": cast("Json", ("bearer ", Secret("T"))),
}


def template(text: str) -> Template:
    return parse_text(text, locate=lambda offset: Span(4, 10 + offset))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("plain $ {x} $", ["plain $ {x} $"]),
        ("${a}", [Embedded("a", 2)]),
        ("x ${ a } y", ["x ", Embedded(" a ", 4), " y"]),
        ("${a}${b}", [Embedded("a", 2), Embedded("b", 6)]),
        ("$${a}", ["${a}"]),
        ("$$${a}", ["$${a}"]),
        ("$$$${a} ${b}", ["$$${a} ", Embedded("b", 10)]),
        ("${ {'a': {'b': 1}}['a'] }", [Embedded(" {'a': {'b': 1}}['a'] ", 2)]),
        ("${'}'}", [Embedded("'}'", 2)]),
        (r"${'\'}'}!", [Embedded(r"'\'}'", 2), "!"]),
        ('${"\'}"}', [Embedded('"\'}"', 2)]),
        ("it's ${a} and it's ${b}", ["it's ", Embedded("a", 7), " and it's ", Embedded("b", 21)]),
    ],
)
def test_text_splits_into_literals_and_expressions(text: str, parts: list[str | Embedded]) -> None:
    assert split(text) == parts


@given(st.lists(st.sampled_from(["$", "${", "}", "a", "'", '"', "{", "\\", "$${", "${b}"])))
def test_splitting_keeps_every_expression_where_it_stands(pieces: list[str]) -> None:
    text = "".join(pieces)
    parts = _split_or_error(text)

    if isinstance(parts, ExpressionError):
        assert text[parts.start : parts.start + parts.length] == "${"
        return
    for part in parts:
        if isinstance(part, Embedded):
            assert text[part.start - 2 : part.start + len(part.text) + 1] == f"${{{part.text}}}"
        else:
            assert part


def _split_or_error(text: str) -> list[str | Embedded] | ExpressionError:
    try:
        return split(text)
    except ExpressionError as error:
        return error


@given(st.text())
def test_text_without_dollars_is_a_constant(text: str) -> None:
    plain = text.replace("$", "")

    assert template(plain) == Constant(plain)


@pytest.mark.parametrize(
    ("text", "message", "start", "length"),
    [
        ("a ${ b", "never closed", 2, 2),
        ("a ${ 'b }", "no closing '", 2, 2),
        ("a ${ b +  }", "ends after `+`", 7, 1),
        ("${a} ${}", "empty", 7, 1),
        ("${a} ${b.class}", "`class`", 9, 5),
    ],
)
def test_an_error_in_an_expression_counts_in_the_whole_text(
    text: str, message: str, start: int, length: int
) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        template(text)

    assert (caught.value.start, caught.value.length) == (start, length)
    assert caught.value.help


def test_expressions_know_their_place_in_the_file() -> None:
    found = list(expressions(template("Flight ${ flight.id } for ${\n flight.price\n  + 1 }")))

    assert [expression.text for expression in found] == ["flight.id", "flight.price\n  + 1"]
    assert [expression.span for expression in found] == [Span(4, 20, 9), Span(4, 40, 12)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("${flight.price}", Decimal("420.10")),
        ("${ flight.seats }", [1, 2]),
        ("${nothing}", None),
        ("${flight.id}: ${flight.price}", "F1: 420.10"),
        ("${flight.seats} ${true}", "[1,2] true"),
        ("${''}${''}", ""),
        ("${secrets.A}", Secret("A")),
        ("bearer ${secrets.A}", ("bearer ", Secret("A"))),
        ("${'bearer'} ${otp}${'!'}?", ("bearer ", Secret("inputs.otp"), "!?")),
        ("${sealed}!", ("bearer ", Secret("T"), "!")),
        ("$${flight.id}", "${flight.id}"),
    ],
)
def test_an_expression_alone_keeps_its_type_and_inside_text_becomes_text(
    text: str, expected: object
) -> None:
    assert repr(render(template(text), SCOPE)) == repr(expected)


def test_lists_and_objects_render_leaf_by_leaf() -> None:
    body = Fields(
        (
            ("id", template("${flight.id}")),
            ("token", template("bearer ${secrets.A}")),
            ("list", Items((Constant(1), template("${secrets.B}"), template("${secrets.A}")))),
        )
    )

    assert render(body, SCOPE) == {
        "id": "F1",
        "token": ("bearer ", Secret("A")),
        "list": [1, Secret("B"), Secret("A")],
    }
    assert [reference.path for _, reference in references(body)] == [
        ("flight", "id"),
        ("secrets", "A"),
        ("secrets", "B"),
        ("secrets", "A"),
    ]
    assert all(reference in found.references for found, reference in references(body))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Constant("a"), ("a",)),
        (Constant(12), ("12",)),
        (Constant(""), ()),
        (parse("flight.price"), ("420.10",)),
        (parse("secrets.A"), (Secret("A"),)),
        (Text(("a", parse("'b'"), "c")), ("abc",)),
    ],
)
def test_text_is_one_piece_between_secrets(given: Template, expected: object) -> None:
    assert render_text(given, SCOPE) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (template("a ${nothing}"), "`nothing` is null"),
        (template("a ${flight.seat}"), "no field `seat`"),
        (template("a ${[secrets.A]}"), "`\\[secrets.A\\]`: a secret"),
        (template("a ${deep}"), "nested too deeply"),
        (Constant(None), "cannot stand where text"),
        (Constant([1]), "cannot stand where text"),
        (Items(()), "cannot stand where text"),
        (Fields(()), "cannot stand where text"),
    ],
)
def test_what_cannot_become_text_is_an_error_that_names_the_expression(
    given: Template, message: str
) -> None:
    deep: Json = []
    for _ in range(20_000):
        deep = [deep]

    with pytest.raises(EvaluationError, match=message) as caught:
        render_text(given, {**SCOPE, "deep": deep})

    for expression in expressions(given):
        assert isinstance(expression, Expression)
        assert (caught.value.text, caught.value.span) == (expression.text, expression.span)
