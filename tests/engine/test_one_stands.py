"""`first_success` over three holds, `quorum: 2` of four: as many stand in the end as were asked for, never more.

Each hold is granted, refused, answered late, its answer is lost, or it is lost and only comes when nobody waits any more:
all combinations, and a crash of the process at points of each.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from typing import Literal, TypeAlias

import pytest

from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Chosen, Turned
from tests.conftest import Counts
from tests.lives.constructs import each, hold, saga
from tests.lives.front import Late, Says
from tests.lives.theatre import RUN, Theatre
from tests.workflows.shipped import ORDER, plan_of

Fate: TypeAlias = Literal["ok", "refused", "late", "lost", "lost and late"]
FATES: tuple[Fate, ...] = ("ok", "refused", "late", "lost", "lost and late")
REFUSED = Says(422, {"error": "sold_out", "message": "there is nothing left"})
WITHIN_SECONDS, BEYOND_SECONDS = 4.0, 95.0  # of a timeout of 10 s, three times
CRASHES, CRASHES_FULL = 3, 16  # of each combination


@cache
def plan(collect: str, names: int) -> Plan:
    return saga(each(hold(), collect, items=str([f"wh-{n}" for n in range(1, names + 1)])))


def theatre(asked: Plan, fates: tuple[Fate, ...], *, killed: bool = False) -> Theatre:
    made = Theatre(asked, killed=killed)
    for number, fate in enumerate(fates, 1):
        line = f"POST warehouses/wh-{number}/holds"
        match fate:
            case "refused":
                made.bend(line, REFUSED)
            case "late":
                made.bend(line, Late(WITHIN_SECONDS), times=1)
            case "lost":
                made.fault(line, "lose_reply")
            case "lost and late":
                made.bend(line, Late(BEYOND_SECONDS), times=1)
    return made


def judge(played: Theatre, fates: tuple[Fate, ...], wanted: int) -> None:
    played.judge()
    holds = Counter(e.standing for e in played.ledger if e.kind == "hold")
    run = played.runs[RUN]
    if len(fates) - fates.count("refused") < wanted:
        assert run.now.state == "compensated"
        assert holds["confirmed"] + holds["held"] == 0
        return
    assert run.now.state == "succeeded", run.now
    assert (holds["confirmed"], holds["held"]) == (wanted, 0)
    (chosen,) = (fact for fact in run.facts if isinstance(fact, Chosen))
    assert len(set(chosen.winners)) == wanted
    assert not any(fates[winner] == "refused" for winner in chosen.winners)
    lost = [fact.scope for fact in run.facts if isinstance(fact, Turned)]
    assert len(lost) == len(set(lost))


def all_crashes(asked: Plan, fates: tuple[Fate, ...], wanted: int, number: int) -> int:
    whole = theatre(asked, fates).play()
    judge(whole, fates, wanted)
    shift = sum(FATES.index(fate) * 5**n for n, fate in enumerate(fates))
    points = whole.points[0]
    crashes = 0
    for n in range(number):
        point = 1 + (shift * 7 + n * points // number) % points
        played = theatre(asked, fates, killed=n % 2 == 1).play(point)
        judge(played, fates, wanted)
        crashes += len(played.points) - 1
    return crashes


@pytest.mark.parametrize("first", FATES)
def test_of_three_holds_exactly_one_stands(first: Fate, counts: Counts, full: bool) -> None:
    asked = plan("first_success", 3)
    rest = list(product(FATES, repeat=2))
    assert len(rest) == 25
    crashes = sum(
        all_crashes(asked, (first, *fates), 1, CRASHES_FULL if full else CRASHES) for fates in rest
    )
    counts.add("first_success: combinations of what becomes of three holds", len(rest))
    counts.add("first_success: crashes in them", crashes)


FOUR: list[tuple[Fate, ...]] = [*product(FATES, repeat=4)]
EVERY = 11  # of the 625 combinations of four, but for the full size


@pytest.mark.parametrize("rest", range(5))
def test_of_four_holds_exactly_two_stand(rest: int, counts: Counts, full: bool) -> None:
    asked = plan("{ quorum: 2 }", 4)
    chosen = FOUR[rest::5] if full else FOUR[rest * EVERY :: EVERY * 5]
    crashes = sum(
        all_crashes(asked, fates, 2, CRASHES_FULL // 4 if full else CRASHES) for fates in chosen
    )
    counts.add("quorum 2: combinations of what becomes of four holds", len(chosen))
    counts.add("quorum 2: crashes in them", crashes)


@pytest.mark.parametrize("fates", [("late", "ok", "lost"), ("refused", "lost and late", "lost")])
def test_of_the_shipped_warehouses_one_stands_at_every_crash(
    fates: tuple[Fate, ...], counts: Counts, full: bool
) -> None:
    """`workflows/fulfilment.yaml`, with the ship order that uses the winner."""
    asked = plan_of("fulfilment.yaml")
    inputs: dict[str, Json] = {**ORDER, "warehouses": ["wh-1", "wh-2", "wh-3"]}
    inputs = {k: v for k, v in inputs.items() if k in ("order", "items", "address", "warehouses")}

    def make() -> Theatre:
        made = theatre(asked, fates)
        made.inputs, made.env = inputs, {"DEMO_URL": "http://mock"}
        return made

    whole = make().play()
    judge(whole, fates, 1)
    crashes = 0
    for point in range(1, whole.points[0] + 1, 1 if full else 7):
        judge(make().play(point), fates, 1)
        crashes += 1
    assert crashes > 10
    counts.add("first_success: crashes in them", crashes)
