"""One of everything: the kitchen sink of the language, with the two files that it names.

It runs, each of its branches is taken, each of its calls is refused in turn, and it dies at every point.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from flowdsl.engine.orders import Order
from flowdsl.plan.values import Json
from flowdsl.view.run.report import outputs
from tests.conftest import Counts
from tests.contract.crashes import crash_everywhere
from tests.contract.story import Story
from tests.lives.front import Says
from tests.workflows.shipped import plan_of

FOLDER = "tests/workflows/kitchen"
SERVICES = ("inventory", "warehouses", "shipping", "events", "payments")
BASES = {name: f"http://mock/{name}" for name in SERVICES}
INPUTS: dict[str, Json] = {
    "order_id": "o-1",
    "items": [{"sku": "bike", "kg": 14}, {"sku": "bell", "kg": 1}],
    "note": None,
    "total": 6000,
    "otp": None,
}
APPROVED = Order("signal", step="approve", body={"ok": True}, id="one")
ORDERS = ((3600.0, APPROVED),)
REFUSED = Says(422, {"error": "no", "message": "we would rather not"})

# Every call of the happy path, and how the run ends if it is refused: for ever, or until it is mended.
IF_REFUSED = {
    "GET warehouses/wh-1/quote": "succeeded",  # two of three are enough
    "GET warehouses/wh-2/quote": "succeeded",
    "GET warehouses/wh-1/stock": "stuck",  # asked by the used file, below commit
    "POST warehouses/wh-1/holds": "succeeded",  # another one wins
    "POST warehouses/wh-2/holds": "succeeded",
    "POST warehouses/wh-3/holds": "succeeded",
    "POST events/large-orders": "compensated",
    "POST payments/charges": "succeeded",  # by voucher
    "POST payments/invoices": "stuck",
    "POST payments/invoices/*/send": "succeeded",
    "POST shipping/labels": "stuck",
    "GET warehouses/wh-?/quote": "compensated",  # none of them
    "POST warehouses/wh-?/holds": "compensated",
}


class Sink(Story):
    """This file confirms nothing: the warehouse that has won goes on holding the stock, and only that one.

    Where a loser cannot be undone, the run is stuck on its way forward: what has been done so far is still wanted.
    """

    @property
    def left(self) -> set[str]:
        left = super().left
        if self.state.turning is not None:
            return left
        held = {str(e.key) for e in self.ledger if e.standing == "held"} - self.named
        return left - held if len(held) == 1 else left


def sink(inputs: Mapping[str, Json] | None = None) -> Story:
    return Sink(
        plan_of("kitchen-sink.yaml", FOLDER),
        {**INPUTS, **(inputs or {})},
        secrets={"PAYMENTS_TOKEN": "s3cret", "SHIPPING_PASSWORD": "pa:ss"},
        env={"INVENTORY_URL": "http://mock/inventory"},
        bases=dict(BASES),
        orders=list(ORDERS),
    )


def told(story: Story) -> list[str]:
    """What was published: events by their type, notices by their topic."""
    published = [effect.answer for effect in story.ledger if effect.service == "events"]
    return [str(answer.get("type") or answer["topic"]) for answer in published]


def test_everything_goes_well() -> None:
    story = sink().play()
    story.ended("succeeded")
    found, problems = outputs(story.seen)
    assert (dict(found), problems) == ({"charge": "P-1", "express": "yes"}, ())
    assert told(story) == ["large-orders", "order.paid"]
    assert story.count("GET warehouses/*/quote") == 2  # the third was not needed any more
    kinds = sorted(effect.kind for effect in story.ledger if effect.service != "warehouses")
    assert kinds == ["charge", "event", "invoice", "label", "label", "notice"]
    assert sorted(e.standing for e in story.ledger if e.service == "warehouses") == [
        "held",  # the winner; this file confirms nothing
        "released",
        "released",
    ]


@pytest.mark.parametrize(("total", "topic"), [(900, "orders"), (6000, "large-orders")])
def test_one_branch_of_the_switch_is_taken(total: int, topic: str) -> None:
    assert told(sink({"total": total}).play())[0] == topic


def test_a_small_order_waits_for_nobody() -> None:
    story = sink({"total": 900})
    story.orders = []
    assert story.play().now.state == "succeeded"


@pytest.mark.parametrize("body", [{"ok": False}, None], ids=["no", "silence"])
def test_without_approval_it_is_undone_and_said(body: Json) -> None:
    story = sink()
    story.orders = [(3600.0, Order("signal", step="approve", body=body, id="one"))] if body else []
    story.play().ended("compensated")
    assert told(story) == ["alerts"]


def test_what_is_too_heavy_for_its_price_fails() -> None:
    story = sink({"total": 5, "items": [{"sku": "anvil", "kg": 80}]})
    story.orders = []
    story.play()
    story.stuck_at("switch-1/steps-2/call-1")  # of which the file does not say how to undo it: F012
    assert told(story) == ["orders", "alerts"]
    assert [entry.step for entry in story.now.residue] == ["switch-1/steps-2/call-1", "stock[0]"]
    assert story.standings["payments"] == "refunded"


@pytest.mark.parametrize("line", IF_REFUSED)
def test_each_call_refused_in_turn(line: str) -> None:
    story = sink().bend(line, REFUSED)
    expected = IF_REFUSED[line]

    async def lives() -> None:
        now = await story.live()
        assert now is not None
        assert now.state == expected
        if expected == "stuck":
            story.front.bends[0].times = story.front.bends[0].fired
            await story.live(given=[Order("retry")])

    story.play(lives)
    assert story.now.state == ("compensated" if expected == "compensated" else "succeeded")


@pytest.mark.parametrize("line", ["", "POST payments/charges", "POST events/large-orders"])
def test_it_survives_a_crash_at_every_point(line: str, counts: Counts, full: bool) -> None:
    def make() -> Story:
        return sink().bend(line, REFUSED) if line else sink()

    ends = IF_REFUSED.get(line, "succeeded")
    deaths = crash_everywhere(make, f"{ends} stuck", 1 if full else 3)
    counts.add("crashes of the kitchen sink, each followed by a recovery", deaths)
