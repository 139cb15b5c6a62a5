"""C13 to C24: which steps are undone, in what order, and how often."""

from __future__ import annotations

import json
from textwrap import indent

import httpx
import pytest

from flowdsl.saga.events import Planned, Started
from tests.contract.crashes import crash_everywhere
from tests.contract.sagas import PAY_AND_FAIL, in_parallel, reserve, saga
from tests.contract.story import Story
from tests.lives.front import Late, Says

ALL_THREE = reserve("flight") + reserve("hotel") + reserve("car")


def test_c13_one_after_the_other_is_undone_the_other_way_round() -> None:
    def make() -> Story:
        return Story(saga(ALL_THREE + PAY_AND_FAIL))

    story = make().play()
    story.ended("compensated")
    assert story.count("POST payments/charges") == 1
    assert story.undos == ["cars", "hotels", "flights"]
    assert story.deed("cars", "undo")[1] <= story.deed("hotels", "undo")[0]
    assert story.deed("hotels", "undo")[1] <= story.deed("flights", "undo")[0]
    crash_everywhere(make, "compensated", stride=2)


def test_c15_a_step_that_was_skipped_is_not_undone() -> None:
    def make() -> Story:
        hotel = reserve("hotel", more="when: inputs.nights > 1")
        head = "inputs: { nights: integer }"
        plan = saga(reserve("flight") + hotel + reserve("car") + PAY_AND_FAIL, head=head)
        return Story(plan, {"nights": 1})

    story = make().play()
    story.ended("compensated")
    assert story.plans == [("flight", "car")]
    assert story.undos == ["cars", "flights"]
    assert not any("hotels" in line for line in story.sent)
    crash_everywhere(make, "compensated")


HOTEL_THEN_FAIL = reserve("hotel") + PAY_AND_FAIL
BLOCKS = {
    "group in parallel": "- parallel:\n    - steps:\n" + indent(HOTEL_THEN_FAIL, " " * 8),
    "switch": "- switch:\n    - when: inputs.big\n      steps:\n"
    + indent(HOTEL_THEN_FAIL, " " * 8)
    + "    - steps:\n"
    + indent(reserve("car"), " " * 8),
    "for_each": "- for_each: n in [1]\n  steps:\n" + indent(HOTEL_THEN_FAIL, " " * 4),
}


@pytest.mark.parametrize("block", BLOCKS)
def test_c17_a_failure_deep_inside_runs_nothing_after_it_and_undoes_all_before_it(
    block: str,
) -> None:
    after = "- call: POST mail/messages\n  body: { to: me }\n  compensate: none\n"

    def make() -> Story:
        head = "inputs: { big: boolean }"
        return Story(saga(reserve("flight") + BLOCKS[block] + after, head=head), {"big": True})

    def then(story: Story) -> None:
        assert story.count("POST mail/messages") == 0
        assert [*dict.fromkeys(story.undos)] == ["hotels", "flights"][-len({*story.undos}) :]

    story = make().play()
    story.ended("compensated")
    assert story.undos == ["hotels", "flights"]
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


CHARGE = """
- id: charge
  call: POST payments/charges
  body: { card: tok_visa, amount: 42 }
  compensate: POST payments/charges/${charge.id}/refund
"""
LABEL = """
- id: label
  call: POST shipping/labels
  body: { address: here }
  compensate: DELETE shipping/labels/${label.id}
"""


def test_c18_an_undo_whose_answer_died_with_us_is_sent_again_with_its_key_and_done_once() -> None:
    refund = "POST payments/charges/P-1/refund"

    def make() -> Story:
        story = Story(saga(reserve("flight") + CHARGE + LABEL))
        story.fault("POST shipping/labels", "refuse:422", times=None)

        async def lives() -> None:
            await story.die(dies_on=refund)
            await story.live()

        story.lives = lives
        return story

    def then(story: Story) -> None:
        story.deed("payments", "undo")  # one
        assert story.count(refund) >= 2
        assert len({arrived.request.key for arrived in story.arrived(refund)}) == 1
        assert len({arrived.request.body for arrived in story.arrived(refund)}) == 1
        assert story.undos[-1] == "flights"

    story = make().play()
    story.ended("compensated")
    assert story.count(refund) == 2
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def two_branches_fail() -> Story:
    story = Story(saga(in_parallel(*map(reserve, ("flight", "hotel", "car")))))
    story.fault("POST flights/reservations", "refuse:422", times=None)
    return story.fault("POST hotels/reservations", "refuse:402", times=None)


def test_c19_two_branches_that_fail_at_once_make_one_plan_and_each_undo_once() -> None:
    story = two_branches_fail().play()
    story.ended("compensated")
    assert len(story.plans) == 1
    assert story.undos == ["cars"]

    def then(story: Story) -> None:
        assert len(story.plans) == 1

    crash_everywhere(two_branches_fail, "compensated", then=then)


@pytest.mark.parametrize("cancel_at", [0.9, 0.9999, 1.0, 1.0001, 1.1])
def test_c19_a_failure_and_a_cancel_make_one_plan_and_each_undo_once(cancel_at: float) -> None:
    def make() -> Story:
        story = Story(saga(ALL_THREE + PAY_AND_FAIL))
        story.bend("POST payments/charges", Late(1)).bend("DELETE*", Late(0.5))
        return story.cancel(cancel_at)

    story = make().play()
    story.ended("cancelled" if cancel_at < 1 else story.now.state)
    assert story.now.state in ("cancelled", "compensated")
    assert story.undos == ["cars", "hotels", "flights"]

    def then(story: Story) -> None:
        assert len(story.plans) == 1
        assert [*dict.fromkeys(story.undos)] == ["cars", "hotels", "flights"][
            -len({*story.undos}) :
        ]

    then(story)
    crash_everywhere(make, "cancelled compensated", stride=4, then=then)


def test_c20_an_undo_says_what_its_step_saw_whatever_was_read_later() -> None:
    def make() -> Story:
        steps = """
        - { id: quote, call: GET warehouses/wh-1/quote }
        - id: charge
          call: POST payments/charges
          body: { card: tok_visa, amount: "${quote.price}" }
          compensate:
            call: POST payments/charges/${charge.id}/refund
            body: { amount: "${quote.price}", was: "${charge.amount}" }
        - { id: later, call: GET warehouses/wh-1/quote }
        """
        story = Story(saga(steps + "- fail: now it costs ${later.price}\n"))
        story.bend("GET warehouses*", Says(200, {"price": 10}), times=1)
        return story.bend("GET warehouses*", Says(200, {"price": 99}))

    def then(story: Story) -> None:
        charged = json.loads(story.arrived("POST payments/charges")[0].request.body)["amount"]
        for refund in story.arrived("POST payments/charges/P-1/refund"):
            assert json.loads(refund.request.body) == {"amount": charged, "was": charged}
        assert story.state.turning is not None
        assert story.state.turning.failure.message == "now it costs 99"

    story = make().play()
    story.ended("compensated")
    (refund,) = story.arrived("POST payments/charges/P-1/refund")
    assert json.loads(refund.request.body) == {"amount": 10, "was": 10}
    then(story)
    crash_everywhere(make, "compensated", then=then)


def test_c21_what_somebody_else_booked_survives_our_undo() -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight", by="key") + PAY_AND_FAIL))
        flight = "POST flights/reservations"

        async def lives() -> None:
            await somebody_books(story, "before")
            story.fault(flight, "lose_reply")
            await story.live()
            await somebody_books(story, "after")

        story.lives = lives
        return story

    def then(story: Story) -> None:
        theirs = {"before": "held", "after": "held"}
        ours = {story.state.calls["flight"].key: "released"}
        assert {str(effect.key): effect.standing for effect in story.ledger} == theirs | ours

    then(make().play())
    crash_everywhere(make, "compensated", then=then)


async def somebody_books(story: Story, key: str) -> None:
    transport = httpx.ASGITransport(app=story.front.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mock") as somebody:
        await somebody.post(
            "/flights/reservations",
            json={"flight": "mine", "customer": key},
            headers={"Idempotency-Key": key},
        )


def test_c22_what_needed_another_is_undone_before_it_and_the_rest_at_the_same_time() -> None:
    def make() -> Story:
        needs_flight = reserve("hotel").replace("hotel: mine", 'hotel: "${flight.id}"')
        parallel = in_parallel(reserve("flight"), needs_flight, reserve("car"))
        return Story(saga(parallel + PAY_AND_FAIL)).bend("DELETE*", Late(2))

    story = make().play()
    story.ended("compensated")
    (flight,), (hotel,), (car,) = (
        story.arrived(f"DELETE {service}*") for service in ("flights", "hotels", "cars")
    )
    assert flight.at >= hotel.at + 2
    assert abs(car.at - hotel.at) < 0.1
    crash_everywhere(make, "compensated", stride=2)


def test_c23_what_a_tolerated_failure_came_before_is_in_the_plan_all_the_same() -> None:
    def make() -> Story:
        hotel = reserve("hotel", more="critical: false")
        story = Story(saga(reserve("flight") + hotel + reserve("car") + PAY_AND_FAIL))
        return story.fault("POST hotels/reservations", "refuse:404", times=None)

    story = make().play()
    story.ended("compensated")
    assert story.plans == [("flight", "car")]
    assert story.undos == ["cars", "flights"]
    crash_everywhere(make, "compensated", stride=2)


def test_c24_making_the_plan_of_what_to_undo_sends_nothing() -> None:
    def make() -> Story:
        return Story(saga(ALL_THREE + PAY_AND_FAIL))

    def then(story: Story) -> None:
        kept = next(n for n, fact in enumerate(story.facts) if isinstance(fact, Planned))
        batch = max(start for start in story.requests_at if start <= kept)
        before = story.sent[: story.requests_at[batch]]
        assert not any(line.startswith("DELETE") for line in before)
        undos = [
            n for n, f in enumerate(story.facts) if isinstance(f, Started) and "!undo" in f.call
        ]
        assert len(undos) >= 3
        assert min(undos) > kept

    story = make().play()
    assert story.requests_at[max(n for n in story.requests_at if n <= story.planned_at)] == 4
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c51_a_tolerated_step_that_nobody_can_tell_of_is_undone_and_the_run_goes_on() -> None:
    def make() -> Story:
        hotel = reserve("hotel", by="key", more="critical: false")
        story = Story(saga(reserve("flight") + hotel + reserve("car")))
        return story.fault("POST hotels/reservations", "lose_reply", times=None)

    story = make().play()
    story.ended("succeeded")
    assert len(story.now.warnings) == 1
    assert story.standings == {"flights": "confirmed", "hotels": "released", "cars": "confirmed"}
    crash_everywhere(make, "succeeded", stride=2)
