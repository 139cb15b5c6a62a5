"""What the variable of a `for_each` means: the item around who looks, in the file that names it."""

from __future__ import annotations

import pytest

from flowdsl.plan.evaluate import evaluate
from flowdsl.plan.expression import parse
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created, Done, Expanded
from flowdsl.saga.scope import Vantage, scope
from flowdsl.saga.state import State, fold
from tests.language.plans import plan_of

LISTS = """
- id: one
  for_each: x in [1, 2]
  call: GET stock/${x}
- id: two
  for_each: x in [5, 6]
  steps:
    - for_each: y in [7]
      call: GET stock/${x}/${y}
- for_each: x in [8]
  uses: ./inner.yaml
  with: { given: "${x}" }
"""
INNER = """flowdsl: 1
inputs: { given: integer }
services: { stock: http://localhost:9001 }
steps:
  - set: { x: "${inputs.given * 10}" }
  - call: GET stock/${x}
"""


def state_of(plan: Plan) -> State:
    created = Created("run", plan.name, plan.digest, 0.0, {}, {}, {})
    expanded = [
        Expanded("one", (1, 2)),
        Expanded("two", (5, 6)),
        Expanded("two[1]/call-1", (7,)),
        Expanded("uses-1", (8,)),
    ]
    return fold(State(), [created, *expanded, Done("uses-1[0]/set-1", {"x": 80})])


@pytest.mark.parametrize(
    ("viewer", "text", "value"),
    [
        ("one[0]", "x", 1),
        ("one[1]", "x", 2),
        ("two[0]", "x", 5),
        ("two[1]/call-1[0]", "[x, y]", [6, 7]),
        ("uses-1[0]", "x", 8),
        ("uses-1[0]/call-1", "x", 80),
        ("uses-1[0]/set-1", "inputs.given", 8),
    ],
)
def test_two_lists_may_call_their_items_the_same(viewer: str, text: str, value: Json) -> None:
    plan = plan_of(LISTS, inner=INNER)
    expression = parse(text)
    names = scope(plan, state_of(plan), [expression], Vantage(viewer))
    found: Json = evaluate(expression, names)  # type: ignore[assignment]
    assert found == value
