"""Four workflows that know nothing of each other come to the same end as one that knows everything."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from flowdsl.plan.json import from_bytes
from flowdsl.plan.values import Json
from mock_services.ledger import Effect
from tests.contract.story import Story
from tests.lives.front import Front
from tests.workflows.shipped import FOLDER, ORDER, plan_of

# By the event that each reacts to, as its `trigger` says.
LISTENERS = {
    "order.placed": "inventory.yaml",
    "stock.reserved": "payment.yaml",
    "payment.processed": "shipping.yaml",
    "shipment.refused": "undo-payment.yaml",
    "payment.undone": "undo-inventory.yaml",
}
ROUNDS_MAX = 10


def choreograph(inputs: Mapping[str, Json]) -> tuple[Front, dict[str, str]]:
    """Places an order, then hands every event to whoever listens, until nobody has anything to say. How each ended."""
    front = Front()
    ends: dict[str, str] = {}

    def run(name: str, given: Mapping[str, Json]) -> None:
        story = Story(plan_of(f"choreography/{name}"), dict(given), run=name, front=front)
        story.tell()
        ends[name] = story.now.state

    run("order.yaml", {**ORDER, **inputs})
    heard = 0
    while heard < len(events(front)):
        assert heard < ROUNDS_MAX
        event = events(front)[heard]
        heard += 1
        if event["type"] in LISTENERS:
            data = event["data"]
            assert isinstance(data, dict)
            run(LISTENERS[str(event["type"])], data)
    return front, ends


def events(front: Front) -> list[dict[str, Json]]:
    kept = [e.answer for e in front.app.ledger.effects if e.kind == "event"]
    read = [from_bytes(json.dumps(answer)) for answer in kept]
    return [event for event in read if isinstance(event, dict)]


def things(front: Front) -> dict[str, str]:
    """What there is beside the events, and how it stands."""
    effects: list[Effect] = [e for e in front.app.ledger.effects if e.kind != "event"]
    return {effect.service: effect.standing for effect in effects}


def told(front: Front) -> list[str]:
    return [str(event["type"]) for event in events(front)]


def test_each_reacts_to_what_another_tells() -> None:
    front, ends = choreograph({})
    assert told(front) == ["order.placed", "stock.reserved", "payment.processed", "order.shipped"]
    assert things(front) == {
        "inventory": "confirmed",
        "payments": "charged",
        "cars": "confirmed",
        "shipping": "sent",
    }
    assert set(ends.values()) == {"succeeded"}
    assert not list(front.app.ledger.left_behind("succeeded"))


def test_a_card_that_is_declined_puts_the_stock_back() -> None:
    front, ends = choreograph({"card": "tok_declined"})
    assert told(front) == ["order.placed", "stock.reserved", "payment.undone", "order.undone"]
    assert things(front) == {"inventory": "released"}
    assert ends["payment.yaml"] == "compensated"
    assert not list(front.app.ledger.left_behind("compensated"))


def test_a_parcel_that_nobody_ships_gives_money_and_stock_back() -> None:
    front, ends = choreograph({"address": "Nowhere"})
    assert told(front) == [
        "order.placed",
        "stock.reserved",
        "payment.processed",
        "shipment.refused",
        "payment.undone",
        "order.undone",
    ]
    assert things(front) == {
        "inventory": "released",
        "payments": "refunded",
        "cars": "released",
    }
    assert ends["shipping.yaml"] == "compensated"
    assert not list(front.app.ledger.left_behind("compensated"))


def test_stock_that_is_sold_out_ends_it_at_once() -> None:
    front, ends = choreograph({"items": ["sold-out"]})
    assert told(front) == ["order.placed", "stock.refused"]
    assert things(front) == {}
    assert ends["inventory.yaml"] == "compensated"


@pytest.mark.parametrize(
    "name", sorted(path.name for path in (FOLDER / "choreography").glob("*.yaml"))
)
def test_it_hears_what_the_table_says(name: str) -> None:
    trigger = plan_of(f"choreography/{name}").trigger
    heard = next((event for event, file in LISTENERS.items() if file == name), None)
    assert (trigger.event if trigger is not None else None) == heard
