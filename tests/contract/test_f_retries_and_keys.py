"""C52 to C58: what is asked again, when, with which key and which bytes, and what is never asked again."""

from __future__ import annotations

import asyncio

import pytest

from flowdsl.engine.orders import Order
from tests.contract.front import DoesButSays, Late, Says, Unreachable
from tests.contract.story import PAY_AND_FAIL, Story, crash_everywhere, reserve, saga

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
    story = Story(saga(reserve("flight") + reserve("hotel"), settings=settings))
    busy = Says(status, {}, (("retry-after", asked),))
    story.bend(HOTEL, busy, times=2).play()
    story.ended("succeeded")
    first, second, third = (arrived.at for arrived in story.arrived(HOTEL))
    assert [second - first, third - second] == pytest.approx([pause, pause])


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
    story = Story(saga(reserve("flight") + reserve("hotel"), settings=UNKEYED))
    story.bend(HOTEL, Unreachable(), times=2).play()
    story.ended("succeeded")
    assert story.attempts("hotel") == 3


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
    story = Story(saga(charge, head=head), {"amount": 42})
    story.fault("POST payments/charges", "lose_reply", times=3)
    story.fault("POST mail/messages", "lose_reply", times=5)

    async def lives() -> None:
        assert await story.live(dies_at=4) is None
        await asyncio.sleep(60)
        assert await story.live(dies_on="POST mail/messages") is None
        await asyncio.sleep(3600)
        await story.live()
        story.stuck_at("mail")
        await story.live(given=[Order("retry", "mail")])

    story.play(lives).ended("succeeded")
    for line in ("POST payments/charges", "POST mail/messages"):
        sent = story.arrived(line)
        assert len(sent) >= 3
        assert len({arrived.request.key for arrived in sent}) == 1
        assert len({arrived.request.body for arrived in sent}) == 1
        assert len({arrived.request.headers for arrived in sent}) == 1
    assert story.count("POST mail/messages") == 6


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
    story = Story(saga(reserve("flight") + reserve("hotel", more=PROBE)))

    async def lives() -> None:
        assert await story.live(dies_on=HOTEL) is None
        await asyncio.sleep(hours * 3600)
        if hours > 24:
            story.front.app.keys.clear()
        await story.live()

    story.play(lives).ended("succeeded")
    assert story.count(HOTEL) == sends
    assert story.count("GET hotels*") == (hours > 24)


def test_c55_with_nobody_to_ask_it_is_undone_and_not_sent_again() -> None:
    story = Story(saga(reserve("flight") + reserve("hotel", by="key")))

    async def lives() -> None:
        assert await story.live(dies_on=HOTEL) is None
        await asyncio.sleep(25 * 3600)
        story.front.app.keys.clear()
        await story.live()

    story.play(lives).ended("compensated")
    assert story.count(HOTEL) == 1
    assert story.undos == ["hotels", "flights"]


def test_c55_a_lost_undo_is_not_sent_again_after_its_key_was_forgotten() -> None:
    charge = """
- id: charge
  call: POST payments/charges
  body: { card: tok_visa, amount: 42 }
  compensate: POST payments/charges/${charge.id}/refund
- fail: no
"""
    story = Story(saga(reserve("flight") + charge))
    refund = "POST payments/charges/P-1/refund"

    async def lives() -> None:
        assert await story.live(dies_on=refund) is None
        await asyncio.sleep(25 * 3600)
        story.front.app.keys.clear()
        await story.live()

    story.play(lives).stuck_at("charge!undo")
    assert story.count(refund) == 1
    assert story.standings == {"flights": "held", "payments": "refunded"}


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
    crash_everywhere(make, "succeeded stuck", stride=4)


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
    story = Story(saga(reserve("flight") + reserve("hotel")))
    story.fault(HOTEL, "refuse:409", times=None).play()
    story.ended("compensated")
    assert story.count(HOTEL) == 1


def test_c57_a_409_that_stays_is_unknown_and_undone() -> None:
    story = Story(saga(reserve("flight") + reserve("hotel", by="key")))
    story.fault(HOTEL, "lose_reply").bend(HOTEL, Says(409), skip=1).play()
    story.ended("compensated")
    assert story.outcomes("hotel") == ["Unknown"] * 3
    assert story.undos == ["hotels", "flights"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_c58_a_redirect_is_a_no_and_nobody_follows_it(status: int) -> None:
    settings = "auth: 'bearer ${secrets.TOKEN}', idempotency: 24h"
    story = Story(saga(reserve("hotel"), settings=settings), secrets={"TOKEN": "s3cret"})
    there = (("location", "http://elsewhere/hotels/reservations"),)
    story.bend(HOTEL, Says(status, None, there)).play()
    story.ended("compensated")
    (sent,) = story.front.log
    assert sent.request.header("host") == "mock"
    assert sent.request.header("authorization") == "Bearer s3cret"
    assert "s3cret" not in repr(story.facts)


def test_c58_an_error_of_one_step_shows_no_secret_to_another() -> None:
    settings = "auth: 'bearer ${secrets.TOKEN}', idempotency: 24h"
    story = Story(saga(reserve("hotel") + PAY_AND_FAIL, settings=settings))
    story.secrets["TOKEN"] = "s3cret"
    story.bend("DELETE hotels*", Says(422, {"you sent": "Bearer s3cret"})).play()
    story.stuck_at("hotel!undo")
    assert "s3cret" not in repr(story.facts)
