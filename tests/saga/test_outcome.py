"""contract.md, "One attempt, one observation": every row, and what speaks for the attempts before."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
from msgspec.structs import replace

from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Failure, Finished, Ok, Outcome, Refused, Unknown
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.saga.outcome import interrupted, judge
from flowdsl.saga.unfolding import unfolded
from tests.runs import play, run_at
from tests.saga.plans import call, plan

AGAIN = (("Retry-After", "7"),)


def seen_as(
    seen: Observation, *, service: str = "keyed", trail: str = "start a", more: str = ""
) -> Outcome:
    """What `a` came to, seen so in the attempt that is out at the end of the trail."""
    tiny = plan(call("a", service, more=more))
    return judged(tiny, trail, "a", seen)


def judged(tiny: Plan, trail: str, about: CallId, seen: Observation) -> Outcome:
    state, _, _ = play(tiny, trail)
    assert state.calls[about].flying
    return judge(unfolded(tiny, state), state, about, seen)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_a_2xx_with_a_whole_body_is_ok(status: int) -> None:
    answer = Answer(status, (("X-Trace", "t"),), {"id": Decimal("1.5")})
    assert seen_as(answer) == Ok(status, {"X-Trace": "t"}, {"id": Decimal("1.5")})


def test_an_empty_body_is_null_and_ok() -> None:
    assert seen_as(Answer(204)) == Ok(204, {}, None)


def test_not_sent_is_refused_and_may_be_tried_again() -> None:
    outcome = seen_as(NotSent("no such host"))
    assert isinstance(outcome, Refused)
    assert (outcome.again, outcome.sent, outcome.definite) == (True, False, False)
    assert outcome.failure.code == "F112"
    assert "no such host" in outcome.failure.message


def test_what_cannot_be_built_is_refused_for_good() -> None:
    """It would not build the next time either."""
    outcome = seen_as(NotSent("the header x holds an end of line", unbuildable=True))
    assert isinstance(outcome, Refused)
    assert (outcome.again, outcome.sent, outcome.definite) == (False, False, False)
    assert outcome.failure.code == "F112"


def test_what_may_not_be_sent_is_refused_for_good() -> None:
    outcome = seen_as(NotSent("link-local", forbidden=True))
    assert isinstance(outcome, Refused)
    assert (outcome.again, outcome.sent, outcome.definite) == (False, False, False)
    assert outcome.failure.code == "F130"


@pytest.mark.parametrize(
    "status",
    [*range(300, 309), *range(400, 408), *range(409, 425), 426, 428, 431, 451, 499],
)
def test_a_no_is_refused_for_good(status: int) -> None:
    outcome = seen_as(Answer(status, (), {"why": "no"}))
    assert isinstance(outcome, Refused)
    assert not outcome.again
    assert outcome.sent
    assert (outcome.failure.code, outcome.failure.status) == ("F110", status)
    assert outcome.failure.response == {"why": "no"}
    assert outcome.failure.step == "a"


@pytest.mark.parametrize(
    ("status", "definite"),
    [
        *[(302, False), (401, False), (403, False), (407, False)],
        *[(400, True), (402, True), (404, True), (409, True), (410, True), (422, True)],
    ],
)
def test_only_an_answer_that_looked_at_the_key_speaks_for_earlier_attempts(
    status: int, definite: bool
) -> None:
    keyed, plain = seen_as(Answer(status)), seen_as(Answer(status), service="plain")
    assert isinstance(keyed, Refused)
    assert isinstance(plain, Refused)
    assert keyed.definite is definite
    assert plain.definite is False


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_refused_for_now_is_retried_after_the_wait_that_was_asked_for(status: int) -> None:
    outcome = seen_as(Answer(status, AGAIN))
    assert isinstance(outcome, Refused)
    assert (outcome.again, outcome.retry_after_seconds, outcome.definite) == (True, 7.0, False)


@pytest.mark.parametrize("status", [408, 425, 429])
def test_refused_for_now_needs_no_retry_after(status: int) -> None:
    outcome = seen_as(Answer(status))
    assert isinstance(outcome, Refused)
    assert (outcome.again, outcome.retry_after_seconds) == (True, None)


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf", ""])
def test_a_retry_after_that_says_nothing_is_none(text: str) -> None:
    headers = (("retry-after", text),)
    assert isinstance(seen_as(Answer(503, headers)), Unknown)
    later = seen_as(Answer(429, headers))
    assert isinstance(later, Refused)
    assert later.retry_after_seconds is None


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 507, 599])
def test_any_other_5xx_is_unknown(status: int) -> None:
    outcome = seen_as(Answer(status, (), {"oh": "dear"}))
    assert isinstance(outcome, Unknown)
    assert outcome.answer is None
    assert outcome.failure.status == status


@pytest.mark.parametrize("status", [0, 101, 199, 600, 999])
def test_a_status_that_says_neither_yes_nor_no_is_unknown(status: int) -> None:
    assert isinstance(seen_as(Answer(status)), Unknown)


def test_a_lost_answer_is_unknown() -> None:
    outcome = seen_as(Lost("read timeout"))
    assert isinstance(outcome, Unknown)
    assert outcome.failure.code == "F111"
    assert not outcome.interrupted


def test_a_process_that_died_leaves_an_unknown() -> None:
    outcome = interrupted("a!undo")
    assert (outcome.interrupted, outcome.failure.code) == (True, "F118")
    assert outcome.failure.step == "a"


def test_a_2xx_whose_body_cannot_be_read_is_unknown_for_it_happened() -> None:
    outcome = seen_as(Answer(200, (), None, "cut short"))
    assert isinstance(outcome, Unknown)
    assert outcome.answer is None
    assert "cut short" in outcome.failure.message


def test_a_2xx_of_which_expect_does_not_hold_is_refused() -> None:
    more = "expect: a.available"
    outcome = seen_as(Answer(200, (), {"available": False}), more=more)
    assert isinstance(outcome, Refused)
    assert (outcome.again, outcome.definite, outcome.failure.code) == (False, True, "F113")
    assert isinstance(seen_as(Answer(200, (), {"available": True}), more=more), Ok)
    plain = seen_as(Answer(200, (), {"available": False}), service="plain", more=more)
    assert isinstance(plain, Refused)
    assert not plain.definite


def test_an_expect_that_fails_leaves_an_unknown_and_keeps_the_answer_for_the_undo() -> None:
    outcome = seen_as(Answer(200, (), {"id": "X"}), more="expect: a.missing.field")
    assert isinstance(outcome, Unknown)
    assert outcome.answer == Ok(200, {}, {"id": "X"})
    assert outcome.failure.code == "F114"


# --- 409 ---------------------------------------------------------------------------------------------


def test_a_409_to_a_re_sent_key_means_that_the_service_is_still_at_it() -> None:
    sent_again = "lose reply a · fire a#2"
    outcome = seen_as(Answer(409, AGAIN), trail=sent_again)
    assert isinstance(outcome, Unknown)
    assert outcome.retry_after_seconds == 7.0


def test_a_409_to_a_first_send_or_of_a_service_without_keys_is_a_no() -> None:
    assert isinstance(seen_as(Answer(409)), Refused)
    again = seen_as(Answer(409), service="plain", trail="busy a · fire a#2")
    assert isinstance(again, Refused)


# --- undo --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "trail", "status", "done"),
    [
        ("410 is done", "ok a · refuse b", 410, True),
        ("404 to the first undo of an ok step may be a wrong path", "ok a · refuse b", 404, False),
        ("404 when this undo was out before", "ok a · refuse b · lose reply a!undo · fire a!undo#2", 404, True),
        ("404 when it was refused for now before: nothing was done", "ok a · refuse b · busy a!undo · fire a!undo#2", 404, False),
        ("422 is no", "ok a · refuse b", 422, False),
    ],
)  # fmt: skip
def test_what_an_undo_makes_of_a_no(name: str, trail: str, status: int, done: bool) -> None:
    tiny = plan(call("a", "plain") + call("b"))
    assert isinstance(judged(tiny, trail, "a!undo", Answer(status)), Ok) is done, name


def test_a_404_to_the_undo_of_an_unknown_step_is_done() -> None:
    tiny = plan("- id: a\n  call: POST plain/a\n  compensate: DELETE plain/a/${steps.a.key}\n")
    trail = "lose request a · fire a!settle#1"
    assert isinstance(judged(tiny, trail, "a!undo", Answer(404)), Ok)


def test_gone_ok_takes_a_404_for_done() -> None:
    tiny = plan(
        """
        - id: a
          call: POST plain/a
          compensate: { call: "DELETE plain/a/${a.id}", gone: ok }
        """
        "\n"
    )
    assert isinstance(judged(tiny, "ok a & cancel", "a!undo", Answer(404)), Ok)


# --- probes ------------------------------------------------------------------------------------------

PROBE = """
- id: a
  call: POST plain/a
  probe:
    call: GET plain/a
    found: probe.count > 0
    result: probe.items[0]
  compensate: DELETE plain/a/${a.id}
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"count": 1, "items": [{"id": "X"}]}, Ok(200, {}, {"id": "X"})),
        ({"count": 0}, "absent"),
        ({}, "nothing found out"),
        ({"count": 1, "items": []}, "nothing found out"),
    ],
)
def test_a_probe_finds_it_or_its_absence_or_nothing_out(body: object, expected: object) -> None:
    outcome = judged(plan(PROBE), "lose reply a", "a!probe", Answer(200, (), body))  # type: ignore[arg-type]
    if isinstance(expected, Ok):
        assert outcome == expected
    else:
        assert isinstance(outcome, Refused)
        assert outcome.absent is (expected == "absent")
        assert not outcome.again


def test_a_probe_that_is_refused_says_nothing_about_the_step() -> None:
    outcome = judged(plan(PROBE), "lose reply a", "a!probe", Answer(404))
    assert isinstance(outcome, Refused)
    assert not outcome.absent
    assert not outcome.definite


# --- answers that do not fit their contract ----------------------------------------------------------

ODD = Answer(201, (), {"id": 7}, misfit="`id` is text, not 7")
READ = "- id: a\n  call: GET plain/a\n"
EXPECTING = call("a", "plain", more="expect: a.good")


def strict(plain: Plan) -> Plan:
    services = {name: replace(service, strict=True) for name, service in plain.services.items()}
    return dataclasses.replace(plain, services=services)


@pytest.mark.parametrize("trail", ["start a", "ok a & cancel · start a!undo"])
def test_an_answer_that_does_not_fit_is_ok_and_says_so(trail: str) -> None:
    about = trail.rpartition(" ")[2]
    outcome = judged(plan(call("a")), trail, about, ODD)
    assert outcome == Ok(201, {}, {"id": 7}, "`id` is text, not 7")


def test_where_the_service_is_strict_a_change_is_unknown_and_its_answer_kept() -> None:
    outcome = judged(strict(plan(call("a"))), "start a", "a", ODD)
    assert isinstance(outcome, Unknown)
    assert outcome.failure.code == "F122"
    assert "`id` is text, not 7" in outcome.failure.message
    assert outcome.answer == Ok(201, {}, {"id": 7}, "`id` is text, not 7")


def test_where_the_service_is_strict_a_read_is_refused() -> None:
    outcome = judged(strict(plan(READ)), "start a", "a", ODD)
    assert isinstance(outcome, Refused)
    assert (outcome.failure.code, outcome.again, outcome.definite) == ("F122", False, False)


def test_where_the_service_is_strict_a_probe_finds_nothing_out() -> None:
    odd = Answer(200, (), {"count": 1, "items": [{"id": "X"}]}, misfit="`count` is text, not 1")
    outcome = judged(strict(plan(PROBE)), "lose reply a", "a!probe", odd)
    assert isinstance(outcome, Refused)
    assert not outcome.absent


def test_an_answer_that_is_not_believed_is_not_asked_what_it_expects() -> None:
    odd = replace(ODD, body={"good": False})
    assert isinstance(judged(plan(EXPECTING), "start a", "a", odd), Refused)
    assert isinstance(judged(strict(plan(EXPECTING)), "start a", "a", odd), Unknown)


@pytest.mark.parametrize(
    ("steps", "trail", "about"),
    [
        (call("a"), "ok a & cancel", "a!undo"),
        (call("a", more="confirm: POST keyed/a/confirm"), "ok a", "a!confirm"),
        (call("a"), "fail a & cancel", "a!answer"),
    ],
)
def test_an_answer_that_nothing_reads_is_ok_even_where_the_service_is_strict(
    steps: str, trail: str, about: CallId
) -> None:
    outcome = judged(strict(plan(steps)), trail, about, ODD)
    assert outcome == Ok(201, {}, {"id": 7}, "`id` is text, not 7")


@pytest.mark.parametrize("service", ["plain", "grave"])
def test_what_was_not_believed_is_undone_with_what_it_answered(service: str) -> None:
    # given a service that promises nothing of keys, so that it cannot be asked again
    steps = strict(plan(call("a", service)))
    # when its answer does not fit
    state, now, sent = play(steps, "misfit a" + " · fire a!settle#1" * (service == "plain"))
    # then the undo names the id it did answer
    assert sent == ("a", "a!undo")
    request = state.calls["a!undo"].request
    assert request is not None
    assert request.url == f"http://{service}/a/1"
    assert now.state == "compensating"


def test_what_does_not_fit_is_a_warning_of_the_run_for_good() -> None:
    # given a run whose call and whose undo were answered oddly
    tiny = plan(call("a"))
    state, now, _ = play(tiny, "misfit a")
    assert now.state == "succeeded"
    warning = Failure("F122", now.warnings[0].message, "a", 200, {"id": 1})
    assert now.warnings == (warning,)
    # when the facts go to disk and back
    assert decode(encode(Finished("a", 1, 0.0, Ok(200, {}, {"id": 1}, "odd")))) == Finished(
        "a", 1, 0.0, Ok(200, {}, {"id": 1}, "odd")
    )
    assert run_at(tiny, state).progress.warnings == (warning,)
