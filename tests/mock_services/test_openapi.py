"""The documents of the mock services say what the app does: every route is described, every answer fits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from flowdsl.language.openapi import Found, find, validate
from flowdsl.plan.json import from_bytes
from mock_services.services import READS, RESOURCES, SERVICES
from tests.language.openapi.checking import DOCUMENTS, contract_at
from tests.mock_services.client import Client, with_client

CONTRACTS = {service: contract_at(DOCUMENTS / f"{service}.yaml") for service in SERVICES}

BODIES: dict[str, list[object]] = {
    "flights": [{"flight": "LH-454", "reference": "r"}, {}, ["no object"]],
    "hotels": [{"hotel": "Savoy", "nights": 2}, {}, {"hotel": "Nowhere"}, {"nights": 0}],
    "cars": [{"car": "van", "days": 2}, {}],
    "payments": [{"card": "tok_visa", "amount": 420.5}, {}, {"card": "tok_declined", "amount": 1}],
    "mail": [{"to": "ada@example.com", "text": "Hello"}, {}],
    "inventory": [{"items": [{"sku": "a", "quantity": 1}]}, {}],
    "shipping": [{"address": "1 Main Street", "items": []}, {}],
    "warehouses": [{"items": ["a"]}, {}],
}
COLLECTIONS = {
    "flights": ["/reservations"],
    "hotels": ["/reservations"],
    "cars": ["/reservations"],
    "payments": ["/charges"],
    "mail": ["/messages"],
    "inventory": ["/reservations"],
    "shipping": ["/labels"],
    "warehouses": ["/wh-1/holds", "/wh-empty/holds"],
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


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_of_every_operation_is_as_described(service: str) -> None:
    async def story(client: Client) -> None:
        judge = Judge(client, service)
        for collection in COLLECTIONS[service]:
            for number, body in enumerate(BODIES[service]):
                key = f"{collection}-{number}".replace("/", "")
                made = await judge.send("POST", collection, body, key=key)
                name = made.json().get("id", "X-9")
                await live(judge, collection, name)
            await judge.send("GET", collection)
            await judge.send("GET", f"{collection}?key=nobody")
            reused = await judge.send("POST", collection, {"reference": "other"}, key=key)
            assert reused.status_code == 422
        for path in SEARCHES.get(service, []):
            await judge.send("GET", path)
        described = {operation.operation_id for operation in CONTRACTS[service].operations}
        assert set(judge.told) == described
        assert all(min(statuses) < 300 for statuses in judge.told.values())

    with_client(story)


async def live(judge: Judge, collection: str, name: str) -> None:
    """Everything that can become of a thing, twice, and of one that is not there."""
    for thing in (name, "X-9"):
        await judge.send("GET", f"{collection}/{thing}")
        for method, verb in verbs(judge.service):
            for key in ("first", "second"):
                await judge.send(method, f"{collection}/{thing}{verb}", key=key + thing)
    for method, verb in verbs(judge.service):  # a released thing is not confirmed any more
        await judge.send(method, f"{collection}/{name}{verb}", key=f"late{name}")


def verbs(service: str) -> Iterator[tuple[str, str]]:
    for resource in RESOURCES:
        if resource.service == service:
            if resource.confirmable:
                yield "POST", "/confirm"
            if resource.undo is not None:
                method, verb = resource.undo
                yield method, f"/{verb}" if verb else ""


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_of_the_app_is_described_and_no_other(service: str) -> None:
    routes: set[tuple[str, str]] = set()
    for resource in RESOURCES:
        if resource.service == service:
            (base,) = {path for path in paths(service) if resource.collection.fullmatch(path)}
            thing = f"{base}/{{name}}"
            routes |= {("POST", base), ("GET", base), ("GET", thing)}
            routes |= {(method, thing + verb) for method, verb in verbs(service)}
    for owner, pattern, _ in READS:
        if owner == service:
            routes |= {("GET", path) for path in paths(service) if pattern.fullmatch(path)}
    described = {(op.method, op.path) for op in CONTRACTS[service].operations}
    assert described == routes


def paths(service: str) -> set[str]:
    """Those that are no `{name}` of another."""
    found = {operation.path for operation in CONTRACTS[service].operations}
    return {path for path in found if "{name}" not in path}


@pytest.mark.parametrize("service", SERVICES)
def test_a_refusal_that_was_asked_for_is_as_described(service: str) -> None:
    async def story(client: Client) -> None:
        collection = COLLECTIONS[service][0]
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
        collection = COLLECTIONS[service][0]
        both = [judge.send("POST", collection, {}, key="k") for _ in range(2)]
        answers = await asyncio.gather(*both)
        assert sorted(answer.status_code for answer in answers)[1] == 409

    with_client(story, latency_seconds=1.0)
