"""Undoing one call: landing, answer, settling, undo; and when nothing undoes it."""

from __future__ import annotations

from textwrap import indent

import pytest

from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.saga.commands import Invoke, Sleep
from flowdsl.saga.events import Ok
from flowdsl.saga.progress import Progress
from tests.runs import play
from tests.saga.plans import by_key, call, plan

PROBED = """
- id: a
  call: POST {0}/a
  probe:
    call: GET {0}/a?key=${{steps.a.key}}
    found: len(probe.data) > 0
    result: probe.data[0]
  compensate: DELETE {0}/a/${{a.id}}
"""


def sleeping(now: Progress) -> list[str]:
    return [command.timer for command in now.commands if isinstance(command, Sleep)]


def out(now: Progress) -> list[CallId]:
    return [command.call for command in now.commands if isinstance(command, Invoke)]


def sent_by(tiny: Plan, trail: str) -> list[CallId]:
    return list(play(tiny, trail)[2])


# --- the window in which it may still arrive --------------------------------------------------------


def test_an_unknown_call_is_not_undone_before_its_window_has_passed() -> None:
    tiny = plan(by_key("a"))
    state, now, sent = play(tiny, "lose request a")
    assert (sleeping(now), list(sent)) == (["a!settle#1"], ["a"])
    assert state.armed["a!settle#1"] == 10.0  # the call's timeout, from its last send
    assert sent_by(tiny, "lose request a · fire a!settle#1") == ["a", "a!undo"]


def test_the_window_is_what_the_service_says() -> None:
    slow = plan(by_key("a"), "defaults: { settle: 45s }\n")
    state, _, _ = play(slow, "lose request a")
    assert state.armed["a!settle#1"] == 45.0


def test_a_service_that_bars_what_it_has_undone_needs_no_window() -> None:
    assert sent_by(plan(by_key("a", "grave")), "lose request a") == ["a", "a!undo"]


def test_a_call_that_was_answered_is_undone_at_once() -> None:
    tiny = plan(call("a", "plain") + call("b", "plain"))
    assert sent_by(tiny, "ok a · refuse b") == ["a", "b", "a!undo"]


@pytest.mark.parametrize(("service", "waits"), [("keyed", False), ("plain", True)])
def test_a_lost_put_may_arrive_after_the_one_that_was_answered(service: str, waits: bool) -> None:
    # given a PUT of which the first attempt was lost and the second answered
    tiny = plan(f"- id: a\n  call: PUT {service}/a\n  compensate: DELETE {service}/a\n" + call("b"))
    _, now, _ = play(tiny, "delay a · fire a#2 · ok a · refuse b")
    # then only a service that remembers the key is sure to pass over the lost one
    assert sleeping(now) == (["a!settle#2"] if waits else [])
    assert out(now) == ([] if waits else ["a!undo"])


# --- the answer that the undo needs ------------------------------------------------------------------


def test_a_lost_answer_is_asked_for_again_with_its_key_and_bytes() -> None:
    tiny = plan(call("a", more="retry: 1"))
    state, now, sent = play(tiny, "lose reply a")
    assert out(now) == ["a!answer"]
    state, now, sent = play(tiny, 'lose reply a · ok a!answer {"id": "X9"}')
    assert list(sent) == ["a", "a!answer", "a!undo"]
    request = state.calls["a!undo"].request
    assert request is not None
    assert request.url == "http://keyed/a/X9"
    key = state.calls["a"].key
    assert ("X-Flowdsl-Compensates", (key,)) in request.headers
    assert ("Idempotency-Key", ("key a undo",)) in request.headers


def test_a_definite_no_to_that_question_leaves_nothing_to_undo() -> None:
    tiny = plan(call("a", more="retry: 1"))
    _, now, sent = play(tiny, "lose request a · refuse a!answer 422")
    assert now.state == "compensated"
    assert "a!undo" not in sent
    assert now.stands["a"].state == "refused"


def test_being_turned_away_at_the_door_is_no_such_no() -> None:
    tiny = plan(call("a", more="retry: 1"))
    _, now, _ = play(tiny, "lose reply a · refuse a!answer 401")
    assert (now.state, now.stuck) == ("stuck", ("a",))


def test_without_keys_the_probe_is_asked() -> None:
    tiny = plan(PROBED.format("plain") + call("b"))
    trail = 'lose reply a · ok a!probe {"data": [{"id": "X7"}]} · refuse b'
    assert sent_by(tiny, trail) == ["a", "a!probe", "b"]
    state, _, _ = play(tiny, f"{trail} · fire a!settle#1")
    request = state.calls["a!undo"].request
    assert request is not None
    assert request.url == "http://plain/a/X7"


def test_not_found_counts_only_when_nothing_can_arrive_any_more() -> None:
    tiny = plan(PROBED.format("plain"))
    _, now, _ = play(tiny, "delay a · ok a!probe")
    assert sleeping(now) == ["a!settle#1"]
    _, now, sent = play(tiny, "delay a · ok a!probe · fire a!settle#1 · ok a!probe2")
    assert list(sent) == ["a", "a!probe", "a!probe2"]
    assert now.state == "compensated"


def test_what_arrived_within_the_window_is_found_by_the_second_probe() -> None:
    tiny = plan(PROBED.format("plain"))
    _, now, _ = play(tiny, "delay a · ok a!probe · late a · fire a!settle#1 · ok a!probe2")
    assert now.state == "succeeded"


def test_a_tombstone_does_not_help_a_probe() -> None:
    tiny = plan(PROBED.format("grave"))
    _, now, _ = play(tiny, "delay a · ok a!probe")
    assert sleeping(now) == ["a!settle#1"]


def test_a_probe_that_finds_nothing_out_leaves_the_step_unknown() -> None:
    tiny = plan(PROBED.format("plain"))
    _, now, _ = play(tiny, 'lose reply a · ok a!probe {"nothing": 1}')
    assert (now.state, now.stuck) == ("stuck", ("a",))


def test_no_undo_is_sent_that_lacks_what_it_has_to_say() -> None:
    tiny = plan(call("a", "plain"))
    _, now, sent = play(tiny, "lose reply a")
    assert list(sent) == ["a"]
    assert (now.state, now.stuck) == ("stuck", ("a",))
    assert now.residue[0].why == "its answer was lost, and the undo needs it"


def test_an_answer_kept_because_expect_failed_on_it_is_enough_for_the_undo() -> None:
    tiny = plan(call("a", "plain", more="expect: a.missing.field"))
    state, _, _ = play(tiny, 'ok a {"id": "X3"} · fire a!settle#1')
    request = state.calls["a!undo"].request
    assert request is not None
    assert request.url == "http://plain/a/X3"


def test_an_undo_that_cannot_be_rendered_is_a_failed_undo() -> None:
    tiny = plan(call("a") + call("b"))
    _, now, sent = play(tiny, 'ok a {"id": null} · refuse b')
    assert "a!undo" not in sent
    assert (now.state, now.stuck) == ("stuck", ("a!undo",))
    _, now, _ = play(tiny, "ok a {} · refuse b")
    assert now.stuck == ("a!undo",)


def test_an_undo_sees_the_error_that_the_run_turned_on() -> None:
    body = "compensate: { call: POST keyed/a/undo, body: { why: '${error.message}' } }"
    tiny = plan(f"- id: a\n  call: POST keyed/a\n  {body}\n" + call("b"))
    state, _, _ = play(tiny, "ok a · refuse b 409")
    request = state.calls["a!undo"].request
    assert request is not None
    assert request.body == ('{"why":"answered 409"}',)


def test_each_group_that_turns_alone_has_its_own_error() -> None:
    def group(name: str) -> str:
        undo = "{ call: POST keyed/undo, body: { why: '${error.step}' } }"
        return (
            f"- id: g{name}\n  critical: false\n  steps:\n"
            f"    - id: {name}1\n      call: POST keyed/{name}\n      compensate: {undo}\n"
            f"    - id: {name}2\n      call: POST keyed/{name}\n      compensate: none\n"
        )

    tiny = plan(group("x") + group("y"))
    state, _, _ = play(tiny, "ok x1 · refuse x2 · ok gx/x1!undo · ok y1 · refuse y2")
    request = state.calls["gy/y1!undo"].request
    assert request is not None
    assert request.body == ('{"why":"gy/y2"}',)


# --- how an undo ends --------------------------------------------------------------------------------


def test_an_undo_has_patience_of_its_own() -> None:
    tiny = plan(call("a", "plain", more="retry: 1") + call("b", "plain", more="retry: 1"))
    trail = "ok a · refuse b"
    for attempt in range(1, 10):
        trail += f" · lose request a!undo · fire a!undo#{attempt + 1}"
    _, now, sent = play(tiny, trail)
    assert sent.count("a!undo") == 10
    _, now, _ = play(tiny, f"{trail} · lose request a!undo")
    assert (now.state, now.stuck) == ("stuck", ("a!undo",))
    assert now.residue[0].why == "its undo may not have happened"


def test_a_refused_undo_is_not_repeated() -> None:
    _, now, sent = play(plan(call("a") + call("b")), "ok a · refuse b · refuse a!undo 422")
    assert sent.count("a!undo") == 1
    assert (now.state, now.stuck) == ("stuck", ("a!undo",))
    assert now.stands["a"].state == "stuck"


def test_an_undo_by_post_is_sent_once_to_a_service_without_keys() -> None:
    tiny = plan(
        "- id: a\n  call: POST plain/a\n  compensate: POST plain/a/${a.id}/refund\n" + call("b")
    )
    _, now, sent = play(tiny, "ok a · refuse b · lose reply a!undo")
    assert sent.count("a!undo") == 1
    assert now.stuck == ("a!undo",)


def test_an_undo_is_done_once_and_the_step_is_never_sent_again() -> None:
    state, now, sent = play(plan(call("a") + call("b")), "ok a · refuse b · ok a!undo")
    assert list(sent) == ["a", "b", "a!undo"]
    assert (now.state, state.ended) == ("compensated", "compensated")
    assert isinstance(state.calls["a!undo"].answer, Ok)


@pytest.mark.parametrize("fate", ["ok b", "lose reply b"])
def test_compensate_none_counts_as_undone_even_when_unknown(fate: str) -> None:
    tiny = plan("- id: b\n  call: POST plain/b\n  compensate: none\n" + call("c"))
    trail = f"{fate} · refuse c" if fate == "ok b" else fate
    _, now, sent = play(tiny, trail)
    assert (now.state, now.residue) == ("compensated", ())
    assert now.stands["b"].state == "kept"
    assert "b!undo" not in sent


@pytest.mark.parametrize("fate", ["ok b · refuse c", "lose reply b"])
def test_what_nothing_undoes_is_a_failed_undo_and_is_named(fate: str) -> None:
    tiny = plan(call("a") + "- id: b\n  call: POST plain/b\n" + call("c"))
    _, now, sent = play(tiny, f"ok a · {fate}")
    assert now.state == "stuck"
    assert [entry.step for entry in now.residue] == ["b", "a"]
    assert "compensate" in now.residue[0].why
    # and what ran before it is not undone behind its back
    assert "a!undo" not in sent


def test_a_key_that_is_forgotten_is_not_asked_with() -> None:
    tiny = plan(call("a"))
    state, now, sent = play(tiny, "long crash a")
    assert list(sent) == ["a"]
    assert state.calls["a"].expired
    assert (now.state, now.stuck) == ("stuck", ("a",))


@pytest.mark.parametrize("undo", ["refuse extra/b!undo 401", "ok extra/b!undo"])
def test_a_cancel_while_a_group_is_undone_alone_waits_for_its_undo(undo: str) -> None:
    # given a group that may fail, whose undo is out when the whole run is cancelled
    group = "- id: extra\n  critical: false\n  steps:\n" + indent(call("b") + call("c"), "    ")
    tiny = plan(call("a") + group)
    trail = "ok a · ok extra/b · refuse extra/c 401 · cancel"
    _, now, _ = play(tiny, trail)
    # then the group and its step are shown as being undone, not as if they were to stay
    assert out(now) == ["extra/b!undo"]
    assert {now.stands["extra"].state, now.stands["extra/b"].state} == {"undoing"}
    # and once it has landed, what ran before is undone
    assert out(play(tiny, f"{trail} · {undo}")[1]) == ["a!undo"]
