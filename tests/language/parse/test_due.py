"""What may stand after `wait_until:`, as the expression it means."""

from __future__ import annotations

from decimal import Decimal

import pytest

from flowdsl.language.parse.due import expression_of
from flowdsl.plan.expression.compiled import parse
from flowdsl.plan.expression.evaluate import evaluate
from flowdsl.plan.span import NOWHERE
from flowdsl.plan.template import Constant, Template, Text
from flowdsl.plan.values import Json


@pytest.mark.parametrize(
    ("moment", "value"),
    [
        (parse("inputs.at"), "2026-12-24"),
        (Constant(1700000000), 1700000000),
        (Constant(Decimal("1700000000.5")), Decimal("1700000000.5")),
        (Constant("2026-12-24T18:00:00Z"), "2026-12-24T18:00:00Z"),
        (Constant('it\'s "quoted" \\ and é\n'), 'it\'s "quoted" \\ and é\n'),
        (Text((parse("inputs.at"), "T09:00:00Z")), "2026-12-24T09:00:00Z"),
        (Text(("2026-12-", parse("inputs.day"))), "2026-12-7"),
    ],
)
def test_a_moment_means_what_its_text_means(moment: Template, value: Json) -> None:
    names: dict[str, Json] = {"inputs": {"at": "2026-12-24", "day": 7}}
    assert evaluate(expression_of(moment, NOWHERE), names) == value


def test_nothing_else_is_a_moment() -> None:
    with pytest.raises(AssertionError):
        expression_of(Constant(None), NOWHERE)
