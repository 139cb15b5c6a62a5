"""C16, C25, C42 to C51 and C64: lists, branches, side by side, workflows in workflows, and signals."""

from __future__ import annotations

import json
from textwrap import indent

import pytest

from flowdsl.engine.orders import Order
from flowdsl.saga.events import (
    Detached,
    Expanded,
    Failed,
    Finished,
    Fired,
    Received,
    Signalled,
    Started,
)
from mock_services.exchange import Json
from tests.contract.crashes import crash_everywhere
from tests.contract.sagas import PAY_AND_FAIL, in_parallel, reserve, saga
from tests.contract.story import Story
from tests.lives.front import Late, Says
from tests.lives.virtual import EPOCH

INPUTS = "inputs: { hotels: array }"


def hotels(more: str = "", items: str = "inputs.hotels") -> str:
    return f"""
- id: rooms
  for_each: name in {items}
{indent(more, "  ")}
  call: POST hotels/reservations
  body: {{ hotel: "${{name}}" }}
  confirm: POST hotels/reservations/${{rooms.id}}/confirm
  compensate: DELETE hotels/reservations/${{rooms.id}}
"""


def given(count: int, refused: int | None = None) -> dict[str, object]:
    names = [f"hotel {n}" for n in range(count)]
    if refused is not None:
        names[refused] = "Nowhere"
    return {"hotels": names}


def test_c16_what_ran_n_times_is_undone_n_times_each_with_its_own_data() -> None:
    def make() -> Story:
        return Story(saga(hotels() + PAY_AND_FAIL, head=INPUTS), given(3))  # type: ignore[arg-type]

    story = make().play()
    story.ended("compensated")
    undone = [line for line in story.sent if line.startswith("DELETE")]
    assert len(undone) == len(set(undone)) == 3
    assert {line.rpartition("/")[2] for line in undone} == {
        e.id for e in story.ledger if e.service == "hotels"
    }
    crash_everywhere(make, "compensated")


@pytest.mark.parametrize(("nights", "undone"), [(3, ["hotels"]), (1, ["cars"])])
def test_c25_only_the_branch_that_was_taken_is_undone(nights: int, undone: list[str]) -> None:
    branches = (
        "- switch:\n    - when: inputs.nights > 1\n      steps:\n"
        + indent(reserve("hotel"), "        ")
        + "    - steps:\n"
        + indent(reserve("car"), "        ")
    )

    def make() -> Story:
        plan = saga(branches + PAY_AND_FAIL, head="inputs: { nights: integer }")
        return Story(plan, {"nights": nights})

    story = make().play()
    story.ended("compensated")
    assert story.undos == undone
    crash_everywhere(make, "compensated")


def test_c42_of_ten_items_exactly_those_that_took_effect_are_undone() -> None:
    def make() -> Story:
        return Story(saga(hotels("max_parallel: 4"), head=INPUTS), given(10, refused=3))  # type: ignore[arg-type]

    story = make().play()
    story.ended("compensated")
    held = [effect.id for effect in story.ledger]
    undone = [line.rpartition("/")[2] for line in story.sent if line.startswith("DELETE")]
    assert 3 <= len(held) < 10
    assert sorted(undone) == sorted(held)
    crash_everywhere(make, "compensated", stride=4)


FOUND: Json = [{"hotel": "one"}, {"hotel": "two"}]


def test_c43_the_items_stay_those_that_they_were() -> None:
    # given a list that comes from a service, which says something else the second time
    source = "- id: found\n  call: GET hotels/search\n"
    items = hotels(items="[one.hotel for one in found]")

    def make() -> Story:
        story = Story(saga(source + items + PAY_AND_FAIL))
        return story.bend("GET hotels/search", Says(200, FOUND), times=1)

    def then(story: Story) -> None:
        # then the items are a fact, and each of them is reserved once, whatever crashes
        (expanded,) = (fact for fact in story.facts if isinstance(fact, Expanded))
        reserved = {arrived.request.body for arrived in story.arrived("POST hotels/reservations")}
        assert {json.loads(body)["hotel"] for body in reserved} <= {*expanded.items}

    story = make().play()
    story.ended("compensated")
    assert story.count("GET hotels/search") == 1
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c44_max_parallel_holds() -> None:
    def make() -> Story:
        plan = saga(hotels("max_parallel: 2"), head=INPUTS)
        return Story(plan, given(6)).bend("POST hotels/reservations", Late(0.2))  # type: ignore[arg-type]

    def then(story: Story) -> None:
        at_once = most = 0
        for fact in story.facts:
            if isinstance(fact, Started | Finished) and "!" not in fact.call:
                at_once += 1 if isinstance(fact, Started) else -1
            most = max(most, at_once)
        assert most == 2

    story = make().play()
    story.ended("succeeded")
    then(story)
    crash_everywhere(make, "succeeded", stride=3, then=then)


def test_c44_an_empty_list_is_no_harm() -> None:
    def make() -> Story:
        return Story(saga(hotels() + reserve("car"), head=INPUTS), given(0))  # type: ignore[arg-type]

    story = make().play()
    story.ended("succeeded")
    assert story.sent[0].startswith("POST cars")
    crash_everywhere(make, "succeeded")


def test_c44_a_list_that_is_too_long_is_a_refusal_and_no_step_of_it_begins() -> None:
    def make() -> Story:
        return Story(saga(reserve("flight") + hotels(), head=INPUTS), given(10_001))  # type: ignore[arg-type]

    def then(story: Story) -> None:
        assert story.count("POST hotels*") == 0
        assert story.state.turning is not None
        assert "10,001 items" in story.state.turning.failure.message

    story = make().play()
    story.ended("compensated")
    assert story.undos == ["flights"]
    then(story)
    crash_everywhere(make, "compensated", then=then)


def test_c45_both_that_fail_at_once_have_all_their_tries() -> None:
    def make() -> Story:
        steps = (reserve(name, more="retry: 3") for name in ("flight", "hotel"))
        story = Story(saga(in_parallel(*steps)))
        busy = Says(503, headers=(("Retry-After", "1"),))
        return story.bend("POST flights/reservations", busy).bend("POST hotels/reservations", busy)

    def then(story: Story) -> None:
        assert story.counted("flight") == story.counted("hotel") == 3

    story = make().play()
    story.ended("compensated")
    then(story)
    crash_everywhere(make, "compensated stuck", stride=3, then=then)


USES = "- id: inner\n  uses: ./child.yaml\n"


def test_c46_a_child_that_is_done_is_undone_with_its_parent() -> None:
    def make() -> Story:
        child = reserve("hotel") + reserve("car")
        return Story(saga(reserve("flight") + USES + PAY_AND_FAIL, child=child))

    story = make().play()
    story.ended("compensated")
    assert story.undos == ["cars", "hotels", "flights"]
    crash_everywhere(make, "compensated", stride=2)


def test_c47_a_child_that_is_under_way_is_let_land_and_undone_before_its_parent() -> None:
    # given a parent that fails beside a child that is still at its slow second step
    def make() -> Story:
        child = reserve("hotel") + reserve("car")
        beside = in_parallel(USES, PAY_AND_FAIL)
        story = Story(saga(reserve("flight") + beside, child=child))
        return story.bend("POST payments*", Late(1.0)).bend("POST cars/reservations", Late(3.0))

    def then(story: Story) -> None:
        assert story.undos[-1] == "flights"
        if "cars" in story.standings:
            assert story.standings["cars"] == "released"

    story = make().play()
    story.ended("compensated")
    assert story.landed("pay") < story.landed("parallel-1/inner/car") < story.planned_at
    assert story.undos == ["cars", "hotels", "flights"]
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c48_the_run_that_a_step_starts_is_one_and_the_same_whatever_crashes() -> None:
    def make() -> Story:
        child = "- call: POST mail/messages\n  body: { to: me }\n  compensate: none\n"
        return Story(saga(reserve("flight") + USES + "  detach: true\n", child=child))

    story = make().play()
    story.ended("succeeded")

    def then(story: Story) -> None:
        assert len({fact.run for fact in story.facts if isinstance(fact, Detached)}) == 1

    then(story)
    crash_everywhere(make, "succeeded", then=then)


def test_c49_when_all_beside_each_other_fail_what_was_before_is_undone() -> None:
    def make() -> Story:
        both = in_parallel(*(PAY_AND_FAIL.replace("id: pay", f"id: {n}") for n in ("one", "two")))
        return Story(saga(reserve("flight") + both))

    make().play().ended("compensated")
    crash_everywhere(make, "compensated")


def test_c50_nothing_of_a_child_is_under_way_when_its_parent_is_over() -> None:
    def make() -> Story:
        child = reserve("hotel")
        beside = in_parallel(USES, PAY_AND_FAIL)
        return Story(saga(reserve("flight") + beside, child=child)).bend(
            "POST hotels/reservations", Late(3.0)
        )

    def then(story: Story) -> None:
        assert not story.state.flying
        plan, stands = story.seen.plan, story.now.stands
        assert all(stands[address].over for address in plan.nodes if address in stands)

    story = make().play()
    story.ended("compensated")
    then(story)
    crash_everywhere(make, "compensated", stride=2, then=then)


def test_c51_a_step_that_may_fail_and_whose_answer_is_lost_is_undone_by_itself() -> None:
    def make() -> Story:
        car = reserve("car", by="key", more="critical: false\nretry: 1")
        return Story(saga(reserve("flight") + car)).fault("POST cars/reservations", "lose_reply")

    story = make().play()
    story.ended("succeeded")
    assert len(story.now.warnings) == 1
    assert not story.now.residue
    assert story.standings["cars"] == "released"
    crash_everywhere(make, "succeeded", stride=2)


APPROVAL = """
- id: yes
  wait_for: approve
  timeout: 60s
  expect: yes.ok
"""


def yes(number: str = "1", *, ok: bool = True) -> Order:
    return Order("signal", step="approve", body={"ok": ok}, id=number)


@pytest.mark.parametrize(
    ("orders", "end", "refused"),
    [
        pytest.param([(0.0, yes())], "succeeded", 0, id="before the wait"),
        pytest.param([(30.0, yes())], "succeeded", 0, id="during it"),
        pytest.param([(30.0, yes()), (30.0, yes())], "succeeded", 0, id="the same one twice"),
        pytest.param(
            [(30.0, yes()), (31.0, yes("2", ok=False))], "succeeded", 1, id="a second one"
        ),
        pytest.param(
            [(30.0, yes(ok=False)), (31.0, yes("2"))], "compensated", 1, id="a no, then a yes"
        ),
        pytest.param([(200.0, yes())], "compensated", 1, id="after the end"),
        pytest.param([], "compensated", 0, id="never"),
    ],
)
def test_c64_a_signal_counts_once_and_whenever_it_comes(
    orders: list[tuple[float, Order]], end: str, refused: int
) -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + APPROVAL + "- wait: 5s\n"))
        story.bend("POST flights/reservations", Late(2.0))
        story.orders += orders
        return story

    def then(story: Story) -> None:
        assert sum(isinstance(fact, Received) for fact in story.facts) <= 1
        assert len({fact.id for fact in story.facts if isinstance(fact, Signalled)}) <= 1

    story = make().play()
    story.ended(end)
    assert len(story.refused) == refused
    then(story)
    crash_everywhere(make, end, then=then)


def test_c64_a_signal_and_the_timeout_at_the_same_instant_have_one_winner() -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + APPROVAL))
        story.orders += signals
        return story

    def then(story: Story) -> None:
        won = [fact for fact in story.facts if isinstance(fact, Received)]
        lost = [fact for fact in story.facts if isinstance(fact, Failed) and fact.node == "yes"]
        assert len(won) + len(lost) == 1
        assert story.now.state == ("succeeded" if won else "compensated")

    signals: list[tuple[float, Order]] = []
    fired = [fact for fact in make().play().facts if isinstance(fact, Fired)]
    (expired,) = (fact.at for fact in fired if fact.timer == "yes")
    signals.append((expired - EPOCH, yes()))
    then(make().play())
    crash_everywhere(make, "succeeded compensated", then=then)
