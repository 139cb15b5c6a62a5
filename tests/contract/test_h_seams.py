"""S01 to S19: where two constructs meet, or a construct and a fault. Each is crashed at every point, like the cases of the contract."""

from __future__ import annotations

import asyncio
from textwrap import dedent, indent

import pytest

from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.plan.values import Json
from flowdsl.saga.events import Alerted, Committed, Turned
from tests.contract.crashes import crash_everywhere, cut_everywhere
from tests.contract.sagas import PAY_AND_FAIL, in_parallel, reserve, saga
from tests.contract.story import Story
from tests.lives.front import Bend, DoesButSays, Late, Says
from tests.lives.machine import Machine, begins_or_goes_on

FLIGHT, HOTEL, CAR = (f"POST {name}/reservations" for name in ("flights", "hotels", "cars"))
ROOMS = """
- id: rooms
  for_each: name in inputs.hotels
  max_parallel: 2
  call: POST hotels/reservations
  body: { hotel: "${name}" }
  confirm: POST hotels/reservations/${rooms.id}/confirm
  compensate: DELETE hotels/reservations/${rooms.id}
"""
HOLDS = """
- id: hold
  for_each: wh in ['wh-1', 'wh-2', 'wh-3']
  collect: COLLECT
  call: POST warehouses/${wh}/holds
  body: { item: bike }
  confirm: POST warehouses/${wh}/holds/${hold.id}/confirm
  compensate: DELETE warehouses/${wh}/holds/${hold.id}
"""
USES = "- id: inner\n  uses: ./child.yaml\n"


def block(key: str, steps: str) -> str:
    return f"- {key}:\n" + indent(steps, "    ")


def inside(steps: str, spaces: int = 2) -> str:
    return indent(dedent(steps).strip("\n"), " " * spaces) + "\n"


def test_s01_a_cancelled_list_whose_undos_lose_their_answers_is_undone_item_by_item() -> None:
    def make() -> Story:
        plan = saga(ROOMS, head="inputs: { hotels: array }")
        story = Story(plan, {"hotels": [f"hotel {n}" for n in range(5)]})
        story.bend(HOTEL, Late(2)).fault("DELETE hotels/reservations/*", "lose_reply", times=2)
        return story.cancel(3)

    def then(story: Story) -> None:
        assert {effect.standing for effect in story.ledger} <= {"released"}
        assert len(story.ledger) < 5

    story = make().play()
    story.ended("cancelled")
    assert len(story.ledger) == 4, "two had landed, and two were out"
    then(story)
    crash_everywhere(make, "cancelled", stride=2, then=then)


@pytest.mark.parametrize("big", [True, False])
def test_s02_of_a_switch_in_a_fallback_the_branch_that_was_taken_is_undone(*, big: bool) -> None:
    fallback = block("switch", "- when: inputs.big\n  steps:\n" + inside(reserve("hotel"), 4))
    fallback += "    - steps:\n" + inside(reserve("car"), 8)
    pay = PAY_AND_FAIL.rstrip() + "\n  fallback:\n" + inside(fallback, 4)

    def make() -> Story:
        plan = saga(reserve("flight") + pay + "- fail: no\n", head="inputs: { big: boolean }")
        return Story(plan, {"big": big})

    def then(story: Story) -> None:
        assert {*story.standings} == {"flights", "hotels" if big else "cars"}

    story = make().play()
    story.ended("compensated")
    assert story.undos == ["hotels" if big else "cars", "flights"]
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_s03_a_lost_confirm_of_a_child_is_asked_for_again_and_done_once() -> None:
    def make() -> Story:
        child = reserve("hotel") + reserve("car")
        story = Story(saga(reserve("flight") + USES, child=child))
        return story.fault("POST hotels/reservations/*/confirm", "lose_reply", times=2)

    def then(story: Story) -> None:
        assert {*story.standings.values()} == {"confirmed"}
        story.deed("hotels", "confirm")  # one
        assert story.undos == []

    story = make().play()
    story.ended("succeeded")
    then(story)
    crash_everywhere(make, "succeeded", stride=2, then=then)


@pytest.mark.parametrize("collect", ["first_success", "{ quorum: 2 }"])
def test_s04_a_loser_that_cannot_be_undone_leaves_the_run_stuck_until_a_person_helps(
    collect: str,
) -> None:
    undo = "DELETE warehouses/wh-3/holds/*"

    def make() -> Story:
        story = Story(saga(HOLDS.replace("COLLECT", collect) + reserve("car")))
        story.bend("POST warehouses/wh-3/holds", Late(2))
        story.fault(undo, "refuse:422")

        async def lives() -> None:
            await story.live()
            if story.now.state == "stuck":
                await story.live(given=[Order("retry")])

        story.lives = lives
        return story

    def then(story: Story) -> None:
        held = sorted(e.standing for e in story.ledger if e.service == "warehouses")
        assert held.count("confirmed") == (1 if collect == "first_success" else 2)
        assert {*held} <= {"confirmed", "released"}

    story = make().play()
    story.ended("succeeded")
    assert story.count(undo) == 2
    then(story)
    crash_everywhere(make, "succeeded", stride=3, then=then)


def test_s05_a_wait_beside_a_step_that_fails_is_dropped_and_its_signal_comes_too_late() -> None:
    def make() -> Story:
        wait = "- id: yes\n  wait_for: approve\n"
        story = Story(saga(in_parallel(reserve("flight"), wait, PAY_AND_FAIL)))
        story.bend("POST payments/charges", Late(1)).bend("DELETE*", Late(5))
        story.orders += [(3.0, Order("signal", step="approve", body={"ok": True}, id="1"))]
        return story

    def then(story: Story) -> None:
        assert story.standings == {"flights": "released"}

    story = make().play()
    story.ended("compensated")
    assert [error.code for error in story.refused] == ["F145"]
    assert story.now.stands["parallel-1/yes"].state == "pending"
    then(story)
    crash_everywhere(make, "compensated", then=then)


CHARGE = """
- id: charge
  call: POST payments/charges
  body: { card: tok_visa, amount: 42 }
  retry: 1
  compensate: POST payments/charges/${charge.id}/refund
  probe:
    call: GET payments/charges?key=${steps.charge.key}
    found: len(probe.data) > 0
    result: probe.data[0]
"""


@pytest.mark.parametrize(("fault", "charged"), [("lose_reply", True), ("lose_request", False)])
def test_s06_a_deadline_while_the_probe_is_out_waits_for_what_it_finds(
    fault: str, *, charged: bool
) -> None:
    """The charge is given up on after ten seconds, and the probe has no answer when the deadline strikes."""

    def make() -> Story:
        plan = saga(reserve("flight") + CHARGE + reserve("car"), head="timeout: 12s")
        story = Story(plan).fault("POST payments/charges", fault, times=None)
        return story.bend("GET payments/charges*", Late(5))

    story = make().play()
    story.ended("cancelled")
    assert story.undos == (["payments"] if charged else []) + ["flights"]
    assert story.count(CAR) == 0
    # a crash while the charge is out makes the probe come sooner: it finds, and the run is over in time
    crash_everywhere(make, "cancelled compensated succeeded", stride=6)


def test_s07_what_the_service_has_let_go_meanwhile_counts_as_undone() -> None:
    """A hold for fifteen minutes, and a wait of an hour: the service says 410, and has nothing left."""

    def make() -> Story:
        hotel = reserve("hotel", more="holds_for: 15m")
        story = Story(saga(reserve("flight") + hotel + "- wait: 1h\n- fail: too late\n"))
        return story.bend("DELETE hotels*", DoesButSays(410))

    story = make().play()
    story.ended("compensated")
    assert story.undos == ["hotels", "flights"]
    crash_everywhere(make, "compensated")


def test_s08_a_confirm_of_what_the_service_has_let_go_is_put_before_a_person() -> None:
    def make() -> Story:
        hotel = reserve("hotel", more="holds_for: 15m")
        story = Story(saga(reserve("flight") + hotel + "- wait: 1h\n"))
        return story.bend("POST hotels/reservations/*/confirm", Says(410))

    def then(story: Story) -> None:
        story.stuck_at("hotel!confirm")
        assert story.standings["flights"] == "confirmed"
        assert story.undos == []

    then(make().play())
    crash_everywhere(make, "stuck", then=then)


def test_s09_a_group_that_may_fail_is_undone_alone_and_not_once_more_with_the_run() -> None:
    def make() -> Story:
        group = "- critical: false\n  steps:\n" + inside(reserve("hotel") + reserve("car"), 4)
        story = Story(saga(reserve("flight") + group + PAY_AND_FAIL))
        return story.fault(CAR, "refuse:422", times=None)

    def then(story: Story) -> None:
        scopes = [fact.scope for fact in story.facts if isinstance(fact, Turned)]
        assert len(scopes) == len({*scopes}) == 2
        assert story.standings == {"flights": "released", "hotels": "released"}

    story = make().play()
    story.ended("compensated")
    assert story.undos == ["hotels", "flights"]
    then(story)
    # a car whose answer the crash took has no id to be undone by, and the group is stuck
    crash_everywhere(make, "compensated stuck", stride=2)


def test_s10_a_cancel_while_a_fallback_is_out_undoes_what_it_did() -> None:
    def make() -> Story:
        pay = PAY_AND_FAIL.rstrip() + "\n  fallback:\n" + inside(reserve("hotel"), 4)
        story = Story(saga(reserve("flight") + pay + reserve("car")))
        return story.bend(HOTEL, Late(4)).cancel(2)

    def then(story: Story) -> None:
        assert story.count(CAR) == 0
        assert {*story.standings.values()} == {"released"}

    story = make().play()
    story.ended("cancelled")
    assert story.undos == ["hotels", "flights"]
    then(story)
    crash_everywhere(make, "cancelled", then=then)


def test_s11_the_only_one_that_can_win_is_asked_again_when_its_answer_is_lost() -> None:
    def make() -> Story:
        story = Story(saga(HOLDS.replace("COLLECT", "first_success") + reserve("car")))
        story.fault("POST warehouses/wh-1/holds", "refuse:422", times=None)
        story.fault("POST warehouses/wh-2/holds", "lose_reply")
        return story.fault("POST warehouses/wh-3/holds", "refuse:422", times=None)

    def then(story: Story) -> None:
        held = [e for e in story.ledger if e.service == "warehouses"]
        assert [(e.path, e.standing) for e in held] == [("/wh-2/holds", "confirmed")]

    story = make().play()
    story.ended("succeeded")
    then(story)
    crash_everywhere(make, "succeeded", stride=2)


def test_s12_who_is_told_of_a_stuck_run_is_not_told_again_when_it_ends() -> None:
    head = "on_failure:\n  - call: POST mail/messages\n    body: { step: '${error.step}' }\n"

    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel") + PAY_AND_FAIL, head=head))
        story.fault("DELETE hotels/reservations/*", "refuse:422")

        async def lives() -> None:
            await story.live()
            if story.now.state == "stuck":
                await story.live(given=[Order("retry")])

        story.lives = lives
        return story

    def then(story: Story) -> None:
        assert sum(isinstance(fact, Alerted) for fact in story.facts) == 1
        assert len({arrived.request.key for arrived in story.arrived("POST mail/messages")}) == 1

    story = make().play()
    story.ended("compensated")
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_s13_what_the_probe_finds_is_confirmed_like_any_other() -> None:
    probe = """
    retry: 1
    probe:
      call: GET hotels/reservations?key=${steps.hotel.key}
      found: len(probe.data) > 0
      result: probe.data[0]
    """

    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel", more=probe) + reserve("car")))
        return story.fault(HOTEL, "lose_reply", times=None)

    def then(story: Story) -> None:
        if story.now.state == "succeeded":
            assert {*story.standings.values()} == {"confirmed"}

    story = make().play()
    story.ended("succeeded")
    assert story.count("GET hotels/reservations*") == 1
    then(story)
    # it has one attempt: where the crash came before that was sent, there is nothing to find
    crash_everywhere(make, "succeeded compensated", stride=2, then=then)


@pytest.mark.parametrize("happened", [True, False])
def test_s14_a_persons_word_on_a_lost_step_decides_what_is_undone(*, happened: bool) -> None:
    """A reservation that only its id can undo, and whose answer nobody has."""

    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel"), settings="settle: 30s"))
        story.front.ignore_keys()
        story.fault(HOTEL, "lose_reply" if happened else "lose_request", times=None)

        async def lives() -> None:
            await story.live()
            if story.now.state == "stuck" and story.state.calls.keys() >= {"hotel"}:
                body: Json = {"id": "H-1"} if happened else None
                await story.live(given=[Order("resolve", "hotel", ok=happened, body=body)])

        story.lives = lives
        return story

    def then(story: Story) -> None:
        assert not story.left or story.now.state == "stuck"

    story = make().play()
    story.ended("compensated")
    assert story.undos == (["hotels"] if happened else []) + ["flights"]
    assert [entry.step for entry in story.now.residue] == ["hotel"], "whose word it was is kept"
    # without keys, a crash leaves the flight as unknown as the hotel
    crash_everywhere(make, "compensated stuck", stride=2, then=then)


def test_s15_a_cancel_in_the_settle_window_does_not_shorten_it() -> None:
    def make() -> Story:
        hotel = reserve("hotel", by="key", more="timeout: 5s\nretry: 1")
        story = Story(saga(reserve("flight", by="key") + hotel, settings="settle: 60s"))
        return story.bend(HOTEL, Late(50)).cancel(20)

    def then(story: Story) -> None:
        undos = story.arrived("DELETE hotels*")
        if undos and story.count(HOTEL):
            assert undos[0].at >= story.arrived(HOTEL)[-1].at + 60

    story = make().play()
    story.ended("compensated")
    assert story.standings["hotels"] == "released"
    then(story)
    crash_everywhere(make, "compensated cancelled", then=then)


def test_s16_an_undo_that_is_told_to_wait_waits_and_holds_the_one_before_it() -> None:
    def make() -> Story:
        busy = Says(503, {}, (("retry-after", "3600"),))
        story = Story(saga(reserve("flight") + reserve("hotel") + PAY_AND_FAIL))
        return story.bend("DELETE hotels*", busy, times=2)

    def then(story: Story) -> None:
        first = story.arrived("DELETE flights*")[0].at
        last = story.arrived("DELETE hotels*")[-1].at
        assert first >= last

    story = make().play()
    story.ended("compensated")
    assert [arrived.at for arrived in story.arrived("DELETE hotels*")] == pytest.approx(
        [0, 300, 600]
    )
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_s17_no_cancel_and_no_crash_comes_between_the_commit_and_the_confirms() -> None:
    def make() -> Story:
        children = in_parallel(reserve("hotel"), USES)
        story = Story(saga(reserve("flight") + children + "- commit\n", child=reserve("car")))
        return story.bend("POST */confirm", Late(3)).cancel(1, 4)

    def then(story: Story) -> None:
        assert [error.code for error in story.refused] == ["F143", "F143"]
        assert sum(isinstance(fact, Committed) for fact in story.facts) == 1
        assert {*story.standings.values()} == {"confirmed"}

    story = make().play()
    story.ended("succeeded")
    then(story)
    crash_everywhere(make, "succeeded", stride=2, then=then)


def test_s18_a_run_of_its_own_goes_on_when_the_run_that_started_it_is_undone() -> None:
    child = reserve("hotel") + "- wait: 5s\n"
    parent = saga(reserve("flight") + USES + "  detach: true\n" + PAY_AND_FAIL, child=child)

    def play(machine: Machine) -> None:
        async def all_of_it(engine: Engine) -> dict[str, str]:
            await begins_or_goes_on(parent)(engine)
            await engine.adopt()
            await asyncio.gather(*(tended.rest() for tended in engine.tended.values()))
            return {summary.run: summary.ended for summary in await engine.store.list()}

        ends = machine.cut(all_of_it)
        assert ends.pop("run-1") == "compensated"
        assert [*ends.values()] == ["succeeded"]
        assert machine.standings == [("flights", "released"), ("hotels", "confirmed")]

    cut_everywhere(play, stride=16)


def test_s19_a_stuck_run_holds_up_those_with_its_key_until_a_person_helps() -> None:
    plans = [saga(reserve("flight") + PAY_AND_FAIL), saga(reserve("hotel"))]

    def play(machine: Machine) -> None:
        machine.front.bends.append(Bend("DELETE flights*", Says(422), times=1))

        async def one_after_the_other(engine: Engine) -> dict[str, str]:
            await engine.adopt()  # one that is stuck too: it is to hear what people say
            first = await begins_or_goes_on(plans[0], "first", key="one")(engine)
            second = asyncio.create_task(begins_or_goes_on(plans[1], "second", key="one")(engine))
            try:
                await asyncio.sleep(30)
                if first.progress.state == "stuck":
                    assert not second.done()
                    await engine.store.send("first", Order("retry").to_json())
                await second
            finally:
                second.cancel()
                await asyncio.gather(second, return_exceptions=True)
            return {summary.run: summary.ended for summary in await engine.store.list()}

        assert machine.cut(one_after_the_other) == {"first": "compensated", "second": "succeeded"}

    cut_everywhere(play, stride=70)
