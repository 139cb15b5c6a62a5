"""The run: draining, the order of undoing, what holds up what, commit and confirms, cancel and deadline."""

from __future__ import annotations

import pytest

from flowdsl.explorer.situation import SIGNER
from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.advance import advance
from flowdsl.saga.commands import Invoke, Sleep
from flowdsl.saga.events import (
    CancelRequested,
    Created,
    Event,
    Parked,
    Paused,
    Planned,
    Resumed,
    Stopped,
    Turned,
)
from flowdsl.saga.progress import Progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import fold
from tests.explorer.corpus import (
    careless_group,
    commit_in_the_middle,
    diamond,
    groups,
    nested,
    parallel,
    sequence,
    wait_and_timeout,
)
from tests.explorer.corpus import on_failure as alerting
from tests.runs import play, run_at
from tests.saga.plans import by_key, call, plan


def wanted(now: Progress) -> set[CallId]:
    """What is in flight, and what is slept on."""
    calls = {command.call for command in now.commands if isinstance(command, Invoke)}
    return calls | {command.timer for command in now.commands if isinstance(command, Sleep)}


def undos(tiny: Plan, trail: str) -> list[CallId]:
    """The steps in the order in which their undos were sent, on a trail that lets every undo succeed."""
    while True:
        _, now, sent = play(tiny, trail)
        out = [c.call for c in now.commands if isinstance(c, Invoke)]
        if not out:
            return [name.removesuffix("!undo") for name in sent if name.endswith("!undo")]
        trail += f" · ok {out[0]}"


# --- forward -----------------------------------------------------------------------------------------


def test_steps_run_one_after_the_other_and_the_run_ends() -> None:
    state, now, sent = play(sequence(), "ok a · ok b · ok c")
    assert list(sent) == ["a", "b", "c"]
    assert (now.state, state.ended, state.committed) == ("succeeded", "succeeded", True)
    assert {now.stands[name].state for name in "abc"} == {"ok"}


def test_the_children_of_a_parallel_start_together_but_for_those_that_read_a_sibling() -> None:
    _, now, _ = play(diamond(), "start")
    assert wanted(now) == {"parallel-1/a", "parallel-1/c"}
    _, now, _ = play(diamond(), "ok a")
    assert wanted(now) == {"parallel-1/b", "parallel-1/c"}


def test_a_step_whose_condition_is_false_is_skipped_and_nothing_of_it_undone() -> None:
    tiny = plan(call("a") + call("b", more="when: a.wanted > 5") + call("c"))
    _, now, sent = play(tiny, "ok a · refuse c · ok a!undo")
    assert now.stands["b"].state == "skipped"
    assert (now.state, list(sent)) == ("compensated", ["a", "c", "a!undo"])


def test_a_skipped_group_stays_skipped_when_the_run_turns() -> None:
    group = "- id: g\n  when: a.wanted > 5\n  steps:\n" + nested(call("b"))
    _, now, _ = play(plan(call("a") + group + call("c")), "ok a · refuse c")
    assert now.stands["g"].state == "skipped"


def test_a_wait_is_slept_on_and_the_run_says_so() -> None:
    state, now, _ = play(wait_and_timeout(), "ok a")
    assert (now.state, wanted(now)) == ("waiting", {"wait-1", "deadline"})
    assert state.armed == {"wait-1": 30.0, "deadline": 3600.0}


# --- draining and planning --------------------------------------------------------------------------


def test_a_refusal_lets_land_what_is_in_flight_before_anything_is_undone() -> None:
    state, now, sent = play(parallel(), "refuse a")
    assert (now.state, wanted(now)) == ("compensating", {"parallel-1/b"})
    assert state.planned == {}
    state, now, sent = play(parallel(), "refuse a · ok b")
    assert state.planned == {"": {"parallel-1/b"}}
    assert sent[-1] == "parallel-1/b!undo"


def test_nothing_new_starts_while_draining() -> None:
    _, now, sent = play(diamond(), "refuse c · ok a")
    assert "parallel-1/b" not in sent
    assert wanted(now) == {"parallel-1/a!undo"}


def test_waits_and_backoffs_are_dropped_and_a_backoff_keeps_its_join() -> None:
    state, now, _ = play(parallel(), "lose reply a · refuse b")
    assert "parallel-1/a#2" not in wanted(now)
    assert state.planned == {"": {"parallel-1/a"}}
    state, now, _ = play(parallel(), "busy a · refuse b")
    assert state.planned == {"": frozenset()}
    assert now.state == "compensated"


def test_two_refusals_make_one_turn_and_one_plan() -> None:
    for trail in ("refuse a & refuse b", "refuse a · refuse b"):
        state, now, _ = play(parallel(), trail)
        assert (now.state, len(state.turned), len(state.planned)) == ("compensated", 1, 1)


def test_the_first_cause_names_the_end() -> None:
    assert play(sequence(), "ok a · refuse b · cancel · ok a!undo")[1].state == "compensated"
    assert play(sequence(), "ok a · cancel · refuse b · ok a!undo")[1].state == "cancelled"


@pytest.mark.parametrize("trail", ["ok a · ok b · ok c & cancel", "ok a · refuse b & cancel"])
def test_a_cancel_that_comes_with_an_answer_turns_the_run_once(trail: str) -> None:
    state, now, _ = play(sequence(), trail)
    assert (now.state, state.committed) == ("compensating", False)
    assert state.turned[""].cause == "cancelled"


# --- the order of undoing ----------------------------------------------------------------------------


def test_a_sequence_is_undone_from_its_end() -> None:
    tiny = plan(call("a") + call("b") + call("c") + call("d"))
    assert undos(tiny, "ok a · ok b · ok c · refuse d") == ["c", "b", "a"]


def test_nested_groups_are_undone_along_the_graph_reversed() -> None:
    trail = "ok left/a · ok left/b · ok c · refuse d".replace("left/", "")
    _, now, _ = play(groups(), trail)
    assert wanted(now) == {"parallel-1/left/b!undo", "parallel-1/c!undo"}
    order = undos(groups(), trail)
    assert order.index("parallel-1/left/b") < order.index("parallel-1/left/a")


def test_a_data_edge_inside_a_parallel_holds_backwards_too() -> None:
    trail = "ok a · ok b · refuse c"
    _, now, _ = play(diamond(), trail)
    assert wanted(now) == {"parallel-1/b!undo"}
    assert undos(diamond(), trail) == ["parallel-1/b", "parallel-1/a"]


def test_a_whole_group_waits_for_what_ran_after_it() -> None:
    tiny = plan("- parallel:\n" + nested(call("a"), call("b")) + call("c") + call("d"))
    _, now, _ = play(tiny, "ok a · ok b · ok c · refuse d")
    assert wanted(now) == {"c!undo"}
    _, now, _ = play(tiny, "ok a · ok b · ok c · refuse d · ok c!undo")
    assert wanted(now) == {"parallel-1/a!undo", "parallel-1/b!undo"}


def test_a_stuck_undo_holds_up_what_ran_before_it_and_nothing_else() -> None:
    trail = "ok a · ok b · ok c · refuse d · refuse left/b!undo 422 · ok c!undo"
    trail = trail.replace("left/", "")
    _, now, sent = play(groups(), trail)
    assert (now.state, now.stuck) == ("stuck", ("parallel-1/left/b!undo",))
    assert "parallel-1/c!undo" in sent
    assert "parallel-1/left/a!undo" not in sent
    assert now.stands["parallel-1/left/a"].state == "ok"
    assert [entry.step for entry in now.residue] == ["parallel-1/left/b", "parallel-1/left/a"]


# --- critical: false ---------------------------------------------------------------------------------

CARELESS = (
    call("a")
    + by_key("b", more="critical: false\nretry: 1")
    + call("c", reads='default(b, "none")')
)


def test_a_tolerated_refusal_is_a_warning_and_a_null() -> None:
    state, now, _ = play(plan(CARELESS), "ok a · refuse b · ok c")
    assert now.state == "succeeded"
    assert [warning.step for warning in now.warnings] == ["b"]
    request = state.calls["c"].request
    assert request is not None
    assert request.body == ('{"reads":"none"}',)


def test_a_tolerated_unknown_is_undone_at_once_and_then_the_run_goes_on() -> None:
    _, now, sent = play(plan(CARELESS), "ok a · lose reply b · fire b!settle#1 · ok b!undo")
    assert list(sent) == ["a", "b", "b!undo", "c"]
    assert (now.stands["b"].state, now.residue) == ("undone", ())
    assert len(now.warnings) == 1


def test_a_tolerated_unknown_that_cannot_be_undone_is_named_and_never_stuck_by_itself() -> None:
    trail = "ok a · lose reply b · fire b!settle#1 · refuse b!undo 422 · ok c"
    _, now, _ = play(plan(CARELESS), trail)
    assert (now.state, now.stands["b"].state) == ("succeeded", "unknown")
    assert [(entry.step, entry.why) for entry in now.residue] == [("b", "may have happened")]
    # and it stays so when the run turns
    _, now, _ = play(plan(CARELESS + call("d")), f"{trail} · refuse d · ok c!undo · ok a!undo")
    assert (now.state, [entry.step for entry in now.residue]) == ("compensated", ["b"])


def test_a_tolerated_step_that_is_ok_is_undone_with_the_rest() -> None:
    assert undos(plan(CARELESS), "ok a · ok b · refuse c") == ["b", "a"]


def test_what_a_probe_found_stays_the_value_when_the_run_is_undone() -> None:
    probe = "probe: { call: GET plain/b, found: probe.id, result: probe }\ncritical: false"
    reads = "- id: c\n  call: POST keyed/c\n  compensate: DELETE keyed/c/${default(b, 'none').id}\n"
    tiny = plan(by_key("b", more=probe) + reads + call("d"))
    state, _, _ = play(tiny, 'lose reply b · ok b!probe {"id": "B7"} · ok c · refuse d')
    request = state.calls["c!undo"].request
    assert request is not None
    assert request.url == "http://keyed/c/B7"


def test_a_group_that_is_not_critical_turns_alone_and_the_rest_goes_on() -> None:
    state, now, _ = play(careless_group(), "ok a · ok b · refuse c")
    assert set(state.turned) == {"extra"}
    assert wanted(now) == {"extra/b!undo"}
    _, now, _ = play(careless_group(), "ok a · ok b · refuse c · ok extra/b!undo · ok d")
    assert (now.state, len(now.warnings)) == ("succeeded", 1)
    assert now.stands["extra"].state == "undone"


def test_a_group_that_may_fail_and_could_not_be_undone_is_named_and_the_run_goes_on() -> None:
    # given a group that turned alone, one undo of which is refused
    trail = "ok a · ok b · refuse c · refuse extra/b!undo 422"
    _, now, sent = play(careless_group(), trail)
    # then the next step starts, what stands is named, and nobody is asked
    assert (now.state, now.stuck, sent[-1]) == ("running", (), "d")
    assert (now.stands["extra/b"].state, now.stands["extra"].state) == ("kept", "refused")
    assert [(one.step, one.call, one.why) for one in now.residue] == [
        ("extra/b", "extra/b!undo", "stands")
    ]
    told = [(warning.code, warning.step, warning.status) for warning in now.warnings]
    assert told == [("F126", "extra/b", 422), ("F110", "extra/c", 402)]
    # and it stays so in the end, and when the run is undone
    assert play(careless_group(), f"{trail} · ok d")[1].residue == now.residue
    _, undone, _ = play(careless_group(), f"{trail} · refuse d · ok a!undo")
    assert (undone.state, undone.residue) == ("compensated", now.residue)


def test_what_stands_in_a_group_that_may_fail_is_not_confirmed() -> None:
    held = call("b", more="confirm: POST keyed/b/${b.id}/confirm")
    group = "- id: extra\n  critical: false\n  steps:\n" + nested(held, call("c"))
    _, now, sent = play(plan(group + call("d")), "ok b · refuse c · refuse extra/b!undo 422 · ok d")
    assert now.state == "succeeded"
    assert "extra/b!confirm" not in sent


def test_an_item_of_settled_of_which_nobody_knows_is_named_and_null() -> None:
    notes = "- id: n\n  for_each: w in [1, 2]\n  collect: settled\n  call: POST plain/${w}\n"
    tiny = plan(notes + "- call: POST keyed/seen\n  body: { n: '${n}' }\n  compensate: none\n")
    state, now, sent = play(tiny, "ok n[0] · lose reply n[1]")
    assert (now.state, sent[-1]) == ("running", "call-1")
    assert [(one.step, one.why) for one in now.residue] == [("n[1]", "may have happened")]
    assert {warning.step for warning in now.warnings} == {"n[1]"}
    request = state.calls["call-1"].request
    assert request is not None
    assert request.body == ('{"n":[{},null]}',)


@pytest.mark.parametrize("kind", ["call", "item"])
def test_what_may_fail_holds_up_no_undo_when_the_run_turns(kind: str) -> None:
    # given a step that may fail and went well, before one that is refused
    more = "for_each: w in [1]\ncollect: settled" if kind == "item" else "critical: false"
    tiny = plan(call("a") + call("b", more=more) + call("c"))
    step = "b[0]" if kind == "item" else "b"
    # when its undo is refused
    _, now, _ = play(tiny, f"ok a · ok {step} · refuse c · refuse {step}!undo 422 · ok a!undo")
    # then what ran before it is undone all the same, and it is named
    assert (now.state, now.stands["a"].state) == ("compensated", "undone")
    assert [(one.step, one.why) for one in now.residue] == [(step, "stands")]


def test_a_loser_that_cannot_be_undone_makes_the_run_stuck_as_ever() -> None:
    one = call("b", more="for_each: w in [1, 2]\ncollect: first_success")
    trail = "ok b[0] · ok b[1] · refuse b[1]!undo 422"
    assert play(plan(one + call("c")), trail)[1].stuck == ("b[1]!undo",)


def test_what_was_undone_with_its_group_is_null_outside_and_still_there_inside() -> None:
    inner = call("b") + call("x", reads="b.id") + call("c")
    undo_of_x = "- id: y\n  call: POST keyed/y\n  compensate: DELETE keyed/y/${b.id}\n"
    group = "- id: g\n  critical: false\n  steps:\n" + nested(inner, undo_of_x, call("z"))
    tiny = plan(group + call("after", reads='default(b, "gone")'))
    trail = 'ok b {"id": "B1"} · ok x · ok c · ok y · refuse z'
    state, _, _ = play(tiny, trail)
    request = state.calls["g/y!undo"].request
    assert request is not None
    assert request.url == "http://keyed/y/B1"
    for step in ("y", "c", "x", "b"):
        trail += f" · ok g/{step}!undo"
    state, _, _ = play(tiny, trail)
    request = state.calls["after"].request
    assert request is not None
    assert request.body == ('{"reads":"gone"}',)


def test_below_commit_a_group_that_turned_names_what_may_have_happened() -> None:
    group = "- id: g\n  critical: false\n  parallel:\n" + nested(
        "- id: b\n  call: POST plain/b\n", "- id: c\n  call: POST plain/c\n"
    )
    tiny = plan(call("a") + "- commit\n" + group)
    _, now, _ = play(tiny, "ok a · lose reply b · ok c")
    assert now.state == "succeeded"
    assert [(entry.step, entry.why) for entry in now.residue] == [("g/b", "may have happened")]
    assert now.stands["g/c"].state == "ok"


# --- commit ------------------------------------------------------------------------------------------


def test_confirms_run_after_commit_and_before_what_stands_below() -> None:
    state, now, sent = play(commit_in_the_middle(), "ok a · ok b")
    assert state.committed
    assert wanted(now) == {"parallel-1/a!confirm", "parallel-1/b!confirm"}
    _, now, sent = play(commit_in_the_middle(), "ok a · ok b · ok parallel-1/a!confirm")
    assert "c" not in sent


def test_confirms_keep_the_order_of_their_steps() -> None:
    tiny = plan("".join(call(n, more=f"confirm: POST keyed/{n}/${{{n}.id}}/confirm") for n in "ab"))
    _, now, _ = play(tiny, "ok a · ok b")
    assert wanted(now) == {"a!confirm"}
    _, now, _ = play(tiny, "ok a · ok b · ok a!confirm")
    assert wanted(now) == {"b!confirm"}


def test_what_is_not_ok_is_not_confirmed() -> None:
    more = "critical: false\nconfirm: POST keyed/a/${a.id}/confirm"
    tiny = plan(call("a", more=more) + call("b"))
    _, now, sent = play(tiny, "refuse a · ok b")
    assert (now.state, "a!confirm" in sent) == ("succeeded", False)


@pytest.mark.parametrize("fate", ["refuse", "lose reply"])
def test_below_commit_nothing_is_undone_and_what_fails_is_stuck(fate: str) -> None:
    confirmed = "ok a · ok b · ok parallel-1/a!confirm · ok parallel-1/b!confirm"
    state, now, sent = play(commit_in_the_middle(), f"{confirmed} · {fate} c")
    assert (now.state, now.stuck, state.turned) == ("stuck", ("c",), {})
    assert not any(name.endswith("!undo") for name in sent)
    assert now.residue[0].why == ("not done" if fate == "refuse" else "may have happened")


def test_a_refused_confirm_is_stuck_and_its_neighbours_go_on() -> None:
    trail = "ok a · ok b · refuse parallel-1/a!confirm · ok parallel-1/b!confirm"
    _, now, _ = play(commit_in_the_middle(), trail)
    assert (now.state, now.stuck) == ("stuck", ("parallel-1/a!confirm",))
    assert now.residue[0].why == "not confirmed"


def test_a_cancel_that_crossed_the_commit_changes_nothing_and_is_said() -> None:
    tiny = plan(call("a") + "- commit\n- id: b\n  call: POST keyed/b\n")
    state, _, _ = play(tiny, "ok a")
    late = fold(state, [CancelRequested(1.0)])
    now = run_at(tiny, late).progress
    assert wanted(now) == {"b"}
    assert [warning.code for warning in now.warnings] == ["F119"]


# --- cancel and deadline ----------------------------------------------------------------------------


def test_a_cancel_before_the_first_step_sends_nothing() -> None:
    tiny = sequence()
    events: list[Event] = [
        Created("run", "tiny", tiny.digest, 0.0, {}, {}, {}),
        CancelRequested(0.0),
    ]
    turn = advance(Run.new(tiny), events, SIGNER, 0.0)
    assert (turn.after.state.ended, turn.after.state.calls) == ("cancelled", {})


def test_a_cancel_lets_land_and_undoes() -> None:
    _, now, _ = play(sequence(), "ok a · cancel")
    assert wanted(now) == {"b"}
    assert undos(sequence(), "ok a · cancel · ok b") == ["b", "a"]


def test_a_cancel_in_a_wait_undoes_at_once() -> None:
    _, now, _ = play(wait_and_timeout(), "ok a · cancel")
    assert wanted(now) == {"a!undo"}


def test_a_deadline_cancels_and_the_undo_has_time_of_its_own() -> None:
    state, now, _ = play(wait_and_timeout(), "ok a · fire deadline")
    assert state.turned[""].cause == "deadline"
    assert wanted(now) == {"a!undo"}
    _, now, _ = play(wait_and_timeout(), "ok a · fire deadline · ok a!undo")
    assert now.state == "cancelled"


def test_past_commit_the_deadline_only_warns() -> None:
    tiny = plan(call("a") + "- commit\n- id: b\n  call: POST keyed/b\n", "timeout: 1h\n")
    _, now, _ = play(tiny, "ok a · fire deadline · ok b")
    assert (now.state, [w.code for w in now.warnings]) == ("succeeded", ["F117"])


@pytest.mark.parametrize("trail", ["ok a · cancel", "ok a · refuse b · cancel"])
def test_more_cancels_change_nothing(trail: str) -> None:
    state, _, _ = play(sequence(), trail)
    again = fold(state, [CancelRequested(9.0), CancelRequested(10.0)])
    assert (
        run_at(sequence(), again).progress.commands == run_at(sequence(), state).progress.commands
    )


# --- on_failure --------------------------------------------------------------------------------------


def test_on_failure_runs_once_after_the_undo_and_sees_the_error() -> None:
    state, now, sent = play(alerting(), "ok a · refuse b 409 · ok a!undo")
    assert sent[-1] == "on_failure/call-1"
    request = state.calls["on_failure/call-1"].request
    assert request is not None
    assert request.body == ('{"step":"b"}',)
    assert now.state == "compensating"
    tail = "ok on_failure/call-1 · refuse on_failure/call-2"
    _, now, _ = play(alerting(), f"ok a · refuse b · ok a!undo · {tail}")
    assert now.state == "compensated"
    assert [warning.step for warning in now.warnings] == ["on_failure/call-2"]


def test_on_failure_does_not_run_when_all_is_well() -> None:
    _, now, sent = play(alerting(), "ok a · ok b")
    assert (now.state, list(sent)) == ("succeeded", ["a", "b"])


def test_on_failure_of_a_stuck_run_is_not_cut_off_by_an_order_and_runs_once() -> None:
    stuck = "ok a · refuse b · refuse a!undo"
    _, now, _ = play(alerting(), stuck)
    assert (now.state, wanted(now)) == ("stuck", {"on_failure/call-1"})
    _, now, _ = play(alerting(), f"{stuck} · retry a")
    assert wanted(now) == {"on_failure/call-1", "a!undo"}
    done = f"{stuck} · retry a · ok a!undo · ok on_failure/call-1 · ok on_failure/call-2"
    _, now, sent = play(alerting(), done)
    assert now.state == "compensated"
    assert sent.count("on_failure/call-1") == 1


def test_on_failure_sees_what_a_run_past_its_commit_is_stuck_at() -> None:
    tiny = plan(
        call("a") + "- commit\n- id: b\n  call: POST keyed/b\n",
        "on_failure:\n  - call: POST plain/alerts\n    body: { why: '${error.status}' }\n",
    )
    state, _, _ = play(tiny, "ok a · refuse b 422")
    request = state.calls["on_failure/call-1"].request
    assert request is not None
    assert request.body == ('{"why":422}',)


def test_on_failure_is_never_undone_and_its_doubts_are_warnings() -> None:
    trail = "ok a · refuse b · ok a!undo · lose reply on_failure/call-1 · ok on_failure/call-2"
    _, now, _ = play(alerting(), trail)
    assert (now.state, now.residue) == ("compensated", ())
    assert len(now.warnings) == 1


# --- crashes -----------------------------------------------------------------------------------------


def test_a_run_that_crashes_its_driver_ten_times_is_parked_before_it_is_touched() -> None:
    tiny = plan(by_key("a") + by_key("b"))
    state, _, _ = play(tiny, "ok a · crash")
    for _ in range(9):
        state = fold(state, [Resumed(state.epoch + 1, 0.0)])
    turn = advance(run_at(tiny, state), [], SIGNER, 0.0)
    assert any(isinstance(fact, Parked) for fact in turn.facts)
    assert (turn.after.progress.state, turn.after.progress.stuck) == ("stuck", ("",))
    assert turn.after.progress.commands == ()


@pytest.mark.parametrize("crashes", [9, 10])
def test_nine_crashes_in_a_row_are_borne(crashes: int) -> None:
    tiny = plan(call("a", more="retry: 50"))
    _, now, _ = play(tiny, " · ".join(["crash"] * crashes))
    assert (now.state == "stuck") is (crashes == 10)
    if crashes == 10:
        _, now, _ = play(tiny, " · ".join(["crash"] * crashes + ["retry"]))
        assert wanted(now) == {"a"}


def test_an_answer_or_a_timer_is_progress_and_a_stop_by_a_person_no_crash() -> None:
    tiny = wait_and_timeout()
    state, _, _ = play(tiny, "crash · crash")
    assert state.crashes == 2
    state, _, _ = play(tiny, "crash · ok a")
    assert state.crashes == 0
    for _ in range(20):
        state = fold(state, [Paused(0.0), Resumed(state.epoch + 1, 0.0)])
        state = fold(state, [Stopped(0.0), Resumed(state.epoch + 1, 0.0)])
    assert state.crashes == 0
    state = fold(state, [Resumed(99, 0.0)])
    assert state.crashes == 1


# --- invariants --------------------------------------------------------------------------------------


def test_the_plan_is_made_from_what_is_known_after_the_turn_was_kept() -> None:
    tiny = parallel()
    created = Created("run", "tiny", tiny.digest, 0.0, {}, {}, {})
    turn = advance(Run.new(tiny), [created, CancelRequested(0.0)], SIGNER, 0.0)
    kinds = [type(fact) for fact in turn.facts]
    assert kinds.index(Turned) < kinds.index(Planned)


def test_outputs_and_names_come_from_the_facts() -> None:
    tiny = plan(
        call("a") + "- set: { twice: '${a.n * 2}' }\n" + call("b", reads="twice"),
        "inputs: { n: integer }\n",
    )
    inputs: dict[str, Json] = {"n": 3}
    state, _, _ = play(tiny, 'ok a {"n": 21, "id": 1}', inputs)
    assert state.done["set-1"] == {"twice": 42}
    request = state.calls["b"].request
    assert request is not None
    assert request.body == ('{"reads":42}',)
