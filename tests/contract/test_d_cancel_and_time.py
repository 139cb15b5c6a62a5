"""C35 to C41: a cancel and a deadline undo, once, and are refused where nothing is undone any more."""

from __future__ import annotations

import json

import pytest

from tests.contract.crashes import crash_everywhere
from tests.contract.sagas import PAY_AND_FAIL, in_parallel, reserve, saga
from tests.contract.story import Story
from tests.lives.front import Late


def test_c35_a_cancel_lets_the_step_finish_and_does_not_cut_off_its_undo() -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel") + reserve("car")))
        story.bend("POST hotels/reservations", Late(4)).bend("DELETE*", Late(3))
        return story.cancel(2)

    story = make().play()
    story.ended("cancelled")
    assert story.outcomes("hotel") == ["Ok"]
    assert story.landed("hotel") < story.planned_at
    assert story.count("POST cars*") == 0
    assert story.undos == ["hotels", "flights"]
    assert story.arrived("DELETE hotels*")[0].at >= 4

    def then(story: Story) -> None:
        assert story.count("POST cars*") == 0
        assert [*dict.fromkeys(story.undos)] == ["hotels", "flights"][-len({*story.undos}) :]

    crash_everywhere(make, "cancelled", then=then)


@pytest.mark.parametrize("declined", [False, True])
def test_c36_a_cancel_while_it_undoes_changes_nothing(*, declined: bool) -> None:
    def make() -> Story:
        wait = "- wait: 1h\n"
        steps = reserve("flight") + reserve("hotel") + (PAY_AND_FAIL if declined else wait)
        story = Story(saga(steps)).bend("DELETE*", Late(5))
        return story.cancel(1, 2, 3, 4, 7, 8)

    story = make().play()
    story.ended("compensated" if declined else "cancelled")
    assert len(story.plans) == 1
    assert story.undos == ["hotels", "flights"]

    def then(story: Story) -> None:
        assert len(story.plans) == 1
        assert [*dict.fromkeys(story.undos)] == ["hotels", "flights"]

    crash_everywhere(make, "compensated" if declined else "cancelled", stride=2, then=then)


def test_c37_the_deadline_undoes_and_the_undo_has_time_of_its_own() -> None:
    def make() -> Story:
        plan = saga(reserve("flight") + reserve("hotel") + reserve("car"), head="timeout: 5s")
        story = Story(plan).bend("POST hotels/reservations", Late(8))
        return story.bend("DELETE*", Late(9))

    story = make().play()
    story.ended("cancelled")
    assert story.state.turning is not None
    assert story.state.turning.cause == "deadline"
    assert story.count("POST cars*") == 0
    assert [arrived.at for arrived in story.arrived("DELETE*")] == pytest.approx([8, 17], abs=0.1)
    crash_everywhere(make, "cancelled")


def test_c38_a_fail_step_undoes_like_any_refusal() -> None:
    def make() -> Story:
        return Story(
            saga(reserve("flight") + reserve("hotel") + "- fail: enough of ${flight.id}\n")
        )

    story = make().play()
    story.ended("compensated")
    assert story.undos == ["hotels", "flights"]
    assert story.state.turning is not None
    assert story.state.turning.failure.message == "enough of F-1"
    crash_everywhere(make, "compensated")


def test_c39_a_cancel_in_a_wait_does_not_sit_it_out_and_keeps_what_the_undo_needs() -> None:
    def make() -> Story:
        charge = """
        - id: charge
          call: POST payments/charges
          body: { card: tok_visa, amount: 42 }
          compensate:
            call: POST payments/charges/${charge.id}/refund
            body: { amount: "${charge.amount + flight.price}" }
        """
        return Story(saga(reserve("flight") + _dedented(charge) + "- wait: 12h\n")).cancel(3600)

    def then(story: Story) -> None:
        for refund in story.arrived("POST payments/charges/*/refund"):
            assert refund.at == pytest.approx(3600, abs=1)
            assert json.loads(refund.request.body) == {"amount": 462}

    story = make().play()
    story.ended("cancelled")
    then(story)
    assert story.undos == ["payments", "flights"]
    crash_everywhere(make, "cancelled", then=then)


def _dedented(text: str) -> str:
    return "\n".join(line[8:] for line in text.splitlines()) + "\n"


def test_c40_a_cancel_past_the_commit_line_is_refused_and_the_run_goes_on() -> None:
    def make() -> Story:
        after = "- commit\n- id: mail\n  call: POST mail/messages\n  body: { to: me }\n"
        story = Story(saga(reserve("flight") + after)).bend("POST mail/messages", Late(5))
        return story.cancel(2, 3)

    story = make().play()
    story.ended("succeeded")
    assert [error.code for error in story.refused] == ["F143", "F143"]
    assert story.standings == {"flights": "confirmed", "mail": "sent"}
    crash_everywhere(make, "succeeded")


@pytest.mark.parametrize("cancel_at", [0.99, 0.999, 1.0, 1.001, 1.01])
def test_c40_a_cancel_together_with_the_last_answer_turns_the_run_or_comes_too_late(
    cancel_at: float,
) -> None:
    def make() -> Story:
        story = Story(saga(in_parallel(reserve("flight"), reserve("hotel"))))
        story.bend("POST hotels/reservations", Late(1)).cancel(cancel_at)
        return story.bend("POST */confirm", Late(1)) if cancel_at > 1 else story

    def then(story: Story) -> None:
        assert bool(story.refused) == (story.now.state == "succeeded")

    story = make().play()
    story.ended("cancelled" if cancel_at < 1 else story.now.state)
    assert story.now.state == "succeeded" or cancel_at <= 1
    then(story)
    crash_everywhere(make, "cancelled succeeded", stride=2)


@pytest.mark.parametrize("cancel_at", [0, 5])
def test_c41_a_cancel_before_the_first_step_sends_nothing(cancel_at: float) -> None:
    def make() -> Story:
        return Story(saga("- wait: 10s\n" + reserve("flight"))).cancel(cancel_at)

    def then(story: Story) -> None:
        assert story.sent == []

    story = make().play()
    story.ended("cancelled")
    then(story)
    crash_everywhere(make, "cancelled", then=then)
