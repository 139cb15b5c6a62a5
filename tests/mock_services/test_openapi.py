"""The documents of the mock services say what the app does: every route is described, every answer fits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache

import httpx
import pytest

from flowdsl.language.openapi import Found, find, validate
from flowdsl.plan.json import from_bytes
from mock_services.resources import RESOURCES, SERVICES, Resource
from mock_services.services import READS
from tests.language.openapi.checking import DOCUMENTS, contract_at
from tests.mock_services.client import Client, with_client

CONTRACTS = {service: contract_at(DOCUMENTS / f"{service}.yaml") for service in SERVICES}

EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}
# By service and kind: a collection, and what is posted to it.
POSTS: dict[tuple[str, str], tuple[str, list[object]]] = {
    ("flights", "reservation"): (
        "/reservations",
        [{"flight": "LH-454", "reference": "r"}, {}, ["no object"]],
    ),
    ("hotels", "reservation"): (
        "/reservations",
        [{"hotel": "Savoy", "nights": 2}, {}, {"hotel": "Nowhere"}, {"nights": 0}],
    ),
    ("cars", "reservation"): ("/reservations", [{"car": "van", "days": 2}, {}]),
    ("payments", "charge"): (
        "/charges",
        [{"card": "tok_visa", "amount": 420.5}, {}, {"card": "tok_declined", "amount": 1}],
    ),
    ("payments", "voucher"): ("/vouchers", [{"amount": 12.5}, {}]),
    ("payments", "invoice"): ("/invoices", [{"charge": "P-1"}, {}]),
    ("mail", "message"): ("/messages", [{"to": "ada@example.com", "text": "Hello"}, {}]),
    ("inventory", "reservation"): (
        "/reservations",
        [{"items": [{"sku": "a", "quantity": 1}]}, {}, {"items": [{"sku": "sold-out"}]}],
    ),
    ("inventory", "batch"): (
        "/reservations/batch",
        [{"items": ["a", "b"]}, {"items": ["a", "sold-out"]}, {}, {"items": ["a"] * 51}],
    ),
    ("shipping", "label"): (
        "/labels",
        [{"address": "1 Main Street", "items": []}, {}, {"address": "Nowhere"}],
    ),
    ("warehouses", "hold"): ("/wh-1/holds", [{"items": ["a"]}, {}]),
    ("events", "event"): ("/", [EVENT, {**EVENT, "id": "2", "data": {"a": 1}}, EVENT, {}]),
    ("events", "notice"): ("/alerts", [{"run": "r"}, {}]),
}
SEARCHES = {
    "flights": ["/search", "/search?from=FRA&to=LHR"],
    "hotels": ["/search?city=London&nights=2"],
    "cars": ["/search"],
    "warehouses": ["/wh-1/stock", "/wh-empty/stock", "/wh-1/quote"],
}


class Judge:
    """Sends requests to one service, and holds every answer against its document."""

    def __init__(self, client: Client, service: str) -> None:
        self.client = client
        self.service = service
        self.told: dict[str, set[int]] = {}

    async def send(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> httpx.Response:
        answer = await self.client.send(method, f"/{self.service}{path}", body, key=key)
        found = find(CONTRACTS[self.service], method, (path,))
        assert isinstance(found, Found), (method, path, found)
        messages = validate(found.operation, answer.status_code, from_bytes(answer.content))
        assert messages == [], (method, path, answer.status_code, answer.text)
        described = {response.status for response in found.operation.responses}
        assert str(answer.status_code) in described, (method, path, answer.status_code)
        self.told.setdefault(found.operation.operation_id, set()).add(answer.status_code)
        return answer


@cache
def row(service: str, kind: str) -> Resource:
    """The resource with that name."""
    (found,) = (r for r in RESOURCES if (r.service, r.kind) == (service, kind))
    return found


def test_every_resource_is_posted_to() -> None:
    assert set(POSTS) == {(resource.service, resource.kind) for resource in RESOURCES}


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_of_every_operation_is_as_described(service: str) -> None:
    async def story(client: Client) -> None:
        judge = Judge(client, service)
        for owner, kind in POSTS:
            if owner == service:
                await live_all(judge, kind)
        for path in SEARCHES.get(service, []):
            await judge.send("GET", path)
        if service == "warehouses":
            await judge.send("POST", "/wh-empty/holds", {})
        described = {operation.operation_id for operation in CONTRACTS[service].operations}
        assert set(judge.told) == described
        assert all(min(statuses) < 300 for statuses in judge.told.values())

    with_client(story)


async def live_all(judge: Judge, kind: str) -> None:
    """Everything that can be posted there, and what becomes of it."""
    collection, bodies = POSTS[judge.service, kind]
    for number, body in enumerate(bodies):
        key = f"{kind}-{number}"
        made = await judge.send("POST", collection, body, key=key)
        if collection != "/":
            await live(judge, kind, collection, made.json().get("id", "X-9"))
    await judge.send("GET", collection)
    await judge.send("GET", f"{collection}?key=nobody")
    reused = await judge.send("POST", collection, {"reference": "other"}, key=key)
    assert reused.status_code == 422


async def live(judge: Judge, kind: str, collection: str, name: str) -> None:
    """Everything that can become of a thing, twice, and of one that is not there."""
    acts = list(verbs(row(judge.service, kind)))
    for thing in (name, "X-9"):
        await judge.send("GET", f"{collection}/{thing}")
        for method, verb in acts:
            for key in ("first", "second"):
                await judge.send(method, f"{collection}/{thing}{verb}", key=key + thing)
    for method, verb in acts:  # a released thing is not confirmed any more
        await judge.send(method, f"{collection}/{name}{verb}", key=f"late{name}")


def verbs(resource: Resource) -> Iterator[tuple[str, str]]:
    if resource.confirm is not None:
        yield "POST", f"/{resource.confirm}"
    if resource.undo is not None:
        method, verb = resource.undo
        yield method, f"/{verb}" if verb else ""


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_of_the_app_is_described_and_no_other(service: str) -> None:
    routes: set[tuple[str, str]] = set()
    for (owner, kind), (collection, _) in POSTS.items():
        if owner == service:
            base = described_path(service, collection)
            routes |= {("POST", base), ("GET", base)}
            if base != "/":
                thing = f"{base}/{{name}}"
                acts = verbs(row(service, kind))
                routes |= {("GET", thing), *((method, thing + verb) for method, verb in acts)}
    for owner, pattern, _ in READS:
        if owner == service:
            there = {operation.path for operation in CONTRACTS[service].operations}
            routes |= {("GET", path) for path in there if pattern.fullmatch(path)}
    described = {(op.method, op.path) for op in CONTRACTS[service].operations}
    assert described == routes


def described_path(service: str, collection: str) -> str:
    found = find(CONTRACTS[service], "POST", (collection,))
    assert isinstance(found, Found)
    return found.operation.path


def first_collection(service: str) -> str:
    return next(collection for (owner, _), (collection, _) in POSTS.items() if owner == service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_refusal_that_was_asked_for_is_as_described(service: str) -> None:
    async def story(client: Client) -> None:
        collection = first_collection(service)
        found = find(CONTRACTS[service], "POST", (collection,))
        assert isinstance(found, Found)
        for status in (404, 429, 500, 503):
            await client.fault(service=service, method="POST", fault=f"refuse:{status}")
            answer = await client.post(f"/{service}{collection}", {})
            assert answer.status_code == status
            assert validate(found.operation, status, answer.json()) == []

    with_client(story)


@pytest.mark.parametrize("service", SERVICES)
def test_a_request_with_a_key_that_is_being_worked_on_is_refused_as_described(service: str) -> None:
    async def story(client: Client) -> None:
        judge = Judge(client, service)
        collection = first_collection(service)
        both = [judge.send("POST", collection, {}, key="k") for _ in range(2)]
        answers = await asyncio.gather(*both)
        assert sorted(answer.status_code for answer in answers)[1] == 409

    with_client(story, latency_seconds=1.0)
