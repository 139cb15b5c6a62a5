"""C01 to C12: the undo of the step that failed, of one in flight, and of one whose answer never came."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.crashes import crash_everywhere
from tests.contract.sagas import PAY_AND_FAIL, in_parallel, reserve, saga
from tests.contract.story import Story
from tests.lives.front import DoesButSays, Front, Late, Says, Unreachable

HOTEL = "POST hotels/reservations"
FLIGHT_THEN_HOTEL = reserve("flight") + reserve("hotel", by="key")


def test_c01_a_step_whose_answer_is_lost_for_good_is_undone_and_then_the_one_before() -> None:
    def make() -> Story:
        return Story(saga(FLIGHT_THEN_HOTEL)).fault(HOTEL, "lose_reply", times=None)

    story = make().play()
    story.ended("compensated")
    assert story.count(HOTEL) == 3
    assert story.undos == ["hotels", "flights"]
    assert story.standings == {"flights": "released", "hotels": "released"}
    crash_everywhere(make, "compensated", stride=2)


def test_c02_an_unknown_step_stays_unknown_when_nothing_can_be_reached_any_more() -> None:
    def make() -> Story:
        story = Story(saga(FLIGHT_THEN_HOTEL))

        async def lives() -> None:
            await story.die(dies_on=HOTEL)
            story.bend(HOTEL, Unreachable())
            await story.live()

        story.lives = lives
        return story

    def then(story: Story) -> None:
        assert "Unknown" in story.outcomes("hotel")
        assert "Refused" in story.outcomes("hotel") or story.fuse.crashes > 1
        assert story.undos[0] == "hotels"
        assert story.standings == {"flights": "released", "hotels": "released"}
        assert story.state.turning is not None
        assert story.state.turning.failure.code in ("F111", "F118"), "it says that nobody knows"

    story = make().play()
    story.ended("compensated")
    assert story.outcomes("hotel") == ["Unknown", "Refused", "Refused", "Refused"]
    assert story.counted("hotel") == 3, "the one that the crash interrupted does not count"
    assert story.undos == ["hotels", "flights"]
    then(story)
    crash_everywhere(make, "compensated", then=then)


@pytest.mark.parametrize("status", [400, 404, 409])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_c03_a_service_without_keys_cannot_take_back_an_unknown(method: str, status: int) -> None:
    """A POST is not even sent again; a PUT is, and what it is told then proves nothing."""
    hotel = f"{method} hotels/reservations"

    def make() -> Story:
        steps = reserve("flight", by="key") + reserve("hotel", by="key", method=method)
        story = Story(saga(steps, settings="timeout: 10s"))
        story.front.ignore_keys()

        async def lives() -> None:
            await story.die(dies_on=hotel)
            if method == "PUT":
                story.bend(hotel, Says(status))
            await story.live()

        story.lives = lives
        return story

    def then(story: Story) -> None:
        if method == "POST":  # a crash may leave the flight unknown, and then there is no hotel
            assert story.count(hotel) <= 1
        assert {*story.standings.values()} <= {"released"}

    story = make().play()
    story.ended("compensated")
    assert story.outcomes("hotel") == ["Unknown", *(["Refused"] if method == "PUT" else [])]
    assert story.undos == ["hotels", "flights"]
    assert story.standings == {"flights": "released", "hotels": "released"}
    crash_everywhere(make, "compensated", stride=2, then=then)


@pytest.mark.parametrize("settings", ["settle: 90s", "tombstone: true, idempotency: 24h"])
def test_c04_no_undo_overtakes_a_request_that_may_still_arrive(settings: str) -> None:
    def make() -> Story:
        steps = reserve("flight", by="key") + reserve("hotel", by="key", more="timeout: 5s")
        story = Story(saga(steps, settings=settings), front=Front(tombstones="tomb" in settings))
        return story.bend(HOTEL, Late(60))

    story = make().play()
    story.ended("compensated")
    last = story.arrived(HOTEL)[-1].at
    (undo,) = story.arrived("DELETE hotels*")
    if "settle" in settings:
        assert undo.at >= last + 90
        assert story.standings["hotels"] == "released"
    else:
        assert undo.at < last + 60
        assert story.front.turned_away == story.count(HOTEL)
        assert "hotels" not in story.standings
    crash_everywhere(make, "compensated")


def test_c04_the_window_begins_when_we_gave_up() -> None:
    """With nothing said, it is as long as the timeout: counted from the send it would be over when it begins."""

    def make() -> Story:
        steps = reserve("hotel", by="key", more="timeout: 10s")
        return Story(saga(steps)).bend(HOTEL, Late(12))

    def then(story: Story) -> None:
        if "DELETE" in str(story.sent):
            (undo,) = {arrived.at for arrived in story.arrived("DELETE hotels*")}
            assert undo >= story.arrived(HOTEL)[-1].at
        assert story.standings["hotels"] == "released"

    story = make().play()
    story.ended("compensated")
    then(story)
    crash_everywhere(make, "compensated", then=then)


def test_c05_the_undo_of_what_never_arrived_is_done_at_the_first_404() -> None:
    def make() -> Story:
        return Story(saga(FLIGHT_THEN_HOTEL)).fault(HOTEL, "lose_request", times=None)

    story = make().play()
    story.ended("compensated")
    assert "hotels" not in story.standings
    assert story.undos == ["hotels", "flights"]

    def then(story: Story) -> None:
        assert story.undos.count("hotels") <= 1 + story.fuse.crashes

    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c06_a_request_that_arrives_after_its_undo_is_the_services_to_refuse() -> None:
    def make() -> Story:
        steps = reserve("flight", by="key")
        steps += reserve("hotel", by="key", more="timeout: 5s\nretry: 1")
        story = Story(saga(steps, settings="tombstone: true"), front=Front(tombstones=True))
        story.front.ignore_keys()
        return story.bend(HOTEL, Late(3600))

    def then(story: Story) -> None:
        assert story.front.turned_away == story.count(HOTEL) <= 1
        assert "hotels" not in story.standings

    story = make().play()
    story.ended("compensated")
    assert story.front.turned_away == 1
    then(story)
    crash_everywhere(make, "compensated", then=then)


def a_fails_while_b_is_out(a_seconds: float, b_seconds: float) -> Story:
    story = Story(saga(in_parallel(reserve("flight"), reserve("hotel"))))
    story.bend("POST flights/reservations", Says(422) if not a_seconds else Late(a_seconds))
    if a_seconds:
        story.fault("POST flights/reservations", "refuse:422", times=None)
    return story.bend(HOTEL, Late(b_seconds))


def test_c07_a_request_in_flight_is_not_cut_off_and_undone_only_once_it_has_landed() -> None:
    story = a_fails_while_b_is_out(0.1, 2).play()
    story.ended("compensated")
    assert story.outcomes("hotel") == ["Ok"]
    assert story.count(HOTEL) == 1
    assert story.landed("hotel") < story.planned_at
    (undo,) = story.arrived("DELETE hotels*")
    assert undo.at >= 2
    assert undo.at == pytest.approx(2, abs=0.1)
    crash_everywhere(lambda: a_fails_while_b_is_out(0.1, 2), "compensated")


@pytest.mark.parametrize("b_seconds", [0.0999, 0.1, 0.1001, 0.2])
def test_c08_what_succeeds_while_the_run_turns_is_undone(b_seconds: float) -> None:
    story = a_fails_while_b_is_out(0.1, b_seconds).play()
    story.ended("compensated")
    assert story.plans == [(story.call("hotel"),)]
    assert story.landed("hotel") < story.planned_at
    assert story.undos == ["hotels"]
    crash_everywhere(lambda: a_fails_while_b_is_out(0.1, b_seconds), "compensated")


@pytest.mark.parametrize("flight_fails", [False, True])
def test_c09_a_request_that_our_own_exit_cut_off_is_unknown(*, flight_fails: bool) -> None:
    def make() -> Story:
        steps = in_parallel(reserve("flight"), reserve("hotel", more="timeout: 60s"))
        story = Story(saga(steps)).bend(HOTEL, Late(20), times=1)
        if flight_fails:
            story.bend("POST flights/reservations", Late(1))
            story.fault("POST flights/reservations", "refuse:422", times=None)

        async def lives() -> None:
            await story.die(stops_at=2)
            await asyncio.sleep(3600)
            await story.live()

        story.lives = lives
        return story

    def then(story: Story) -> None:
        standing = "confirmed" if story.now.state == "succeeded" else "released"
        hotel = [effect for effect in story.ledger if effect.service == "hotels"]
        assert {effect.standing for effect in hotel} <= {standing}

    end = "compensated" if flight_fails else "succeeded"
    story = make().play()
    story.ended(end)
    assert story.outcomes("hotel")[0] == "Unknown"
    assert "hotels" in story.standings
    then(story)
    crash_everywhere(make, end, then=then)


@pytest.mark.parametrize("kind", ["cut", "garbage"])
@pytest.mark.parametrize("keyed", [True, False])
def test_c10_half_an_answer_is_not_a_failure(kind: str, *, keyed: bool) -> None:
    def make() -> Story:
        steps = reserve("flight", by="key") + reserve("hotel", by="key")
        story = Story(saga(steps, settings="idempotency: 24h" if keyed else "timeout: 9s"))
        if not keyed:
            story.front.ignore_keys()
        return story.fault(HOTEL, kind)

    story = make().play()
    story.ended("succeeded" if keyed else "compensated")
    assert story.outcomes("hotel") == (["Unknown", "Ok"] if keyed else ["Unknown"])
    assert story.standings["hotels"] == ("confirmed" if keyed else "released")
    crash_everywhere(make, "succeeded compensated", stride=3)


def without_the_id(by: str) -> Story:
    steps = reserve("flight") + reserve("hotel", by=by) + PAY_AND_FAIL
    return Story(saga(steps)).bend(HOTEL, DoesButSays(201, {"number": 7}))


def test_c11_no_undo_is_sent_with_a_null_in_its_path() -> None:
    def then(story: Story) -> None:
        story.stuck_at("hotel!undo")
        assert story.undos == [], "the flight was booked before the hotel: it waits"
        assert {entry.step for entry in story.now.residue} == {"flight", "hotel"}

    then(without_the_id("id").play())
    crash_everywhere(lambda: without_the_id("id"), "stuck", then=then)


def test_c11_an_undo_by_key_needs_no_id() -> None:
    story = without_the_id("key").play()
    story.ended("compensated")
    assert story.undos == ["hotels", "flights"]
    crash_everywhere(lambda: without_the_id("key"), "compensated", stride=2)


CHARGE = """
- id: charge
  call: POST payments/charges
  body: { card: tok_visa, amount: 42 }
  retry: 1
  compensate: POST payments/charges/${steps.charge.key}/refund
  probe:
    call: GET payments/charges?key=${steps.charge.key}
    found: len(probe.data) > 0
    result: probe.data[0]
"""


@pytest.mark.parametrize(
    ("fault", "end"), [("lose_reply", "succeeded"), ("lose_request", "compensated")]
)
def test_c12_nothing_is_undone_while_the_probe_of_the_pivot_is_out(fault: str, end: str) -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + CHARGE))
        story.fault("POST payments/charges", fault, times=None)
        return story.bend("GET payments/charges*", Late(3))

    story = make().play()
    story.ended(end)
    probes = story.arrived("GET payments/charges*")
    assert len(probes) == (1 if end == "succeeded" else 2)
    undos = story.arrived("DELETE flights*")
    assert [undo.at >= probes[-1].at + 3 for undo in undos] == [True] * (end == "compensated")
    crash_everywhere(make, "succeeded compensated")


def test_c12_a_pivot_that_nobody_can_tell_of_holds_up_what_was_before_it() -> None:
    def make() -> Story:
        refund = "  compensate: POST payments/charges/${steps.charge.key}/refund\n"
        story = Story(saga(reserve("flight") + CHARGE.replace(refund, "")))
        story.fault("POST payments/charges", "lose_reply", times=None)
        return story.bend("GET payments/charges*", Says(500))

    def then(story: Story) -> None:
        story.stuck_at("charge")
        assert story.undos == []
        assert {entry.step for entry in story.now.residue} == {"flight", "charge"}
        assert len(story.plans) == 1

    then(make().play())
    crash_everywhere(make, "stuck", stride=2, then=then)
