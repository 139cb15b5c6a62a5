"""A crash before and after every append, sync, send and receive; recovery; and a second crash at every point of that.

The disk keeps only what was synced. The services are never crashed: what reached them takes effect, whoever has died.
"""

from __future__ import annotations

import pytest

from flowdsl.plan.values import Json
from tests.conftest import Counts
from tests.lives.machine import OneRun
from tests.lives.stage import ORDER, TRIP, workflow

STRIDE = 181  # of the second crash, but for the full size


SCENES: dict[str, tuple[str, dict[str, Json], tuple[tuple[str, str], ...]]] = {
    "trip": ("trip.yaml", TRIP, ()),
    "trip declined": ("trip.yaml", {**TRIP, "card": "tok_declined"}, ()),
    "trip lost reply": ("trip.yaml", TRIP, (("POST payments/charges", "lose_reply"),)),
    "order": ("order.yaml", ORDER, ()),
    "order declined": ("order.yaml", {**ORDER, "card": "tok_declined"}, ()),
    "order lost reply": ("order.yaml", ORDER, (("POST shipping/labels", "lose_reply"),)),
}


@pytest.mark.parametrize("scene", SCENES)
def test_any_two_crashes_leave_nothing_behind(scene: str, counts: Counts, *, full: bool) -> None:
    name, inputs, faults = SCENES[scene]
    plan = workflow(name)
    whole, points = OneRun(plan, inputs, faults).live()
    assert whole is not None
    assert points > 40

    crashes = 0
    for first in range(1, points + 1):
        one = OneRun(plan, inputs, faults)
        died, _ = one.live(first)
        if died is not None:
            continue  # parallel branches took another order, and this life had fewer points
        result, later = one.live()
        assert result is not None
        one.judge(result)
        crashes += 1
        for second in range(1 + first % STRIDE, later + 1, 1 if full else STRIDE):
            one = OneRun(plan, inputs, faults)
            one.live(first)
            if one.live(second)[0] is None:
                result, _ = one.live()
                assert result is not None
            one.judge(result)
            crashes += 1
    assert crashes > points
    counts.add("crashes, each followed by a recovery", crashes)
