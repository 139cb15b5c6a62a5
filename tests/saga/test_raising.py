"""contract.md, "When an expression fails at run time": each place, and what follows from it."""

from __future__ import annotations

import pytest

from flowdsl.saga.events import Refused
from tests.runs import play
from tests.saga.plans import call, plan

BAD = "a.missing.field"


@pytest.mark.parametrize(
    ("place", "step"),
    [
        ("a request", "- id: b\n  call: POST keyed/b/${a.missing.field}\n  compensate: none\n"),
        ("a body", "- id: b\n  call: POST keyed/b\n  body: { x: '${a.missing.field}' }\n  compensate: none\n"),
        ("when", call("b", more=f"when: {BAD}")),
        ("set", "- set: { b: '${a.missing.field}' }\n"),
        ("status", "- status: ${a.missing.field}\n"),
        ("fail", "- fail: ${a.missing.field}\n"),
        ("when of a group", f"- id: b\n  when: {BAD}\n  steps:\n    - call: GET keyed/x\n"),
        ("when of a wait", f"- wait: 1s\n  when: {BAD}\n"),
    ],
)  # fmt: skip
def test_it_is_a_refusal_of_that_step_and_nothing_is_sent(place: str, step: str) -> None:
    tiny = plan(call("a") + step)
    state, now, sent = play(tiny, 'ok a {"id": 1}')
    assert list(sent) == ["a", "a!undo"], place
    assert state.turned[""].failure.code == "F114"
    _, now, _ = play(tiny, 'ok a {"id": 1} · ok a!undo')
    assert now.state == "compensated"


@pytest.mark.parametrize(
    "step",
    [
        "- id: b\n  call: POST keyed/b/${a.missing.field}\n",
        f"- id: b\n  call: POST keyed/b\n  when: {BAD}\n",
        "- set: { b: '${a.missing.field}' }\n",
        "- status: ${a.missing.field}\n",
    ],
)
def test_after_commit_it_is_stuck(step: str) -> None:
    _, now, sent = play(plan(call("a") + "- commit\n" + step), 'ok a {"id": 1}')
    assert (now.state, len(now.stuck), len(now.residue)) == ("stuck", 1, 1)
    assert list(sent) == ["a"]


def test_where_it_may_fail_it_is_a_warning() -> None:
    tiny = plan(call("a") + call("b", more=f"when: {BAD}\ncritical: false"))
    _, now, _ = play(tiny, 'ok a {"id": 1}')
    assert (now.state, [warning.code for warning in now.warnings]) == ("succeeded", ["F114"])


def test_expect_that_fails_on_a_2xx_is_unknown() -> None:
    tiny = plan(call("a", "plain", more=f"expect: {BAD}"))
    state, now, _ = play(tiny, 'ok a {"id": 1}')
    assert state.calls["a"].unsure
    assert now.state == "compensating"


def test_a_confirm_that_cannot_be_rendered_is_stuck() -> None:
    tiny = plan(call("a", more="confirm: POST keyed/a/${a.number}/confirm"))
    _, now, sent = play(tiny, 'ok a {"id": 1}')
    assert (now.state, now.stuck, list(sent)) == ("stuck", ("a!confirm",), ["a"])


def test_a_request_is_rendered_once_and_not_again_for_a_second_attempt() -> None:
    tiny = plan(call("a"))
    first, _, _ = play(tiny, "start")
    again, _, _ = play(tiny, "lose reply a · fire a#2")
    assert again.calls["a"].request == first.calls["a"].request
    assert again.calls["a"].attempt == 2


def test_fail_is_a_refusal_with_the_words_of_the_workflow() -> None:
    tiny = plan(call("a") + "- fail: too dear at ${a.price}\n")
    state, _, _ = play(tiny, 'ok a {"id": 1, "price": 9}')
    failure = state.turned[""].failure
    assert (failure.code, failure.message) == ("F115", "too dear at 9")


def test_the_failure_of_a_refusal_says_what_the_service_said() -> None:
    state, _, _ = play(plan(call("a")), "refuse a 409")
    outcome = state.calls["a"].outcome
    assert isinstance(outcome, Refused)
    assert state.turned[""].failure == outcome.failure
