"""Every evaluation ends, within a budget, whatever the expression and the data."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowdsl.plan.expression.compiled import Expression, ExpressionError, parse
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.expression.functions import FUNCTIONS
from flowdsl.plan.values import Json, Secret
from tests.sizes import examples

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE: Mapping[str, Json] = {
    "big": 10**4000,
    "list": list(range(300)),
    "text": "x" * 100_000,
    "texts": ["y" * 1000] * 300,
    "money": [Decimal("1.10")] * 300,
}
TOO_MUCH = [
    ("[1 for a in list for b in list for c in list for d in list]", "operations"),
    ("[1 for a in list for b in list if a > 300]", "operations"),
    ("[300 in list for a in list for b in list]", "operations"),
    ("[list == list for a in list for b in list]", "operations"),
    ("[list in [list] for a in list for b in list]", "operations"),
    ("[text in text for a in list for b in list]", "operations"),
    ("[text < text for a in list for b in list]", "operations"),
    ("[texts == texts for a in list for b in list]", "operations"),
    ("[sum([x * x for x in list]) for y in list]", "operations"),
    ("[max(money) for x in list for y in list]", "operations"),
    ("[sorted(list)[0] for x in list]", "operations"),
    ("[len(str(list)) for x in list for y in list]", "operations"),
    ("[big // 7 for a in list for b in list]", "operations"),
    ("[text + text for a in list]", "more text"),
    ("[list + list for a in list for b in [1, 2, 3, 4, 5, 6, 7, 8, 9]]", "operations"),
    ("[len(upper(text)) for a in list]", "more text"),
    ("[len(join(texts, text)) for a in list]", "more text"),
    ("[number(str(big)) for a in list for b in list]", "more text"),
    ("[len(chunks(list, 1)) for a in list for b in list]", "operations"),
    ("[text for a in list]", "result is larger"),
    ("[texts for a in list]", "result is larger"),
    ("[{'a': text} for a in list]", "result is larger"),
    ("[big * big for a in list for b in list]", "4,300 digits"),
]


@pytest.mark.parametrize(("text", "why"), TOO_MUCH, ids=[case[0] for case in TOO_MUCH])
def test_an_attempt_to_use_everything_ends_in_an_error_soon(text: str, why: str) -> None:
    expression = parse(text)
    begun = time.process_time()

    with pytest.raises(EvaluationError, match=why):
        evaluate(expression, SCOPE)

    assert time.process_time() - begun < 2


def test_the_budget_is_the_callers() -> None:
    expression = parse("[x for x in list]")

    assert evaluate(expression, SCOPE, operations=2000) == SCOPE["list"]
    with pytest.raises(EvaluationError, match="operations"):
        evaluate(expression, SCOPE, operations=100)
    with pytest.raises(EvaluationError, match="operations"):
        evaluate(expression, SCOPE, operations=1)
    with pytest.raises(EvaluationError, match="more text or longer lists"):
        evaluate(expression, SCOPE, size=100)
    with pytest.raises(EvaluationError, match="result is larger"):
        evaluate(parse("text"), SCOPE, size=100)


def test_doubling_again_and_again_stays_within_the_room() -> None:
    doubled = "'" + "x" * 100 + "'"
    text = "[a + a for a in [b + b for b in [c + c for c in [text]]]]"

    assert len(doubled) == 102
    with pytest.raises(EvaluationError, match="more text"):
        evaluate(parse(text), {"text": "x" * 100_000})


def test_data_nested_without_end_are_an_error_only_where_they_are_written_out() -> None:
    deep: Json = []
    for _ in range(20_000):
        deep = [deep]

    assert evaluate(parse("deep == deep"), {"deep": deep}) is True
    assert evaluate(parse("len(deep)"), {"deep": deep}) == 1
    with pytest.raises(EvaluationError, match="nested too deeply"):
        evaluate(parse("str(deep)"), {"deep": deep})


HOSTILE = [
    "(" * 20_000,
    "(" * 4000,
    "[" * 4000 + "]" * 90,
    "not " * 1000 + "a",
    "-" * 4000 + "1",
    "lambda:" * 500 + "1",
    "a" + ".a" * 2000,
    "a" + "[0]" * 1300,
    "a if b else " * 330 + "c",
    "f(" * 2000,
    "{'a':" * 800,
    "{" * 32 + "}" * 32,
    "[x for x in " * 300,
    "9" * 4097,
    "'" * 4001,
    "\\" * 4000,
    "a:=" * 1300,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:12] for text in HOSTILE])
def test_text_made_to_break_the_parser_is_refused_soon(text: str) -> None:
    begun = time.process_time()

    with pytest.raises(ExpressionError):
        parse(text)

    assert time.process_time() - begun < 1


def _wrap(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(
        ["+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"]
    )
    name = st.sampled_from(["a", "b", "c", "x"])
    function = st.sampled_from(sorted(FUNCTIONS))
    return st.one_of(
        st.builds("({} {} {})".format, inner, operators, inner),
        st.builds("({} {} {} {} {})".format, inner, operators, inner, operators, inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("[{} for x in {} if {}]".format, inner, inner, inner),
        st.builds("({}).{}".format, inner, name),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'a': {}, 'b': {}}}".format, inner, inner),
        st.builds("{}({})".format, function, inner),
        st.builds("{}({}, {})".format, function, inner, inner),
    )


ATOMS = st.sampled_from(
    [
        "a", "b", "c", "x", "a.b", "b[0]", "secrets.S", "null", "true", "false", "0", "-1", "2",
        "0.1", "1e400", "1e-400", "99999999999999999999", "''", "'a'", "'12'", "'é'", "[]", "{}",
    ]
)  # fmt: skip
EXPRESSIONS = st.recursive(ATOMS, _wrap, max_leaves=12)
NUMBERS = st.integers() | st.decimals() | st.integers().map(lambda number: number**9)
VALUES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "0"]), inner, max_size=3)
    ),
    max_leaves=8,
)
SCOPES = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES)


@settings(
    max_examples=examples(200, 400), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(EXPRESSIONS, SCOPES)
def test_evaluation_gives_a_value_or_an_evaluation_error_within_the_text(
    text: str, scope: dict[str, Json]
) -> None:
    expression = parse(text)

    first, second = _outcome(expression, scope), _outcome(expression, scope)

    assert repr(first) == repr(second)
    if isinstance(first, EvaluationError):
        assert first.message
        assert 0 <= first.start < first.start + first.length <= len(text)


def _outcome(expression: Expression, scope: Mapping[str, Json]) -> Json | Secret | EvaluationError:
    try:
        return evaluate(expression, scope)
    except EvaluationError as error:
        return error


WORDS = st.sampled_from(
    [
        "a", "b.c", ".class", "secrets", "secrets.A", "len(", "default(", "(", ")", "[", "]", "{",
        "}", "'", '"', "'t'", "\\", "\n", " ", ",", ":", ":=", "=", "==", "not", " in ", " for ",
        " if ", " else ", " and ", "*", "**", "//", "1", "0.5", "1e9", "0x", "é", "ﬁ", "\ud800",
        "\0", "${", "#", "f'", "lambda", "await", "...", "!",
    ]
)  # fmt: skip


@settings(max_examples=examples(300, 600), deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(WORDS, max_size=12).map("".join)))
def test_parsing_gives_an_expression_or_an_error_within_the_text(text: str) -> None:
    result = _parsed(text)

    if isinstance(result, ExpressionError):
        assert result.message
        assert result.code in {"F040", "F047"}
        assert 0 <= result.start <= result.start + result.length <= max(1, len(text))
    else:
        for reference in result.references:
            assert text[reference.start : reference.start + reference.length].strip()


def _parsed(text: str) -> Expression | ExpressionError:
    try:
        return parse(text)
    except ExpressionError as error:
        return error


@settings(max_examples=examples(100, 200), deadline=None)
@given(st.lists(st.decimals(-10_000, 10_000, places=2), max_size=6))
def test_sums_of_money_are_exact(amounts: list[Decimal]) -> None:
    scope: dict[str, Json] = {"amounts": list[Json](amounts)}

    assert evaluate(parse("sum(amounts)"), scope) == sum(amounts)


@settings(max_examples=examples(100, 200), deadline=None)
@given(st.integers(-500, 500), st.integers(-50, 50).filter(bool))
def test_decimals_divide_as_integers_do(one: int, other: int) -> None:
    scope: dict[str, Json] = {"a": one, "b": other, "c": Decimal(one)}

    assert evaluate(parse("[a // b, a % b] == [c // b, c % b]"), scope) is True
    assert evaluate(parse("a // b * b + a % b == a"), scope) is True
