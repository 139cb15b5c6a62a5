"""What the variable of a `for_each` means: the item around who looks, in the file that names it."""

from __future__ import annotations

import pytest

from flowdsl.plan.expression.compiled import parse
from flowdsl.plan.expression.evaluate import evaluate
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Created, Done, Expanded, Finished
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.saga.outcome import judge
from flowdsl.saga.scope import Vantage, scope
from flowdsl.saga.state import State, fold
from flowdsl.saga.unfolding import unfolded
from tests.language.plans import plan_of
from tests.runs import play, run_at
from tests.saga.plans import call, plan

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
    run, expression = run_at(plan, state_of(plan)), parse(text)
    names = scope(run.plan, run.state, [expression], Vantage(viewer))
    found: Json = evaluate(expression, names)  # type: ignore[assignment]
    assert found == value


# --- the exchange of a call that was refused, or of which nobody knows -------------------------------

HEADED = (("Retry-After", "7"), ("Link", "<x>; rel=next"))
EXCHANGES = [
    (Answer(409, HEADED, {"why": "there"}), "keyed", 409),
    (Answer(500, HEADED), "plain", 500),
    (Answer(200, HEADED, {"good": False}), "keyed", 200),
    (Answer(200, HEADED, problem="cut short"), "keyed", 200),
    (Lost("the connection broke"), "keyed", None),
    (NotSent("nobody listens"), "keyed", None),
]


@pytest.mark.parametrize(("seen", "service", "status"), EXCHANGES)
def test_status_headers_and_error_are_there_for_every_call_that_was_answered(
    seen: Observation, service: str, status: int | None
) -> None:
    # given a step that may fail, and how its last attempt was seen; kept, and read again
    tiny = plan(call("a", service, more="critical: false\nretry: 1\nexpect: a.good"))
    state, _, _ = play(tiny, "start a")
    finished = Finished("a", 1, 1.0, judge(unfolded(tiny, state), state, "a", seen))
    state = fold(state, [decode(encode(finished))])
    # when what comes after it asks
    names = scope(unfolded(tiny, state), state, [parse("steps.a.status")])
    exchange = names["steps"]["a"]  # type: ignore[index,call-overload]
    # then it is told what the service said
    assert isinstance(exchange, dict)
    assert exchange["status"] == status
    assert exchange["headers"] == (dict(HEADED) if status else None)
    assert exchange["error"] is not None
    assert "a" not in names


def test_a_condition_can_tell_one_refusal_from_another() -> None:
    tiny = plan(
        call("a", more="critical: false")
        + "- id: there\n  when: steps.a.status == 409\n  call: GET keyed/a\n"
    )
    assert play(tiny, "refuse a 409")[2][-1] == "there"
    assert play(tiny, "refuse a 404")[1].stands["there"].state == "skipped"
