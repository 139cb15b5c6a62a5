"""What is said of each kind of failure, and of what nobody thought would be asked for."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from flowdsl.plan.nodes import Call, NothingToUndo
from flowdsl.plan.template import Constant, Items
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Failed, Failure, Finished, Parked, Unknown
from flowdsl.saga.run import Run
from flowdsl.saga.scope import failure_value
from flowdsl.view.calls import call_text, template_text
from flowdsl.view.paint import plain
from flowdsl.view.plan.falls import Fall
from flowdsl.view.plan.forecast import forecast, path_text
from flowdsl.view.run.closing import closing, state_line, suggestions
from flowdsl.view.run.exchange import show_text
from flowdsl.view.run.failure import cause_frame, failure_frame, status_phrase
from flowdsl.view.run.positions import cause_of
from flowdsl.view.run.status import RunRow, detail, list_text
from tests.runs import run_at
from tests.view.stories import FLIGHT, plan_of, stories


@pytest.mark.parametrize(
    ("failure", "call", "title"),
    [
        (
            Failure("F110", "answered 402", "payment", 402),
            "",
            "payment was refused: 402 Payment Required",
        ),
        (Failure("F110", "answered 499", "payment", 499), "", "payment was refused: 499"),
        (
            Failure("F110", "answered 409", FLIGHT, 409),
            f"{FLIGHT}!undo",
            "the undo of flight was refused: 409 Conflict",
        ),
        (
            Failure("F111", "answered 500", "payment", 500),
            "",
            "nobody knows what became of payment: 500 Internal Server Error",
        ),
        (
            Failure("F118", "the process ended", "payment"),
            "",
            "nobody knows what became of payment",
        ),
        (Failure("F112", "nothing was sent", "payment"), "", "payment could not be sent"),
        (
            Failure("F130", "nothing was sent", "payment"),
            "",
            "payment was not sent: no service may be at that address",
        ),
        (Failure("F114", "it is null", "payment"), "", "an expression of payment has no value"),
        (Failure("F115", "too small", "payment"), "", "too small"),
        (Failure("F117", "the run's timeout passed"), "", "the run's timeout passed"),
        (Failure("F199", "odd", "payment"), "", "payment: odd"),
    ],
)
def test_a_frame_begins_with_what_happened(failure: Failure, call: str, title: str) -> None:
    story = stories()["open"]
    lines = plain(failure_frame(story.run, failure, call)).splitlines()
    assert lines[0] == f"error[{failure.code}]: {title}"
    if failure.step:
        assert lines[1].startswith("  --> workflows/trip.yaml:")


def test_a_plan_without_its_text_has_frames_without_code() -> None:
    story = stories()["declined"]
    bare = run_at(dataclasses.replace(story.plan, source=""), story.state)
    cause = cause_of(bare)
    assert cause is not None
    shown = plain(failure_frame(bare, cause))
    assert "-->" not in shown
    assert '= received  {"error": "card_declined"}' in shown


def test_a_status_without_a_name_is_a_number() -> None:
    assert status_phrase(418) == "418 I'm a Teapot"
    assert status_phrase(599) == "599"


def test_a_parked_run_says_so() -> None:
    story = stories()["open"]
    crashed = Unknown(Failure("F118", "the process ended", "payment"), interrupted=True)
    parked = Parked(Failure("F121", "the run took its process down 10 times"))
    run = story.run.with_facts([Finished("payment", 1, story.at, crashed), parked])
    assert "took its process down" in plain([state_line(run)])
    assert "took its process down" in plain(cause_frame(run))
    assert [each.command for each in suggestions(run)] == [
        "flowdsl resume book-trip-7k3fq2mzab",
        "flowdsl cancel book-trip-7k3fq2mzab",
    ]


def test_a_run_of_which_nothing_is_known_can_be_drawn() -> None:
    run = Run.of(plan_of("trip"), ())
    assert plain(closing(run)).startswith("● running")
    assert call_text(run, FLIGHT) == "POST flights/reservations"
    assert "nothing was sent" in plain(show_text(run, FLIGHT))
    assert detail(run) == ""


def test_a_request_that_could_not_be_made_is_shown_with_its_reason() -> None:
    failed = Failed("call-1", Failure("F114", "its url is null", "call-1"))
    shown = plain(show_text(stories()["open"].run.with_facts([failed]), "call-1"))
    assert "! its url is null" in shown


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (FLIGHT, "not any more: the run has committed"),
        ("payment", "not any more: the run has committed"),
        ("call-1", "not needed: nothing was sent"),
    ],
)
def test_why_there_was_no_undo_is_said(step: str, said: str) -> None:
    story = stories()["booked"]
    assert said in plain(show_text(story.run, step))


def test_compensate_none_and_no_compensate_differ() -> None:
    story = stories()["booked"]
    node = story.plan.nodes["payment"]
    assert isinstance(node, Call)
    for compensation, said in ((None, "no `compensate`"), (NothingToUndo(), "on purpose")):
        changed = replace(node, compensation=compensation)
        plan = dataclasses.replace(story.plan, nodes={**story.plan.nodes, "payment": changed})
        assert said in plain(show_text(run_at(plan, story.state), "payment"))


def test_a_list_of_no_runs_says_what_to_type() -> None:
    assert plain(list_text([], 0.0)) == "no such runs\n"
    rows = [RunRow("mine", "book-trip", "odd", None, 0.0, None)]
    assert "WORKFLOW" in plain(list_text(rows, 10.0))


def test_templates_that_are_no_text_have_a_sign() -> None:
    assert template_text(Items(())) == "‹…›"
    assert template_text(Constant(3)) == "3"
    assert path_text(forecast(plan_of("trip"), {}), "", Constant("/a")) == "/a"


def test_what_a_plan_announces_is_a_value() -> None:
    assert Fall("undo", ("a",)) == Fall("undo", ("a",), (), goes_on=False)


def test_a_reason_that_is_long_is_told_in_full_under_the_frame() -> None:
    reason = "TLS with localhost:8443: certificate verify failed: unable to get local issuer certificate in the chain of it"
    story = stories()["not-sent"]
    failure = Failure("F112", f"nothing was sent: {reason}", FLIGHT, reason=reason)
    shown = plain(failure_frame(story.run, failure))
    assert "nothing was sent (2.5s, 3 tries)" in shown
    told = shown[shown.index("= why ") :].splitlines()
    assert told[0].startswith("= why       TLS with localhost:8443: certificate verify failed")
    assert " ".join(" ".join(told[:2]).split()).endswith("in the chain of it")
    assert all(len(line) <= 88 for line in shown.splitlines())


def test_a_failure_of_an_old_journal_has_no_reason_apart_and_is_told_whole() -> None:
    line = (
        b'{"t":"finished","call":"flight","attempt":1,"at":2.0,"outcome":{"t":"unknown","failure":'
        b'{"code":"F111","message":"the answer was lost: the connection was reset by the peer, twice","step":"flight"}}}'
    )
    event = decode(line)
    assert isinstance(event, Finished)
    assert isinstance(event.outcome, Unknown)
    failure = event.outcome.failure
    assert failure.reason == ""
    shown = plain(failure_frame(stories()["not-sent"].run, failure, FLIGHT))
    assert "the answer was lost: the connection" in shown
    assert shown.count("reset by the peer, twice") == 1
    # and a new one keeps the reason in the journal, and nowhere else
    new = replace(event, outcome=Unknown(replace(failure, reason="it was reset")))
    assert b'"reason":"it was reset"' in encode(new)
    assert decode(encode(new)) == new
    assert failure_value(replace(failure, reason="it was reset")) == failure_value(failure)
