"""The eight services as data: what can be made at which path, and what can then become of it.

A thing is made by POST to its collection, read by GET, and undone and confirmed by the verbs of its
row. `{id}` may also be the Idempotency-Key of the request that made it, for who lost the answer.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mock_services.exchange import Json, Reply, Request, refusal
from mock_services.ledger import Act, Deed, Effect, Ledger, Standing

Made: TypeAlias = "dict[str, Json] | Reply"  # the fields of the new thing, or a refusal
Maker: TypeAlias = "Callable[[Mapping[str, Json], Mapping[str, str]], Made]"

SERVICES = ("flights", "hotels", "cars", "payments", "mail", "inventory", "shipping", "warehouses")

FLIGHT_PRICE = 420
HOTEL_PRICE = 180
CAR_PRICE = 60


@dataclass(frozen=True, slots=True)
class Resource:
    service: str
    collection: re.Pattern[str]
    kind: str
    prefix: str
    make: Maker
    made: Standing
    undo: tuple[str, str | None] | None  # method, and the verb behind the id
    undone: Standing = "released"
    confirmable: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """When a request came in, and when it is acted upon."""

    started: float
    ended: float


def serve(ledger: Ledger, service: str, path: str, request: Request, moment: Moment) -> Reply:
    """Does what the request asks for. `path` is what stands behind the service's prefix."""
    if request.method == "GET":
        for owner, pattern, look in READS:
            found = pattern.fullmatch(path)
            if found and owner == service:
                return look(request, found.groupdict())
    for resource in RESOURCES:
        found = resource.collection.fullmatch(path)
        if found and resource.service == service:
            return _Visit(ledger, resource, request, moment, found.groupdict()).reply()
    return refusal(404, "no_route", f"{service} has nothing at {path}")


@dataclass(frozen=True, slots=True)
class _Visit:
    """One request at the door of one resource."""

    ledger: Ledger
    resource: Resource
    request: Request
    moment: Moment
    places: Mapping[str, str | None]

    def reply(self) -> Reply:
        name, verb = self.places["name"], self.places["verb"]
        match self.request.method, name, verb:
            case "POST", None, None:
                return self._do()
            case "GET", None, None:
                return self._list()
            case "GET", str(), None:
                return self._on(name, lambda effect: Reply(200, effect.shown))
            case "POST", str(), "confirm" if self.resource.confirmable:
                return self._on(name, self._confirm)
            case method, str(), _ if (method, verb) == self.resource.undo:
                return self._on(name, self._undo)
            case method, _, _:
                return refusal(405, "no_method", f"{method} is not possible here")

    @property
    def _collection(self) -> str:
        return self.places["base"] or ""

    def _do(self) -> Reply:
        try:
            body = self.request.json
        except ValueError:
            return refusal(400, "not_json", "the body is not JSON")
        if not isinstance(body, dict | None):
            return refusal(400, "no_object", "the body is not a JSON object")
        places = {key: value for key, value in self.places.items() if value is not None}
        made = self.resource.make(body or {}, places)
        if isinstance(made, Reply):
            return made
        effect = Effect(
            service=self.resource.service,
            id=self.ledger.new_id(self.resource.service, self.resource.prefix),
            kind=self.resource.kind,
            path=self._collection,
            body=body,
            standing=self.resource.made,
            answer={},
        )
        effect.answer = {"id": effect.id, **made}
        if self.resource.kind == "label":
            effect.answer["tracking"] = f"TRACK-{effect.id}"
        self._record(effect, "do")
        self.ledger.add(effect)
        return Reply(201, effect.shown)

    def _list(self) -> Reply:
        key = self.request.parameter("key")
        things: list[Json] = [
            effect.shown
            for effect in self.ledger.effects
            if (effect.service, effect.path) == (self.resource.service, self._collection)
            and key in (None, effect.key)
        ]
        return Reply(200, {"data": things})

    def _on(self, name: str, act: Callable[[Effect], Reply]) -> Reply:
        effect = self.ledger.find(self.resource.service, self._collection, name)
        if effect is None:
            return refusal(404, "not_found", f"there is no {self.resource.kind} {name}")
        return act(effect)

    def _undo(self, effect: Effect) -> Reply:
        if effect.standing == self.resource.undone:
            return refusal(410, "gone", f"{effect.id} is {effect.standing} already")
        effect.standing = self.resource.undone
        self._record(effect, "undo")
        return Reply(200, effect.shown)

    def _confirm(self, effect: Effect) -> Reply:
        if effect.standing == self.resource.undone:
            return refusal(409, "gone", f"{effect.id} is {effect.standing}")
        effect.standing = "confirmed"
        self._record(effect, "confirm")
        return Reply(200, effect.shown)

    def _record(self, effect: Effect, act: Act) -> None:
        times = (self.moment.started, self.moment.ended)
        effect.deeds.append(Deed(act, effect.id, self.request.key, *times))


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


def _message(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"to": body.get("to")}


def _stock(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"items": body.get("items")}


def _label(body: Mapping[str, Json], _places: Mapping[str, str]) -> Made:
    return {"address": body.get("address")}


def _hold(body: Mapping[str, Json], places: Mapping[str, str]) -> Made:
    if _is_empty(places["warehouse"]):
        return Reply(200, {"warehouse": places["warehouse"], "available": False})
    return {"warehouse": places["warehouse"], "available": True, "items": body.get("items")}


def _collection(path: str) -> re.Pattern[str]:
    """`/things`, `/things/{name}`, `/things/{name}/{verb}`; `path` may hold groups of its own."""
    return re.compile(rf"(?P<base>{path})(?:/(?P<name>[^/]+)(?:/(?P<verb>[^/]+))?)?")


_RESERVATIONS = _collection("/reservations")
_DELETE = ("DELETE", None)

# fmt: off
RESOURCES = (
    Resource("flights", _RESERVATIONS, "reservation", "F", _flight, "held", _DELETE, confirmable=True),
    Resource("hotels", _RESERVATIONS, "reservation", "H", _hotel, "held", _DELETE, confirmable=True),
    Resource("cars", _RESERVATIONS, "reservation", "C", _car, "held", _DELETE, confirmable=True),
    Resource("inventory", _RESERVATIONS, "reservation", "I", _stock, "held", _DELETE, confirmable=True),
    Resource("warehouses", _collection("/(?P<warehouse>[^/]+)/holds"), "hold", "W", _hold, "held", _DELETE, confirmable=True),
    Resource("payments", _collection("/charges"), "charge", "P", _charge, "charged", ("POST", "refund"), "refunded"),
    Resource("shipping", _collection("/labels"), "label", "L", _label, "sent", _DELETE),
    Resource("mail", _collection("/messages"), "message", "M", _message, "sent", None),
)
# fmt: on


def _find_flights(request: Request, _places: Mapping[str, str]) -> Reply:
    route: dict[str, Json] = {"from": request.parameter("from"), "to": request.parameter("to")}
    offers = (("LH-454", FLIGHT_PRICE), ("BA-112", 460), ("AF-84", 510))
    return Reply(200, [{"flight": flight, **route, "price": price} for flight, price in offers])


def _find_hotels(request: Request, _places: Mapping[str, str]) -> Reply:
    city = request.parameter("city")
    offers = (("Savoy", HOTEL_PRICE), ("Ritz", 240), ("Adlon", 320))
    return Reply(200, [{"hotel": hotel, "city": city, "price": price} for hotel, price in offers])


def _find_cars(request: Request, _places: Mapping[str, str]) -> Reply:
    city = request.parameter("city")
    offers = (("compact", CAR_PRICE), ("estate", 85), ("van", 110))
    return Reply(200, [{"car": car, "city": city, "price": price} for car, price in offers])


def _look_at_stock(_request: Request, places: Mapping[str, str]) -> Reply:
    warehouse = places["warehouse"]
    quantity = 0 if _is_empty(warehouse) else 10
    stock: Json = {"warehouse": warehouse, "available": quantity > 0, "quantity": quantity}
    return Reply(200, stock)


def _quote(_request: Request, places: Mapping[str, str]) -> Reply:
    warehouse = places["warehouse"]
    # Some price that differs between warehouses and never changes for one.
    price = 10 + zlib.crc32(warehouse.encode()) % 20
    return Reply(200, {"warehouse": warehouse, "price": price, "days": 1 + price % 3})


def _is_empty(warehouse: str) -> bool:
    return warehouse == "wh-empty"


READS: tuple[
    tuple[str, re.Pattern[str], Callable[[Request, Mapping[str, str]], Reply]],
    ...,
] = (
    ("flights", re.compile("/search"), _find_flights),
    ("hotels", re.compile("/search"), _find_hotels),
    ("cars", re.compile("/search"), _find_cars),
    ("warehouses", re.compile("/(?P<warehouse>[^/]+)/stock"), _look_at_stock),
    ("warehouses", re.compile("/(?P<warehouse>[^/]+)/quote"), _quote),
)
