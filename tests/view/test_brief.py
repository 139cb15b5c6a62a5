from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.json import from_bytes
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json, Secret
from flowdsl.saga.events import Failure
from flowdsl.view.brief import failure_summary, many_lines, one_line, reason, sent_body, summary

JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_both_forms_say_the_same_json(value: Json) -> None:
    assert from_bytes(one_line(value)) == value
    assert from_bytes("\n".join(many_lines(value))) == value


def test_json_deeper_than_anybody_reads_is_cut() -> None:
    deep: Json = []
    for _ in range(200):
        deep = [deep]
    assert one_line(deep).count("[") < 30


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, ""),
        ({"id": "F-1", "price": 420, "seat": "3A"}, "F-1 · price 420"),
        ({"name": "x", "amount": Decimal("1.50")}, "amount 1.50 · name x"),
        ([1, 2], "2 items"),
        (["a"], "1 item"),
        ("fine", "fine"),
        ({"nested": {}}, ""),
    ],
)
def test_a_summary_names_the_result(body: Json, expected: str) -> None:
    assert summary(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": "card_declined"}, "card_declined"),
        ({"error": {"code": "no_funds", "message": "…"}}, "no_funds"),
        ({"detail": "not today"}, "not today"),
        ("plain words", "plain words"),
        ("<html>", ""),
        ([], ""),
        ({"error": 3}, ""),
    ],
)
def test_the_reason_of_a_refusal_is_found(body: Json, expected: str) -> None:
    assert reason(body) == expected
    assert failure_summary(Failure("F110", "answered 402", response=body)) == (
        expected or "answered 402"
    )


def test_a_secret_in_a_body_is_masked() -> None:
    sealed = ('{"otp":"', Secret("inputs.otp"), '"}')
    assert sent_body(Request("POST", "http://x", (), sealed)) == {"otp": "••••••"}
    assert sent_body(Request("POST", "http://x", (), ("not json",))) == "not json"
    assert sent_body(None) is None
