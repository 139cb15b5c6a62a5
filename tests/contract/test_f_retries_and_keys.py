"""C52 to C58: what is asked again, when, with which key and which bytes, and what is never asked again."""

from __future__ import annotations

import asyncio

import pytest

from flowdsl.engine.orders import Order
from tests.contract.crashes import crash_everywhere
from tests.contract.sagas import PAY_AND_FAIL, reserve, saga
from tests.contract.story import Lives, Story
from tests.lives.front import DoesButSays, Late, Says, Unreachable

HOTEL = "POST hotels/reservations"
UNKEYED = "settle: 30s"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_c52_a_no_is_not_asked_again(status: int) -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel")))
        return story.fault(HOTEL, f"refuse:{status}", times=None)

    story = make().play()
    story.ended("compensated")
    assert story.count(HOTEL) == 1
    assert story.undos == ["flights"]
    crash_everywhere(make, "compensated stuck", stride=4)


@pytest.mark.parametrize("status", [408, 425, 429, 503])
@pytest.mark.parametrize(("asked", "pause"), [("7", 7), ("3600", 300)])
@pytest.mark.parametrize("settings", ["idempotency: 24h", UNKEYED])
def test_c52_a_no_for_now_waits_as_long_as_it_was_told_to(
    status: int, asked: str, pause: float, settings: str
) -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight", by="key") + reserve("hotel"), settings=settings))
        busy = Says(status, {}, (("retry-after", asked),))
        return story.bend(HOTEL, busy, times=2)

    story = make().play()
    story.ended("succeeded")
    first, second, third = (arrived.at for arrived in story.arrived(HOTEL))
    assert [second - first, third - second] == pytest.approx([pause, pause])
    # a POST whose answer a crash took is not sent again without keys: then it is undone
    crash_everywhere(make, "succeeded compensated stuck", stride=9)


SEARCH = "- { id: search, call: GET hotels/search, query: { city: Rome } }\n"


@pytest.mark.parametrize(
    ("line", "steps", "settings", "sends"),
    [
        (HOTEL, reserve("hotel", by="key"), "idempotency: 24h", 3),
        (HOTEL, reserve("hotel", by="key"), UNKEYED, 1),
        ("PUT hotels/reservations", reserve("hotel", by="key", method="PUT"), UNKEYED, 3),
        ("GET hotels/search*", SEARCH, UNKEYED, 3),
    ],
    ids=["keyed", "unsafe", "put", "read"],
)
def test_c53_a_lost_answer_is_asked_for_again_only_where_that_is_harmless(
    line: str, steps: str, settings: str, sends: int
) -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight", by="key") + steps, settings=settings))
        return story.bend(line, Late(11))

    story = make().play()
    story.ended("compensated")
    assert story.count(line) == sends
    assert story.outcomes("search" if "GET" in line else "hotel") == ["Unknown"] * sends
    crash_everywhere(make, "compensated", stride=3)


def test_c53_what_was_not_sent_is_tried_again_everywhere() -> None:
    def make() -> Story:
        story = Story(
            saga(reserve("flight", by="key") + reserve("hotel", by="key"), settings=UNKEYED)
        )
        return story.bend(HOTEL, Unreachable(), times=2)

    story = make().play()
    story.ended("succeeded")
    assert story.attempts("hotel") == 3
    # a crash leaves unknown what was sent without keys: an undone hotel, or before a person a confirm
    crash_everywhere(make, "succeeded compensated stuck", stride=2)


def test_c54_one_effect_has_one_key_and_one_payload_over_all_its_attempts() -> None:
    head = "inputs: { amount: number }"
    charge = """
- id: charge
  call: POST payments/charges
  headers: { X-Run: "${run.id}", X-Amount: "${inputs.amount}" }
  body: { card: tok_visa, amount: "${inputs.amount * 1.10}", at: "${run.started}", run: "${run.id}" }
  retry: 4
  compensate: POST payments/charges/${charge.id}/refund
- commit
- id: mail
  call: POST mail/messages
  body: { to: me, at: "${run.started}", charge: "${charge.id}", sum: "${0.1 + 0.2}" }
  retry: 3
"""

    def make() -> Story:
        story = Story(saga(charge, head=head), {"amount": 42})
        story.fault("POST payments/charges", "lose_reply", times=3)
        story.fault("POST mail/messages", "lose_reply", times=5)

        async def lives() -> None:
            await story.die(dies_at=4)
            await asyncio.sleep(60)
            await story.die(dies_on="POST mail/messages")
            await asyncio.sleep(3600)
            await story.live()
            if story.now.state == "stuck":
                await story.live(given=[Order("retry", "mail")])

        story.lives = lives
        return story

    def then(story: Story) -> None:
        for line in ("POST payments/charges", "POST mail/messages"):
            sent = story.arrived(line)
            assert len({arrived.request.key for arrived in sent}) <= 1
            assert len({arrived.request.body for arrived in sent}) <= 1
            assert len({arrived.request.headers for arrived in sent}) <= 1

    story = make().play()
    story.ended("succeeded")
    assert story.count("POST payments/charges") >= 3
    assert story.count("POST mail/messages") == 6
    then(story)
    # each crash costs the charge an attempt: with none left it is undone
    crash_everywhere(make, "succeeded compensated stuck", stride=4, then=then)


PROBE = """
probe:
  call: GET hotels/reservations?key=${steps.hotel.key}
  found: len(probe.data) > 0
  result: probe.data[0]
"""


@pytest.mark.parametrize(("hours", "sends"), [(23, 2), (25, 1)])
def test_c55_what_the_service_has_forgotten_is_not_sent_again_but_asked_about(
    hours: int, sends: int
) -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel", more=PROBE)))
        story.lives = forgets_after(story, HOTEL, hours)
        return story

    story = make().play()
    story.ended("succeeded")
    assert story.count(HOTEL) == sends
    assert story.count("GET hotels*") == (hours > 24)
    crash_everywhere(make, "succeeded", stride=2)


def forgets_after(story: Story, line: str, hours: int) -> Lives:
    """A driver dies while that is out, and the services keep keys for a day."""

    async def lives() -> None:
        await story.die(dies_on=line)
        await asyncio.sleep(hours * 3600)
        if hours > 24:
            story.front.app.keys.clear()
        await story.live()

    return lives


def test_c55_with_nobody_to_ask_it_is_undone_and_not_sent_again() -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel", by="key")))
        story.lives = forgets_after(story, HOTEL, 25)
        return story

    def then(story: Story) -> None:
        assert story.count(HOTEL) <= 1 + story.fuse.crashes

    story = make().play()
    story.ended("compensated")
    assert story.count(HOTEL) == 1
    assert story.undos == ["hotels", "flights"]
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c55_a_lost_undo_is_not_sent_again_after_its_key_was_forgotten() -> None:
    charge = """
- id: charge
  call: POST payments/charges
  body: { card: tok_visa, amount: 42 }
  compensate: POST payments/charges/${charge.id}/refund
- fail: no
"""
    refund = "POST payments/charges/P-1/refund"

    def make() -> Story:
        story = Story(saga(reserve("flight") + charge))
        story.lives = forgets_after(story, refund, 25)
        return story

    def then(story: Story) -> None:
        story.stuck_at("charge!undo")
        assert story.count(refund) <= 1 + story.fuse.crashes
        assert story.standings == {"flights": "held", "payments": "refunded"}

    story = make().play()
    then(story)
    assert story.count(refund) == 1
    crash_everywhere(make, "stuck", stride=2, then=then)


@pytest.mark.parametrize("probed", [True, False])
def test_c56_the_same_500_again_and_again_ends_in_the_probe_or_before_a_person(
    *, probed: bool
) -> None:
    def make() -> Story:
        more = "retry: 5\n" + (PROBE if probed else "")
        story = Story(saga(reserve("flight") + reserve("hotel", more=more)))
        return story.bend(HOTEL, DoesButSays(500, {"error": "replayed"}))

    story = make().play()
    if probed:
        story.ended("succeeded")
        assert story.count(HOTEL) == 5
    else:
        story.stuck_at("hotel")
        # asked again for the answer that its undo needs, as patiently as an undo, and no more
        assert story.count(HOTEL) == 15
        assert story.undos == []
    crash_everywhere(make, "succeeded stuck", stride=6)


def test_c57_a_409_to_a_key_that_is_being_worked_on_is_asked_again_with_that_key() -> None:
    def make() -> Story:
        steps = reserve("flight") + reserve("hotel", more="timeout: 1s\nretry: 5")
        return Story(saga(steps)).fault(HOTEL, "delay:3s")

    story = make().play()
    story.ended("succeeded")
    assert story.outcomes("hotel")[-1] == "Ok"
    assert story.count(HOTEL) >= 3
    assert len({arrived.request.key for arrived in story.arrived(HOTEL)}) == 1
    crash_everywhere(make, "succeeded", stride=3)


def test_c57_a_409_to_the_first_sending_is_a_no() -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel", by="key")))
        return story.fault(HOTEL, "refuse:409", times=None)

    def then(story: Story) -> None:
        if story.outcomes("hotel")[0] == "Refused":
            assert story.count(HOTEL) == 1

    story = make().play()
    story.ended("compensated")
    then(story)
    crash_everywhere(make, "compensated", then=then)


def test_c57_a_409_that_stays_is_unknown_and_undone() -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel", by="key")))
        return story.fault(HOTEL, "lose_reply").bend(HOTEL, Says(409), skip=1)

    def then(story: Story) -> None:
        assert {*story.outcomes("hotel")} == {"Unknown"}
        assert story.undos[0] == "hotels"

    story = make().play()
    story.ended("compensated")
    assert story.outcomes("hotel") == ["Unknown"] * 3
    assert story.undos == ["hotels", "flights"]
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_c58_a_redirect_is_a_no_and_nobody_follows_it(status: int) -> None:
    def make() -> Story:
        settings = "auth: 'bearer ${secrets.TOKEN}', idempotency: 24h"
        plan = saga(reserve("hotel", by="key"), settings=settings)
        there = (("location", "http://elsewhere/hotels/reservations"),)
        story = Story(plan, secrets={"TOKEN": "s3cret"})
        return story.bend(HOTEL, Says(status, None, there))

    def then(story: Story) -> None:
        for sent in story.front.log:
            assert sent.request.header("host") == "mock"
            assert sent.request.header("authorization") == "Bearer s3cret"
        assert "s3cret" not in repr(story.facts)

    story = make().play()
    story.ended("compensated")
    assert story.sent == [HOTEL]
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c58_an_error_of_one_step_shows_no_secret_to_another() -> None:
    def make() -> Story:
        settings = "auth: 'bearer ${secrets.TOKEN}', idempotency: 24h"
        plan = saga(reserve("hotel") + PAY_AND_FAIL, settings=settings)
        story = Story(plan, secrets={"TOKEN": "s3cret"})
        return story.bend("DELETE hotels*", Says(422, {"you sent": "Bearer s3cret"}))

    def then(story: Story) -> None:
        story.stuck_at("hotel!undo")
        assert "s3cret" not in repr(story.facts)

    then(make().play())
    crash_everywhere(make, "stuck", then=then)
