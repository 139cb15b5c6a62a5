"""C26 to C34: an undo is patient, fails alone, and is never forgotten; the first error survives it."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest

from flowdsl.engine.orders import Order
from tests.contract.crashes import crash_everywhere
from tests.contract.sagas import PAY_AND_FAIL, in_parallel, reserve, saga
from tests.contract.story import Story
from tests.lives.front import DoesButSays, Late

HOTEL = "POST hotels/reservations"
UNDO_HOTEL = "DELETE hotels/reservations/*"


def two_in_a_row(retry: int = 10) -> Story:
    undo = f"{{ call: 'DELETE hotels/reservations/${{hotel.id}}', retry: {retry} }}"
    hotel = reserve("hotel").replace("DELETE hotels/reservations/${hotel.id}", undo)
    return Story(saga(reserve("flight") + hotel + PAY_AND_FAIL))


def two_at_once() -> Story:
    return Story(saga(in_parallel(reserve("flight"), reserve("hotel")) + PAY_AND_FAIL))


def test_c26_an_undo_that_fails_ten_times_and_then_works_holds_the_one_before_it_so_long() -> None:
    def make() -> Story:
        return two_in_a_row(retry=13).fault(UNDO_HOTEL, "error:500", times=10)

    story = make().play()
    story.ended("compensated")
    assert story.fired == [10]
    assert story.undos == ["hotels"] * 11 + ["flights"]
    crash_everywhere(make, "compensated", stride=5)


def test_c27_a_refused_undo_is_put_before_a_person_at_once_and_the_independent_one_goes_on() -> (
    None
):
    def make() -> Story:
        return two_at_once().fault(UNDO_HOTEL, "refuse:422", times=None)

    story = make().play()
    story.stuck_at("hotel!undo")
    assert story.count(UNDO_HOTEL) == 1
    assert story.standings == {"flights": "released", "hotels": "held"}
    assert [entry.step for entry in story.now.residue] == [story.call("hotel")]
    crash_everywhere(make, "stuck")


def test_c28_an_undo_that_cannot_even_be_written_down_stops_no_other() -> None:
    def make() -> Story:
        return two_at_once().bend(HOTEL, DoesButSays(201, {"number": 7}))

    def then(story: Story) -> None:
        story.stuck_at("hotel!undo")
        assert story.count(UNDO_HOTEL) == 0
        assert story.standings == {"flights": "released", "hotels": "held"}

    then(make().play())
    crash_everywhere(make, "stuck", then=then)


def test_c29_the_undo_has_attempts_of_its_own() -> None:
    def make() -> Story:
        hotel = reserve("hotel", by="key", more="retry: 2")
        story = Story(saga(reserve("flight") + hotel))
        story.fault(HOTEL, "lose_reply", times=None)
        return story.fault(UNDO_HOTEL, "error:503", times=9)

    def then(story: Story) -> None:
        assert story.counted("hotel") == 2

    story = make().play()
    story.ended("compensated")
    assert story.attempts("hotel!undo") == 10
    then(story)
    # an attempt that a crash cut off is not spent: the undo gets there all the same
    crash_everywhere(make, "compensated", stride=6, then=then)


def test_c30_an_undo_is_not_asked_for_ever() -> None:
    def make() -> Story:
        return two_in_a_row(retry=4).fault(UNDO_HOTEL, "error:503", times=None)

    def then(story: Story) -> None:
        story.stuck_at("hotel!undo")
        assert story.counted("hotel!undo") == 4
        assert {entry.step for entry in story.now.residue} == {"flight", "hotel"}

    story = make().play()
    then(story)
    assert story.count(UNDO_HOTEL) == 4
    arrivals = [arrived.at for arrived in story.arrived(UNDO_HOTEL)]
    pauses = [later - earlier for earlier, later in pairwise(arrivals)]
    assert all(pause >= 0.5 * 2**n for n, pause in enumerate(pauses))
    crash_everywhere(make, "stuck", stride=2, then=then)


def test_c31_an_undo_that_cannot_be_rendered_is_a_message_and_no_crash_loop() -> None:
    def make() -> Story:
        story = two_in_a_row().bend(HOTEL, DoesButSays(201, {"number": 7}))

        async def lives() -> None:
            for _ in range(5):
                await story.live()

        story.lives = lives
        return story

    def then(story: Story) -> None:
        story.stuck_at("hotel!undo")
        failure = story.state.calls["hotel!undo"].failed
        assert failure is not None
        assert "id" in failure.message
        assert story.undos == []

    story = make().play()
    then(story)
    assert len(story.sent) == 3, "the two reservations and the charge"
    crash_everywhere(make, "stuck", stride=2, then=then)


ALERT = """
on_failure:
  - call: POST mail/messages
    body: { to: ops, status: "${error.status}", step: "${error.step}", message: "${error.message}" }
"""


def with_alert(*steps: str) -> Story:
    return Story(saga("".join(steps), head=ALERT))


def test_c32_a_stuck_run_is_still_stuck_for_the_next_process_and_told_of_once() -> None:
    def make() -> Story:
        story = with_alert(reserve("flight"), reserve("hotel"), PAY_AND_FAIL)
        story.fault(UNDO_HOTEL, "refuse:422", times=None)

        async def lives() -> None:
            await story.live()
            before = len(story.sent)
            for _ in range(3):
                await asyncio.sleep(3600)
                await story.live()
            assert len(story.sent) == before, "nobody asked for anything"

        story.lives = lives
        return story

    def then(story: Story) -> None:
        story.stuck_at("hotel!undo")
        told = story.arrived("POST mail/messages")
        assert len({arrived.request.key for arrived in told}) == 1
        assert len(told) <= 1 + story.fuse.crashes

    then(make().play())
    crash_everywhere(make, "stuck", stride=2, then=then)


def test_c33_an_order_that_comes_too_late_is_refused_and_the_answer_decides() -> None:
    def make() -> Story:
        story = two_in_a_row()
        story.fault(UNDO_HOTEL, "refuse:422", times=1).bend(UNDO_HOTEL, Late(5), skip=1)

        async def lives() -> None:
            await story.live()
            if story.fuse.crashes and story.now.state != "stuck":
                return  # the crash took the refusal with it
            story.stuck_at("hotel!undo")
            await story.live(
                given=[Order("retry", "hotel")],
                orders=[
                    (1, Order("skip", "hotel", reason="by hand")),
                    (2, Order("resolve", "hotel", ok=False)),
                ],
            )

        story.lives = lives
        return story

    def then(story: Story) -> None:
        assert story.standings == {"flights": "released", "hotels": "released"}

    story = make().play()
    story.ended("compensated")
    assert [error.code for error in story.refused] == ["F144", "F144"]
    assert story.count(UNDO_HOTEL) == 2
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c33_of_two_orders_at_once_the_later_one_is_told() -> None:
    def make() -> Story:
        story = two_in_a_row().fault(UNDO_HOTEL, "refuse:422", times=1)
        story.bend("DELETE flights*", Late(5))

        async def lives() -> None:
            await story.live()
            if story.fuse.crashes and story.now.state != "stuck":
                return
            by_hand = Order("skip", "hotel", actor="ada", reason="by hand")
            await story.live(given=[by_hand], orders=[(1, Order("retry", "hotel"))])

        story.lives = lives
        return story

    def then(story: Story) -> None:
        if story.now.residue:
            assert [(entry.step, entry.actor) for entry in story.now.residue] == [("hotel", "ada")]

    story = make().play()
    assert [error.code for error in story.refused] == ["F144"]
    assert story.now.state == "compensated"
    assert story.count(UNDO_HOTEL) == 1
    assert len(story.now.residue) == 1
    then(story)
    crash_everywhere(make, "compensated", then=then)


def test_c34_the_first_error_survives_the_undo() -> None:
    def make() -> Story:
        story = with_alert(reserve("flight"), reserve("hotel"), PAY_AND_FAIL)
        return story.fault(UNDO_HOTEL, "error:503", times=2)

    story = make().play()
    story.ended("compensated")
    assert story.state.turning is not None
    failure = story.state.turning.failure
    assert (failure.step, failure.status) == ("pay", 402)
    assert isinstance(failure.response, dict)
    assert failure.response["error"] == "card_declined"
    (alert,) = story.arrived("POST mail/messages")
    told = json.loads(alert.request.body)
    assert (told["step"], told["status"]) == ("pay", 402)
    crash_everywhere(make, "compensated", stride=3)


@pytest.mark.parametrize("status", [404, 410])
def test_c27_a_404_to_the_first_undo_of_what_is_there_may_be_a_wrong_path(status: int) -> None:
    """A 410 says that it is gone, and so does a 404 to an undo that a crash has sent before."""

    def make() -> Story:
        return two_at_once().bend(UNDO_HOTEL, DoesButSays(status))

    def then(story: Story) -> None:
        first, *others = story.outcomes("hotel!undo")
        if first == "Unknown" or status == 410:
            assert story.now.state == "compensated"
            assert len(others) <= story.fuse.crashes
        else:
            story.stuck_at("hotel!undo")
            assert (first, others) == ("Refused", [])

    then(make().play())
    crash_everywhere(make, "stuck compensated" if status == 404 else "compensated", then=then)
