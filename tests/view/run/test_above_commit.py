"""What a screen says of a run above its commit line: stuck there, undone, and while a lost answer is asked for again."""

from __future__ import annotations

import pytest

from flowdsl.plan.nodes import Plan
from flowdsl.saga.observation import Answer
from flowdsl.view.paint import plain
from flowdsl.view.run.closing import closing, suggestions
from flowdsl.view.run.report import run_report, step_report
from flowdsl.view.run.status import About, detail, status_text
from flowdsl.view.run.timeline import timeline
from flowdsl.view.run.tree import picture
from flowdsl.view.times import duration
from tests.runs import play as follow
from tests.runs import run_at
from tests.saga.plans import call, plan
from tests.view.runs import Answering, Story, play

LOSER = call("b", more="for_each: w in [1, 2]\ncollect: first_success")
LOST_LOSER = "ok a · ok b[0] · ok b[1] · refuse b[1]!undo 422"


def stuck_loser() -> Plan:
    return plan(call("a") + LOSER + call("c"))


# --- stuck, and not turned ---------------------------------------------------------------------------


def test_a_run_that_is_stuck_before_commit_says_so_and_offers_a_cancel() -> None:
    # given a loser that cannot be undone: the run has not turned, and nothing is committed
    state, now, _ = follow(stuck_loser(), LOST_LOSER)
    assert (now.state, state.turning, state.committed) == ("stuck", None, False)
    # then it is not said to be past its commit line
    said = plain(closing(run_at(stuck_loser(), state)))
    assert "1 step cannot be undone, and nothing is committed" in said
    assert "after commit" not in said
    # and whoever gives up on it can have the rest undone
    commands = {one.command: one.why for one in suggestions(run_at(stuck_loser(), state))}
    assert "flowdsl resume run" in commands
    assert commands["flowdsl cancel run"] == "undo a, b[0], b[1]"


def test_a_run_that_is_stuck_past_its_commit_line_offers_no_cancel() -> None:
    below = plan(call("a") + "- commit\n- id: b\n  call: POST keyed/b\n")
    state, _, _ = follow(below, "ok a · refuse b")
    assert "1 call after commit cannot be done" in plain(closing(run_at(below, state)))
    assert not any("cancel" in one.command for one in suggestions(run_at(below, state)))


# --- what stands, and what a person should know of ---------------------------------------------------


def test_what_stands_in_a_run_that_went_on_is_told_on_every_screen() -> None:
    # given a part that may fail, whose undo was refused
    group = "- id: extra\n  critical: false\n  steps:\n    - id: h\n      call: POST keyed/h\n"
    steps = group + "      compensate: DELETE keyed/h/${h.id}\n    - fail: no\n" + call("c")
    tiny = plan(steps)
    state, now, _ = follow(tiny, "ok h · refuse extra/h!undo 422 · ok c")
    assert now.state == "succeeded"
    # then the picture marks it, the end names it, and the list does
    (row,) = [
        line for line in plain(picture(run_at(tiny, state))).splitlines() if "POST keyed/h" in line
    ]
    assert row.strip().startswith("! h")
    assert "stands: DELETE …/1  422" in row
    assert "h  DELETE keyed/h/1 422 · stands" in plain(closing(run_at(tiny, state)))
    assert detail(run_at(tiny, state)) == "! h: stands"
    report = step_report(run_at(tiny, state), "extra/h")
    assert isinstance(report, dict)
    assert report["state"] == "kept"
    assert isinstance(report["undo"], dict)
    assert report["undo"]["state"] == "refused"


# --- outputs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trail", "shown"),
    [
        ("ok a", {"seat": 1}),
        ("ok a · ok b", {"seat": 1}),
        ("ok a · refuse b", {}),
        ("ok a · refuse b · refuse a!undo", {}),
        ("ok a · refuse b · ok a!undo", {}),
        ("ok a · cancel · ok b · ok b!undo · ok a!undo", {}),
    ],
    ids=["running", "succeeded", "compensating", "stuck", "compensated", "cancelled"],
)
def test_a_run_that_is_undone_has_no_outputs(trail: str, shown: object) -> None:
    tiny = plan(call("a") + call("b"), "outputs: { seat: '${a.id}' }\n")
    state, _, _ = follow(tiny, trail)
    report = run_report(run_at(tiny, state))
    assert isinstance(report, dict)
    assert report["outputs"] == shown


# --- a lost answer that is asked for again -----------------------------------------------------------

ASKED = call("a", more="retry: { attempts: 2, delay: 30ms }") + call("b")


def asking(turns: int) -> Story:
    """The service answers 500 for ever; the undo of `a` needs its answer, and has ten tries."""
    answers = {"a": (Answer(500),), "a!answer": (Answer(500),)}
    return play(plan(ASKED), {}, Answering(answers), run="run", turns=turns)


def shown(story: Story) -> str:
    return plain(picture(story.run, story.at))


def test_while_a_lost_answer_is_asked_for_again_the_figures_are_those_of_its_undo() -> None:
    # given the fifth ask, which has just failed as well
    story = next(
        one
        for one in map(asking, range(1, 30))
        if (entry := one.state.calls.get("a!answer")) and entry.attempt == 5 and not entry.flying
    )
    due = story.state.armed["a!answer#6"] - story.at
    assert due > 7  # the patience of an undo, not the 30 ms of the step
    # then the picture and `status` say which ask it was, of how many, and when the next one is due
    said = f"asks again, 5 of 10, next in {duration(due)}"
    assert said in shown(story)
    status = status_text(story.run, About(story.at, driven=True))
    assert said in plain(status)
    # and so does the log
    log = [line for turn in story.told for line in timeline(turn) if " retry " in line]
    assert [line.split("  ")[-1].rpartition(", next in ")[0] for line in log] == [
        "try 1 of 2",
        *(f"asks again, {number} of 10" for number in range(1, 6)),
    ]
    assert log[-1].endswith(said)


def test_the_end_counts_every_request_that_was_sent() -> None:
    # given two tries and ten asks
    story = asking(40)
    assert story.now.state == "stuck"
    assert (story.state.calls["a"].attempt, story.state.calls["a!answer"].attempt) == (2, 10)
    # then there were twelve
    assert "12 tries" in plain(closing(story.run))
    report = step_report(story.run, "a")
    assert isinstance(report, dict)
    assert report["attempts"] == 12


def test_an_ask_that_is_out_says_which_it_is() -> None:
    story = next(
        one
        for one in map(asking, range(1, 30))
        if (entry := one.state.calls.get("a!answer")) and entry.flying
    )
    assert "asks again, 1 of 10" in shown(story)
