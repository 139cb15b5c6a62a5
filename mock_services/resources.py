"""The nine services as data: what can be made at which path, and what can then become of it.

A thing is made by POST to its collection, read by GET, and undone and confirmed by the verbs of its
row. `{id}` may also be the Idempotency-Key of the request that made it, for who lost the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mock_services.exchange import Json, Reply, refusal
from mock_services.ledger import Standing

Made: TypeAlias = "dict[str, Json] | Reply"  # the fields of the new thing, or a refusal
Maker: TypeAlias = "Callable[[Mapping[str, Json], Mapping[str, str]], Made]"

SERVICES = (
    "flights",
    "hotels",
    "cars",
    "payments",
    "mail",
    "inventory",
    "shipping",
    "warehouses",
    "events",
)

FLIGHT_PRICE = 420
HOTEL_PRICE = 180
CAR_PRICE = 60
BATCH_ITEMS_MAX = 50
# What an event must say of itself: CloudEvents 1.0, in structured JSON.
EVENT_NAMES = ("specversion", "id", "source", "type")


@dataclass(frozen=True, slots=True)
class Resource:
    """`undo` is the method and the verb behind the id that take a thing back; `confirm`, the verb that makes it final."""

    service: str
    collection: re.Pattern[str]
    kind: str
    prefix: str
    make: Maker
    made: Standing
    undo: tuple[str, str | None] | None = None
    undone: Standing = "released"
    confirm: str | None = None
    confirmed: Standing = "confirmed"
    same: tuple[str, ...] = ()  # fields of the body: who says the same once more makes nothing new


def is_empty(warehouse: str) -> bool:
    return warehouse == "wh-empty"


def _flight(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"flight": body.get("flight"), "price": FLIGHT_PRICE}


def _hotel(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    hotel, nights = body.get("hotel"), body.get("nights", 1)
    if hotel == "Nowhere":
        return refusal(404, "no_such_hotel", "there is no hotel Nowhere")
    if isinstance(nights, bool) or not isinstance(nights, int) or nights < 1:
        return refusal(400, "bad_nights", "nights must be a whole number above 0")
    return {"hotel": hotel, "nights": nights, "price": HOTEL_PRICE * nights}


def _car(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"car": body.get("car"), "price": CAR_PRICE}


def _charge(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    if body.get("card") == "tok_declined":
        return refusal(402, "card_declined", "the card was declined")
    return {"amount": body.get("amount")}


def _voucher(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"amount": body.get("amount")}


def _invoice(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"charge": body.get("charge")}


def _message(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"to": body.get("to")}


def _stock(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    items = body.get("items")
    return _sold_out(items) or {"items": items}


def _batch(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    """All of it or nothing: one thing that is held, released and confirmed as a whole."""
    items = body.get("items")
    if not isinstance(items, list) or not items:
        return refusal(400, "no_items", "a batch is a list of items")
    if len(items) > BATCH_ITEMS_MAX:
        return refusal(400, "too_many", f"a batch is at most {BATCH_ITEMS_MAX} items")
    return _sold_out(items) or {"items": items, "count": len(items)}


def _sold_out(items: Json) -> Reply | None:
    for item in items if isinstance(items, list) else []:
        if item == "sold-out" or (isinstance(item, dict) and item.get("sku") == "sold-out"):
            return refusal(409, "sold_out", "there is nothing left of sold-out")
    return None


def _label(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    if body.get("address") == "Nowhere":
        return refusal(422, "no_such_address", "nobody lives at Nowhere")
    return {"address": body.get("address")}


def _hold(body: Mapping[str, Json], places: Mapping[str, str]) -> Made:
    if is_empty(places["warehouse"]):
        return Reply(200, {"warehouse": places["warehouse"], "available": False})
    return {"warehouse": places["warehouse"], "available": True, "items": body.get("items")}


def _event(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    for name in EVENT_NAMES:
        value = body.get(name)
        if not isinstance(value, str) or not value:
            return refusal(400, "no_event", f"a CloudEvent says {name}, as text")
    if body["specversion"] != "1.0":
        return refusal(400, "no_event", "only CloudEvents 1.0 are taken")
    return dict(body)


def _notice(body: Mapping[str, Json], places: Mapping[str, str]) -> Made:
    return {"topic": places["topic"], "notice": dict(body)}


def _collection(path: str) -> re.Pattern[str]:
    """`/things`, `/things/{name}`, `/things/{name}/{verb}`; `path` may hold groups of its own."""
    return re.compile(rf"(?P<base>{path})(?:/(?P<name>[^/]+)(?:/(?P<verb>[^/]+))?)?")


_RESERVATIONS = _collection("/reservations")
_DELETE = ("DELETE", None)

# fmt: off
# The first that a path fits is meant: a batch is not a reservation with the name `batch`.
RESOURCES = (
    Resource("flights", _RESERVATIONS, "reservation", "F", _flight, "held", _DELETE, confirm="confirm"),
    Resource("hotels", _RESERVATIONS, "reservation", "H", _hotel, "held", _DELETE, confirm="confirm"),
    Resource("cars", _RESERVATIONS, "reservation", "C", _car, "held", _DELETE, confirm="confirm"),
    Resource("inventory", _collection("/reservations/batch"), "batch", "B", _batch, "held", _DELETE, confirm="confirm"),
    Resource("inventory", _RESERVATIONS, "reservation", "I", _stock, "held", _DELETE, confirm="confirm"),
    Resource("warehouses", _collection("/(?P<warehouse>[^/]+)/holds"), "hold", "W", _hold, "held", _DELETE, confirm="confirm"),
    Resource("payments", _collection("/charges"), "charge", "P", _charge, "charged", ("POST", "refund"), "refunded"),
    Resource("payments", _collection("/vouchers"), "voucher", "V", _voucher, "issued", _DELETE),
    Resource("payments", _collection("/invoices"), "invoice", "N", _invoice, "issued", _DELETE, confirm="send", confirmed="sent"),
    Resource("shipping", _collection("/labels"), "label", "L", _label, "sent", _DELETE),
    Resource("mail", _collection("/messages"), "message", "M", _message, "sent"),
    Resource("events", re.compile("(?P<base>/)"), "event", "E", _event, "published", same=("source", "id")),
    Resource("events", _collection("/(?P<topic>[^/]+)"), "notice", "T", _notice, "published"),
)
# fmt: on
