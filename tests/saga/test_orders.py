"""What a person orders of a stuck run: each acts on the direction that is stuck, and is safe to repeat."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from flowdsl.engine.orders import Order, find_step, is_repetition, to_event
from flowdsl.errors import InputError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.commands import Invoke
from flowdsl.saga.events import Resolved, Retried, Waived
from flowdsl.saga.progress import Progress
from flowdsl.saga.state import State, fold
from flowdsl.saga.unfolding import unfolded
from tests.explorer.branching import chosen_below_commit
from tests.runs import play, run_at
from tests.saga.plans import by_key, call, plan

BELOW = call("a") + "- commit\n- id: b\n  call: POST plain/b\n- id: c\n  call: POST keyed/c\n"
STUCK_UNDO = "ok a · refuse b · refuse a!undo"
LOST_BELOW = "ok a · lose reply b"


def two() -> Plan:
    return plan(call("a") + call("b"))


def below() -> Plan:
    return plan(BELOW)


def out(now: Progress) -> list[str]:
    return [command.call for command in now.commands if isinstance(command, Invoke)]


def told(tiny: Plan, trail: str, *orders: Order) -> tuple[State, Progress]:
    """The run after these orders, each given in view of the one before."""
    state, _, _ = play(tiny, trail)
    for order in orders:
        state = fold(state, to_event(run_at(tiny, state), order, 5.0))
    return state, run_at(tiny, state).progress


# --- retry -------------------------------------------------------------------------------------------


def test_retry_of_a_stuck_undo_sends_it_again_with_the_same_key_and_bytes() -> None:
    before, _, _ = play(two(), STUCK_UNDO)
    after, now, sent = play(two(), f"{STUCK_UNDO} · retry a")
    assert out(now) == ["a!undo"]
    assert sent.count("a!undo") == 2
    assert after.calls["a!undo"].request == before.calls["a!undo"].request
    assert after.calls["a!undo"].key == before.calls["a!undo"].key
    assert play(two(), f"{STUCK_UNDO} · retry a · ok a!undo")[1].state == "compensated"


def test_retry_without_a_step_is_of_all_that_is_stuck() -> None:
    tiny = plan("- parallel:\n    - { id: x, call: POST keyed/x, compensate: DELETE keyed/x }\n"
                "    - { id: y, call: POST keyed/y, compensate: DELETE keyed/y }\n" + call("z"))  # fmt: skip
    stuck = "ok x · ok y · refuse z · refuse parallel-1/x!undo · refuse parallel-1/y!undo"
    _, now, _ = play(tiny, f"{stuck} · retry")
    assert sorted(out(now)) == ["parallel-1/x!undo", "parallel-1/y!undo"]


def test_retry_of_a_step_whose_answer_is_lost_asks_for_the_answer_once_more() -> None:
    tiny = plan(call("a", more="retry: 1"))
    stuck = "lose reply a · refuse a!answer 401"
    assert play(tiny, stuck)[1].stuck == ("a",)
    _, now, _ = play(tiny, f"{stuck} · retry a")
    assert out(now) == ["a!answer"]
    _, now, _ = play(tiny, f"{stuck} · retry a · ok a!answer · ok a!undo")
    assert now.state == "compensated"


def test_retry_below_commit_goes_forward() -> None:
    _, now, _ = play(below(), "ok a · refuse b · retry b · ok b · ok c")
    assert now.state == "succeeded"


def test_retry_of_what_could_not_be_rendered_renders_it_again_and_may_be_stuck_again() -> None:
    trail = "ok a {} · refuse b"
    assert play(two(), trail)[1].stuck == ("a!undo",)
    _, now, _ = play(two(), f"{trail} · retry a")
    assert (now.state, now.stuck) == ("stuck", ("a!undo",))


# --- resolve -----------------------------------------------------------------------------------------


def test_resolve_supplies_the_lost_answer_to_the_undo() -> None:
    tiny = plan(call("a", "plain"))
    _, now = told(
        tiny, "lose reply a", Order("resolve", "a", ok=True, body={"id": "A5"}, actor="ada")
    )
    assert now.stands["a"].state == "undoing"
    state, _, _ = play(tiny, "lose reply a · resolve a · fire a!settle#1")
    request = state.calls["a!undo"].request
    assert request is not None
    assert request.url == "http://plain/a/1"


def test_resolve_below_commit_goes_on_with_that_answer() -> None:
    _, now = told(below(), LOST_BELOW, Order("resolve", "b", ok=True, body={"id": 7}))
    assert now.stands["b"].state == "ok"
    assert play(below(), f"{LOST_BELOW} · resolve b · ok c")[1].state == "succeeded"


def test_absent_before_commit_leaves_nothing_to_undo() -> None:
    tiny = plan(call("a", "plain"))
    _, now, sent = play(tiny, "lose request a · absent a")
    assert (now.state, list(sent)) == ("compensated", ["a"])
    assert now.stands["a"].state == "refused"


def test_absent_below_commit_means_that_it_is_to_be_done_now() -> None:
    # given a POST to a service without keys, which is never sent twice on a guess
    _, now, _ = play(below(), "ok a · lose request b · absent b")
    assert out(now) == ["b"]
    # then a refusal of it is a refusal: the person has taken the doubt away
    _, now, _ = play(below(), "ok a · lose request b · absent b · refuse b")
    assert now.residue[0].why == "not done"
    _, now, _ = play(below(), "ok a · lose request b · absent b · ok b · ok c")
    assert now.state == "succeeded"


def test_absent_of_a_confirm_confirms_again() -> None:
    tiny = plan(call("a", "plain", more="confirm: POST plain/a/${a.id}/confirm"))
    _, now, _ = play(tiny, "ok a · lose request a!confirm · absent a")
    assert out(now) == ["a!confirm"]


def test_absent_of_a_stuck_undo_says_that_there_was_nothing_to_undo() -> None:
    # given a step of which nobody knows, whose undo is refused
    tiny = plan(by_key("a") + call("b"))
    trail = "lose request a · fire a!settle#1 · refuse a!undo 422"
    assert play(tiny, trail)[1].stuck == ("a!undo",)
    # when a person says that it never happened
    _, now, _ = play(tiny, f"{trail} · absent a")
    # then the run may end, and the word stays
    assert now.state == "compensated"
    assert words(now) == [
        ("a!undo", "there was nothing to undo, on a person's word", "ada", "said so")
    ]


@pytest.mark.parametrize(
    ("steps", "trail", "step", "says"),
    [
        (call("a") + call("b"), STUCK_UNDO, "a", "`a` answered 200: it is known that it happened"),
        (
            call("a", more="for_each: w in [1, 2]") + call("b"),
            "ok a[0] · ok a[1] · refuse b · refuse a[1]!undo · ok a[0]!undo",
            "a[1]",
            "`a[1]` answered 200",
        ),
        (
            by_key("a", more="probe: { call: GET plain/a, found: probe.id, result: probe }") + call("b"),
            'lose reply a · ok a!probe {"id": 7} · refuse b · fire a!settle#1 · refuse a!undo 422',
            "a",
            "it is known that it happened, so there is something to undo",
        ),
        ("- id: a\n  call: POST plain/a\n" + call("b"), "ok a · refuse b", "a", "it is known that it happened"),
    ],
    ids=["answered", "an item", "found by its probe", "nothing undoes it"],
)  # fmt: skip
def test_absent_never_contradicts_what_a_service_has_said(
    steps: str, trail: str, step: str, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        play(plan(steps), f"{trail} · absent {step}")
    assert caught.value.code == "F144"
    assert says in caught.value.message
    assert f"--skip {step}" in caught.value.help


def test_absent_of_an_undo_below_the_commit_line_ends_it() -> None:
    # given a loser below the line whose undo is refused
    tiny = chosen_below_commit()
    lost = "ok a · ok hold[0] · lose request hold[1] · fire uses-1/hold[1]!settle#1 · refuse hold[1]!undo 422"
    trail = lost.replace(" hold", " uses-1/hold")
    assert play(tiny, trail)[1].stuck == ("uses-1/hold[1]!undo",)
    # then a word about it is not a reason to send it again
    _, now, sent = play(tiny, f"{trail} · absent uses-1/hold[1]")
    assert sent.count("uses-1/hold[1]!undo") == 1
    assert now.stuck == ()


def test_ok_of_a_stuck_undo_says_that_it_is_undone() -> None:
    _, now, _ = play(two(), f"{STUCK_UNDO} · resolve a")
    assert now.state == "compensated"
    assert words(now) == [("a!undo", "it is undone, on a person's word", "ada", "said so")]


# --- a person's word is never forgotten --------------------------------------------------------------


def words(now: Progress) -> list[tuple[str, str, str, str]]:
    return [(one.call, one.why, one.actor, one.reason) for one in now.residue]


@pytest.mark.parametrize(
    ("steps", "trail", "call_id", "why"),
    [
        (call("a", "plain"), "lose reply a · resolve a · fire a!settle#1 · ok a!undo", "a", "it happened"),
        (call("a", "plain"), "lose request a · absent a", "a", "it never happened"),
        (BELOW, f"{LOST_BELOW} · resolve b · ok c", "b", "it happened"),
        (BELOW, "ok a · lose request b · absent b · ok b · ok c", "b", "it never happened"),
        (
            call("a", "plain", more="confirm: POST plain/a/${a.id}/confirm"),
            "ok a · lose reply a!confirm · resolve a",
            "a!confirm",
            "it is confirmed",
        ),
        (
            call("a", "plain", more="for_each: w in [1]"),
            "lose request a[0] · absent a[0]",
            "a[0]",
            "it never happened",
        ),
    ],
    ids=["ok of a step", "absent", "ok below", "absent below", "ok of a confirm", "an item"],
)  # fmt: skip
def test_what_only_a_person_said_is_in_the_residue_of_the_end(
    steps: str, trail: str, call_id: str, why: str
) -> None:
    state, now, _ = play(plan(steps), trail)
    assert state.ended
    assert words(now) == [(call_id, f"{why}, on a person's word", "ada", "said so")]


def test_what_the_service_says_later_takes_the_place_of_the_word() -> None:
    # given a service that honours keys: whatever it did with the first request, it did it once
    below_keyed = plan(call("a") + "- commit\n- id: b\n  call: POST keyed/b\n  retry: 1\n")
    _, now, _ = play(below_keyed, "ok a · lose request b · absent b · ok b")
    assert (now.state, now.residue) == ("succeeded", ())


def test_an_old_word_about_an_undo_still_ends_its_run_and_is_named_now() -> None:
    # given a journal in which `--absent` was taken for an undo whose step was answered
    state, _, _ = play(two(), STUCK_UNDO)
    old = fold(state, [Resolved("a!undo", 5.0, ok=False, actor="ada", reason="by phone")])
    now = run_at(two(), old).progress
    assert (now.state, now.stands["a"].state) == ("compensating", "undone")
    assert words(now) == [
        ("a!undo", "there was nothing to undo, on a person's word", "ada", "by phone")
    ]


def test_resolve_of_what_could_not_be_rendered_below_commit_is_ok() -> None:
    tiny = plan(call("a") + "- commit\n- id: b\n  call: POST keyed/b/${a.id}\n")
    assert play(tiny, "ok a {}")[1].stuck == ("b",)
    assert play(tiny, "ok a {} · resolve b")[1].state == "succeeded"


# --- skip --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "trail", "step", "end"),
    [
        (two, STUCK_UNDO, "a", "compensated"),
        (lambda: plan(call("a", "plain")), "lose reply a", "a", "compensated"),
        (lambda: plan(BELOW.replace("- id: c\n  call: POST keyed/c\n", "")), LOST_BELOW, "b", "succeeded"),
    ],
)  # fmt: skip
def test_skip_ends_the_run_and_the_residue_keeps_who_and_why(
    make: object, trail: str, step: str, end: str
) -> None:
    assert callable(make)
    tiny = make()
    _, now, _ = play(tiny, f"{trail} · skip {step}")
    assert now.state == end
    assert [(entry.step, entry.actor, entry.reason) for entry in now.residue] == [
        (step, "ada", "said so")
    ]


def test_a_skipped_undo_lets_those_before_it_be_undone() -> None:
    tiny = plan(by_key("z", "keyed") + call("a") + call("b"))
    _, now, _ = play(tiny, "ok z · ok a · refuse b · refuse a!undo · skip a")
    assert out(now) == ["z!undo"]


# --- cancel ------------------------------------------------------------------------------------------


def test_cancel_of_a_run_stuck_before_commit_is_a_resume() -> None:
    tiny = two()
    state, _, _ = play(tiny, STUCK_UNDO)
    events = to_event(run_at(tiny, state), Order("cancel"), 5.0)
    assert events == [Retried("a!undo", 5.0)]


def test_cancel_of_a_parked_run_wakes_and_undoes_it() -> None:
    tiny = plan(by_key("a") + call("b", more="retry: 50"))
    parked = "ok a" + " · crash" * 10
    assert play(tiny, parked)[1].stuck == ("",)
    _, now, _ = play(tiny, f"{parked} · cancel")
    assert now.state == "compensating"


def test_cancel_past_commit_is_refused_with_the_reason() -> None:
    state, _, _ = play(below(), "ok a")
    with pytest.raises(InputError, match="past its commit") as caught:
        to_event(run_at(below(), state), Order("cancel"), 5.0)
    assert caught.value.code == "F143"


# --- safe to repeat, and only where it makes sense --------------------------------------------------


ABSENT_A = Order("resolve", "a", ok=False, reason="seen")


@pytest.mark.parametrize(
    ("steps", "trail", "order"),
    [
        (call("a") + call("b"), STUCK_UNDO, Order("skip", "a", reason="by phone")),
        (call("a") + call("b"), STUCK_UNDO, Order("resolve", "a", ok=True, body={"id": 1}, reason="x")),
        (call("a", "plain"), "lose request a", ABSENT_A),
        (BELOW, LOST_BELOW, replace(ABSENT_A, step="b")),
    ],
    ids=["skip", "ok", "absent", "absent below commit"],
)  # fmt: skip
def test_an_order_that_is_repeated_adds_nothing(steps: str, trail: str, order: Order) -> None:
    # given an order that was obeyed
    tiny = plan(steps)
    state, _ = told(tiny, trail, replace(order, actor="ada"))
    # when another person gives it again, for the same reason
    assert is_repetition(run_at(tiny, state), replace(order, actor="bob"))
    assert to_event(run_at(tiny, state), replace(order, actor="bob"), 9.0) == []
    # then only another reason is another order, and there is nothing for it
    with pytest.raises(InputError, match="is not stuck"):
        to_event(run_at(tiny, state), replace(order, reason="another"), 9.0)


def test_what_is_stuck_again_hears_the_same_word_again() -> None:
    tiny = below()
    state, _ = told(tiny, LOST_BELOW, replace(ABSENT_A, step="b"))
    state, now, _ = play(tiny, "ok a · lose request b · absent b · refuse b")
    assert now.stuck == ("b",)
    again = to_event(run_at(tiny, state), Order("resolve", "b", reason="said so"), 9.0)
    assert [type(event) for event in again] == [Resolved, Retried]


def test_retry_is_never_a_repetition() -> None:
    state, _ = told(two(), STUCK_UNDO, Order("retry", "a"))
    assert not is_repetition(run_at(two(), state), Order("retry", "a"))


@pytest.mark.parametrize("word", ["retry", "absent", "skip", "resolve"])
def test_what_is_not_stuck_cannot_be_ordered_about(word: str) -> None:
    with pytest.raises(InputError, match="is not stuck") as caught:
        play(two(), f"ok a · {word} a")
    assert caught.value.code == "F144"


def test_a_step_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="no step `nowhere`") as caught:
        find_step(unfolded(two(), State()), "nowhere")
    assert caught.value.code == "F142"
    assert "a, b" in caught.value.help


def test_the_same_word_twice_is_the_same_as_once() -> None:
    tiny = two()
    state, _, _ = play(tiny, STUCK_UNDO)
    for fact in (Retried("a!undo", 1.0), Waived("a!undo", 1.0), Resolved("a!undo", 1.0, ok=False)):
        once, twice = fold(state, [fact]), fold(state, [fact, fact])
        assert run_at(tiny, once).progress == run_at(tiny, twice).progress


@pytest.mark.parametrize(
    "word", [Waived("a!undo", 2.0), Resolved("a!undo", 2.0, ok=False), Retried("a!undo", 2.0)]
)
def test_a_word_about_a_call_that_is_out_again_comes_too_late(
    word: Waived | Resolved | Retried,
) -> None:
    tiny = two()
    state, _, _ = play(tiny, f"{STUCK_UNDO} · retry a")
    late = fold(state, [word])
    assert late.calls == state.calls
    assert run_at(tiny, late).progress == run_at(tiny, state).progress


def test_an_order_survives_the_way_through_the_inbox() -> None:
    order = Order("resolve", "a", ok=True, body={"id": 1}, actor="ada", reason="seen in the ledger")
    assert Order.from_json(order.to_json()) == order
