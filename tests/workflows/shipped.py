"""Every workflow that is shipped: what it is started with, and what becomes of it when one call is refused.

`if_refused` has a line for every request of the happy path, `*` for any text: how the run ends if that one is refused, however
often it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from flowdsl.engine.orders import Order
from flowdsl.language import Source, compile_plan, paths_named
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from tests.contract.story import Story

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "workflows"

NO_OTHERS: Mapping[str, Json] = MappingProxyType({})
APPROVED = Order("signal", step="approve", body={"ok": True, "by": "ada"}, id="one")
UNDOES, GOES_ON, STUCK = "compensated", "succeeded", "stuck"


@dataclass(frozen=True, slots=True)
class Shipped:
    name: str
    inputs: Mapping[str, Json]
    if_refused: Mapping[str, str]
    orders: tuple[tuple[float, Order], ...] = ()


def plan_of(name: str, folder: str = "workflows") -> Plan:
    """As the command line reads it: the file, and all that it names."""
    path = f"{folder}/{name}"
    texts: dict[str, str] = {}
    to_read = [path]
    while to_read:
        key = to_read.pop()
        texts[key] = (ROOT / key).read_text("utf-8")
        if not key.endswith("openapi.yaml") and "/openapi/" not in key:
            named = paths_named(Source(key, texts[key]))
            to_read += [each for each in named if each not in texts]
    return compile_plan(texts.pop(path), path, texts.items())


def story_of(shipped: Shipped, inputs: Mapping[str, Json] = NO_OTHERS) -> Story:
    """`inputs` that differ from those of the happy path."""
    given = {**shipped.inputs, **inputs}
    return Story(plan_of(shipped.name), given, orders=list(shipped.orders))


BOOKING: dict[str, Json] = {
    "flight": "LH-454",
    "hotel": "Savoy",
    "car": "compact",
    "nights": 2,
    "card": "tok_visa",
    "email": "ada@example.com",
}
ORDER: dict[str, Json] = {
    "order": "o-1",
    "items": ["bike", "bell"],
    "total": 250,
    "card": "tok_visa",
    "address": "1 Main Street",
}
TRIP_IF_REFUSED = {
    "POST flights/reservations": UNDOES,
    "POST hotels/reservations": UNDOES,
    "POST cars/reservations": UNDOES,
    "POST payments/charges": UNDOES,
    "POST flights/reservations/*/confirm": STUCK,
    "POST hotels/reservations/*/confirm": STUCK,
    "POST cars/reservations/*/confirm": STUCK,
    "POST mail/messages": GOES_ON,
}
SHIPPING_IF_REFUSED = {
    "GET warehouses/*/quote": UNDOES,
    "POST cars/reservations": UNDOES,
    "POST shipping/labels": UNDOES,
    "POST cars/reservations/*/confirm": STUCK,
}

SHIPPED = (
    Shipped("trip.yaml", BOOKING, TRIP_IF_REFUSED),
    Shipped("trip-steps.yaml", BOOKING, TRIP_IF_REFUSED),
    Shipped(
        "order.yaml",
        {**ORDER, "items": [{"sku": "bike", "quantity": 2}]},
        {
            "POST inventory/reservations": UNDOES,
            "POST payments/charges": UNDOES,
            "POST shipping/labels": UNDOES,
            "POST inventory/reservations/*/confirm": STUCK,
        },
    ),
    Shipped(
        "search.yaml",
        {"city": "London", "nights": 2},
        {"GET flights/search*": UNDOES, "GET hotels/search*": UNDOES},
    ),
    Shipped(
        "fulfilment.yaml",
        {
            "order": "o-1",
            "items": ["bike"],
            "address": "1 Main Street",
            "warehouses": ["wh-1", "wh-2", "wh-3"],
        },
        {
            "POST warehouses/wh-1/holds": GOES_ON,  # another one wins
            "POST warehouses/wh-2/holds": GOES_ON,
            "POST warehouses/wh-3/holds": GOES_ON,
            "DELETE warehouses/*/holds/*": STUCK,  # of a loser
            **SHIPPING_IF_REFUSED,
            "POST warehouses/*/holds/*/confirm": STUCK,
        },
    ),
    Shipped(
        "notify-all.yaml",
        {"order": "o-1", "warehouses": ["wh-1", "wh-2", "wh-empty"]},
        {
            "GET warehouses/wh-1/stock": GOES_ON,
            "GET warehouses/wh-2/stock": GOES_ON,
            "GET warehouses/wh-empty/stock": GOES_ON,
            "POST mail/messages": GOES_ON,
        },
    ),
    Shipped(
        "partial-success.yaml",
        {
            "order": "o-1",
            "sku": "bike",
            "quantity": 2,
            "price": 250,
            "card": "tok_visa",
            "email": "ada@example.com",
        },
        {
            "POST warehouses/wh-1/holds": UNDOES,
            "POST payments/charges": UNDOES,
            "POST payments/vouchers": GOES_ON,
            "POST warehouses/wh-1/holds/*/confirm": STUCK,
            "POST mail/messages": GOES_ON,
        },
    ),
    Shipped(
        "batch-reserve.yaml",
        {"order": "o-1", "items": [f"sku-{n}" for n in range(7)], "size": 3},
        {
            "POST inventory/reservations/batch": UNDOES,
            "POST inventory/reservations/batch/*/confirm": STUCK,
        },
    ),
    Shipped(
        "approval.yaml",
        {"order": "o-1", "items": ["bike"], "total": 1500, "card": "tok_visa"},
        {
            "POST inventory/reservations/batch": UNDOES,
            "POST payments/charges": UNDOES,
            "POST inventory/reservations/batch/*/confirm": STUCK,
        },
        orders=((3600.0, APPROVED),),
    ),
    Shipped(
        "forward-recovery.yaml",
        ORDER,
        {"POST payments/charges": GOES_ON, **SHIPPING_IF_REFUSED},
    ),
    Shipped(
        "shipping.yaml",
        {"order": "o-1", "items": ["bike"], "address": "1 Main Street", "warehouse": "wh-1"},
        SHIPPING_IF_REFUSED,
    ),
    Shipped(
        "order-with-shipping.yaml",
        ORDER,
        {
            **SHIPPING_IF_REFUSED,
            "POST payments/charges": UNDOES,
            "POST payments/invoices": STUCK,
            "POST payments/invoices/*/send": GOES_ON,
        },
    ),
)
BY_NAME = {shipped.name: shipped for shipped in SHIPPED}
