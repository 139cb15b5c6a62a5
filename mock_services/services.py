"""What a service does with a request, by the rows of `resources.py`."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mock_services.exchange import Json, Reply, Request, refusal
from mock_services.ledger import Act, Deed, Effect, Ledger
from mock_services.resources import (
    CAR_PRICE,
    FLIGHT_PRICE,
    HOTEL_PRICE,
    RESOURCES,
    Resource,
    is_empty,
)


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
        name, verb = self.places.get("name"), self.places.get("verb")
        match self.request.method, name, verb:
            case "POST", None, None:
                return self._do()
            case "GET", None, None:
                return self._list()
            case "GET", str(), None:
                return self._on(name, lambda effect: Reply(200, effect.shown))
            case "POST", str(), str() if verb == self.resource.confirm:
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
        told = self._told_before(made)
        if told is not None:
            return Reply(200, told.shown)
        effect = Effect(
            service=self.resource.service,
            id=self.ledger.new_id(self.resource.prefix),
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

    def _told_before(self, made: Mapping[str, Json]) -> Effect | None:
        """What was made of the same words, whatever its key, where that matters."""
        same = {name: made[name] for name in self.resource.same}
        return next((e for e in self._there if same and same.items() <= e.answer.items()), None)

    def _list(self) -> Reply:
        key = self.request.parameter("key")
        things: list[Json] = [effect.shown for effect in self._there if key in (None, effect.key)]
        return Reply(200, {"data": things})

    @property
    def _there(self) -> list[Effect]:
        """Everything that was made in this collection."""
        place = (self.resource.service, self._collection)
        return [effect for effect in self.ledger.effects if (effect.service, effect.path) == place]

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
        effect.standing = self.resource.confirmed
        self._record(effect, "confirm")
        return Reply(200, effect.shown)

    def _record(self, effect: Effect, act: Act) -> None:
        times = (self.moment.started, self.moment.ended)
        effect.deeds.append(Deed(act, effect.id, self.request.key, *times))


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
    quantity = 0 if is_empty(warehouse) else 10
    stock: Json = {"warehouse": warehouse, "available": quantity > 0, "quantity": quantity}
    return Reply(200, stock)


def _quote(_request: Request, places: Mapping[str, str]) -> Reply:
    warehouse = places["warehouse"]
    # Some price that differs between warehouses and never changes for one.
    price = 10 + zlib.crc32(warehouse.encode()) % 20
    return Reply(200, {"warehouse": warehouse, "price": price, "days": 1 + price % 3})


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
