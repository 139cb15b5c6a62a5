"""Values in a URL cannot change which path is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.location import encode_path, encode_query, render_path
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Fields, Rendered, Template
from flowdsl.plan.values import Json, Secret
from tests.plan.texts import parse_text

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE: Mapping[str, Json] = {
    "id": "a/b?c#d",
    "up": "..",
    "dot": ".",
    "empty": "",
    "nothing": None,
    "number": 12,
    "list": [1],
    "otp": cast("Json", Secret("otp")),
}


def path(text: str) -> Template:
    return parse_text(text, locate=lambda offset: Span(1, 1 + offset))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/holds", "/holds"),
        ("/holds/${id}", "/holds/a%2Fb%3Fc%23d"),
        ("${number}", "12"),
        ("/a.${number}/v${number}", "/a.12/v12"),
        ("/charges?key=${id}&x=${empty}&y=${up}", "/charges?key=a%2Fb%3Fc%23d&x=&y=.."),
    ],
)
def test_literal_text_stays_and_values_are_encoded(text: str, expected: str) -> None:
    assert render_path(path(text), SCOPE) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/holds/${up}", "`..` cannot be a part"),
        ("/holds/${dot}", "`.` cannot be a part"),
        ("/holds/.${'.'}", "`.` cannot be a part"),
        ("/holds/.${dot + ''}x/../a", "cannot be"),
        ("/holds/../a", "cannot be segments"),
        ("/holds/${empty}", "empty text"),
        ("/holds/a-${empty}", "empty text"),
        ("/holds/${nothing}", "null cannot be a part of a URL"),
        ("/holds?x=${nothing}", "null cannot be a part of a URL"),
        ("/holds/${list}", "a list cannot be a part of a URL"),
        ("/holds/${secrets.A}", "a secret cannot be a part of a URL"),
        ("/holds?x=${otp}", "a secret cannot be a part of a URL"),
        ("/holds/${id.x}", "has no fields"),
    ],
)
def test_a_value_that_would_name_another_path_is_refused(text: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        render_path(path(text), SCOPE)


@pytest.mark.parametrize("template", [Constant(1), Fields(())])
def test_a_path_is_text(template: Template) -> None:
    with pytest.raises(EvaluationError, match="a path is text"):
        render_path(template, SCOPE)


@given(st.text())
def test_encoding_passes_unreserved_characters_only_and_loses_nothing(text: str) -> None:
    if text in {"", ".", ".."}:
        with pytest.raises(EvaluationError):
            encode_path(text)
        return

    encoded = encode_path(text)

    assert unquote(encoded) == text
    assert all(letter.isascii() and (letter.isalnum() or letter in "-._~%") for letter in encoded)


@pytest.mark.parametrize(
    ("value", "expected"), [(True, "true"), (("a ", "b"), "a%20b"), ((), ""), ("", "")]
)
def test_a_query_value_may_be_any_scalar(value: Rendered, expected: str) -> None:
    assert encode_query(value) == expected


@pytest.mark.parametrize("value", ["\ud800", ("a", Secret("A")), {"a": 1}])
def test_what_has_no_place_in_a_url_is_refused(value: Rendered) -> None:
    with pytest.raises(EvaluationError):
        encode_query(value)
