"""Which paths an expression reads, so that the explorer's services answer with what is read of them."""

from __future__ import annotations

import pytest

from flowdsl.explorer.bodies import bodies
from flowdsl.explorer.reads import reads
from flowdsl.plan.expression.compiled import parse
from tests.saga.plans import call, plan


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("a.x + b.y", [("a", "x"), ("b", "y")]),
        (
            "[i.name for i in a.list if i.good]",
            [("a", "list"), ("a", "list", 0), ("a", "list", 0, "good"), ("a", "list", 0, "name")],
        ),
        ("[y.z for x in a for y in x.ys]", [("a",), ("a", 0), ("a", 0, "ys"), ("a", 0, "ys", 0), ("a", 0, "ys", 0, "z")]),
        ("[x.y for x in sorted(a.list)]", [("a", "list"), ("a", "list", 0), ("a", "list", 0, "y")]),
        ("[n for n in [1, 2] if a.most < n]", [("a", "most")]),
    ],
)  # fmt: skip
def test_a_variable_stands_for_the_first_item_of_its_list(
    text: str, paths: list[tuple[str | int, ...]]
) -> None:
    assert list(reads(parse(text).tree)) == paths


@pytest.mark.parametrize(
    "more",
    [
        "- set: { good: '${[i.sku for i in a.items if i.free > 0]}' }\n",
        "- set: { found: '${a.items}' }\n- set: { good: '${[i.sku for i in found if i.free]}' }\n",
        "- for_each: i in a.items\n  call: GET keyed/${i.sku}\n  query: { free: '${i.free}' }\n",
    ],
    ids=["a comprehension", "a name that was set", "a list"],
)
def test_what_is_read_of_an_answer_is_in_it(more: str) -> None:
    assert bodies(plan(call("a") + more))["a"] == {"id": 1, "items": [{"sku": 1, "free": 1}]}
