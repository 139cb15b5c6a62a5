"""What each service makes, and what can then become of it."""

from __future__ import annotations

import pytest

from tests.mock_services.client import Client, with_client

MAKERS: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("/flights/reservations", {"flight": "LH-454"}, {"id": "F-1", "price": 420, "status": "held"}),
    ("/hotels/reservations", {"hotel": "Savoy"}, {"id": "H-1", "price": 180, "status": "held"}),
    ("/hotels/reservations", {"hotel": "Savoy", "nights": 3}, {"id": "H-1", "price": 540}),
    ("/cars/reservations", {"car": "van"}, {"id": "C-1", "price": 60, "status": "held"}),
    ("/inventory/reservations", {"items": ["a"]}, {"id": "I-1", "status": "held"}),
    ("/warehouses/wh-2/holds", {"items": []}, {"id": "W-1", "available": True, "status": "held"}),
    ("/payments/charges", {"card": "tok_visa", "amount": 600}, {"id": "P-1", "amount": 600}),
    ("/payments/charges", {"amount": 420.1}, {"status": "charged", "amount": 420.1}),
    ("/shipping/labels", {}, {"id": "L-1", "tracking": "TRACK-L-1", "status": "sent"}),
    ("/mail/messages", {"to": "ada@example.com"}, {"id": "M-1", "status": "sent"}),
    ("/inventory/reservations/batch", {"items": ["a", "b"]}, {"id": "B-1", "count": 2}),
    ("/payments/vouchers", {"amount": 5}, {"id": "V-1", "amount": 5, "status": "issued"}),
    ("/payments/invoices", {"charge": "P-1"}, {"id": "N-1", "charge": "P-1", "status": "issued"}),
    ("/events/alerts", {"run": "r-1"}, {"id": "T-1", "topic": "alerts", "notice": {"run": "r-1"}}),
]


@pytest.mark.parametrize(("path", "body", "fields"), MAKERS)
def test_a_post_makes_a_thing_that_can_be_read_again(
    path: str, body: dict[str, object], fields: dict[str, object]
) -> None:
    async def story(client: Client) -> None:
        made = await client.post(path, body)
        assert made.status_code == 201
        assert fields.items() <= made.json().items()
        assert await client.get(f"{path}/{made.json()['id']}") == made.json()

    with_client(story)


REFUSALS: list[tuple[str, str, object, int]] = [
    ("POST", "/hotels/reservations", {"hotel": "Nowhere"}, 404),
    ("POST", "/hotels/reservations", {"hotel": "Savoy", "nights": 0}, 400),
    ("POST", "/hotels/reservations", {"hotel": "Savoy", "nights": True}, 400),
    ("POST", "/payments/charges", {"card": "tok_declined"}, 402),
    ("POST", "/flights/reservations", ["no object"], 400),
    ("POST", "/inventory/reservations", {"items": [{"sku": "sold-out"}]}, 409),
    ("POST", "/inventory/reservations/batch", {"items": ["a", {"sku": "sold-out"}]}, 409),
    ("POST", "/inventory/reservations/batch", {"items": []}, 400),
    ("POST", "/inventory/reservations/batch", {"items": ["a"] * 51}, 400),
    ("DELETE", "/inventory/reservations/batch/B-9", None, 404),
    ("POST", "/payments/invoices/N-9/send", None, 404),
    ("POST", "/payments/vouchers/V-9/send", None, 405),
    ("POST", "/shipping/labels", {"address": "Nowhere"}, 422),
    ("POST", "/events", {"specversion": "1.0", "id": "1", "source": "/s"}, 400),
    ("POST", "/events", {"specversion": "0.3", "id": "1", "source": "/s", "type": "t"}, 400),
    ("DELETE", "/events", None, 405),
    ("DELETE", "/events/alerts/T-1", None, 405),
    ("DELETE", "/flights/reservations/F-9", None, 404),
    ("POST", "/flights/reservations/F-9/confirm", None, 404),
    ("POST", "/payments/charges/P-9/refund", None, 404),
    ("POST", "/payments/charges/P-9/confirm", None, 405),
    ("DELETE", "/mail/messages/M-1", None, 405),
    ("PUT", "/flights/reservations", {}, 405),
    ("GET", "/payments/search", None, 404),
    ("POST", "/flights/search", {}, 404),
    ("GET", "/flights", None, 404),
    ("GET", "/nowhere", None, 404),
    ("PUT", "/ledger", None, 405),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), REFUSALS)
def test_a_refused_request_has_no_effect(method: str, path: str, body: object, status: int) -> None:
    async def story(client: Client) -> None:
        answer = await client.send(method, path, body)
        assert answer.status_code == status
        assert answer.json()["error"]
        assert await client.effects() == []

    with_client(story)


def test_a_body_that_is_not_json_is_refused() -> None:
    async def story(client: Client) -> None:
        answer = await client.http.post("/cars/reservations", content=b"{oops")
        assert (answer.status_code, answer.json()["error"]) == (400, "not_json")

    with_client(story)


LIVES: list[tuple[str, list[tuple[str, str, int, str]]]] = [
    (
        "/flights/reservations",
        [
            ("POST", "/confirm", 200, "confirmed"),
            ("DELETE", "", 200, "released"),
            ("DELETE", "", 410, "released"),
            ("POST", "/confirm", 409, "released"),
        ],
    ),
    ("/warehouses/wh-1/holds", [("POST", "/confirm", 200, "confirmed")]),
    (
        "/payments/charges",
        [("POST", "/refund", 200, "refunded"), ("POST", "/refund", 410, "refunded")],
    ),
    ("/shipping/labels", [("DELETE", "", 200, "released")]),
    ("/payments/vouchers", [("DELETE", "", 200, "released"), ("DELETE", "", 410, "released")]),
    (
        "/payments/invoices",
        [
            ("POST", "/send", 200, "sent"),
            ("DELETE", "", 200, "released"),
            ("POST", "/send", 409, "released"),
        ],
    ),
]


@pytest.mark.parametrize(("collection", "life"), LIVES)
def test_what_becomes_of_a_thing(collection: str, life: list[tuple[str, str, int, str]]) -> None:
    async def story(client: Client) -> None:
        thing = f"{collection}/{(await client.post(collection, {})).json()['id']}"
        for number, (method, verb, status, standing) in enumerate(life):
            answer = await client.send(method, thing + verb, key=f"k{number}")
            assert answer.status_code == status
            assert (await client.effects())[0]["standing"] == standing

    with_client(story)


def test_a_charge_is_found_by_the_key_of_its_request() -> None:
    async def story(client: Client) -> None:
        made = await client.post("/payments/charges", {"amount": 1}, key="k1")
        await client.post("/payments/charges", {"amount": 2}, key="k2")
        assert await client.get("/payments/charges?key=k1") == {"data": [made.json()]}
        assert await client.get("/payments/charges?key=k3") == {"data": []}
        assert len((await client.get("/payments/charges"))["data"]) == 2
        assert (await client.post("/payments/charges/k1/refund")).json()["id"] == "P-1"

    with_client(story)


def test_a_batch_is_one_thing_that_is_held_confirmed_and_released_as_a_whole() -> None:
    async def story(client: Client) -> None:
        batches = "/inventory/reservations/batch"
        await client.post(batches, {"items": ["a", "b", "c"]}, key="k1")
        await client.post(batches, {"items": ["d"]}, key="k2")
        assert len((await client.get(batches))["data"]) == 2
        assert (await client.get("/inventory/reservations"))["data"] == []
        assert (await client.post(f"{batches}/B-1/confirm")).json()["status"] == "confirmed"
        assert (await client.delete(f"{batches}/k2")).json()["status"] == "released"
        assert [e["standing"] for e in await client.effects()] == ["confirmed", "released"]

    with_client(story)


def event(number: int, **more: object) -> dict[str, object]:
    source = {"source": "/flowdsl/order", "type": "order.placed"}
    return {"specversion": "1.0", "id": f"id-{number}", **source, **more}


def test_events_are_told_on_as_they_came_and_in_their_order() -> None:
    async def story(client: Client) -> None:
        told = [event(1, data={"order": "o-1"}), event(2, subject="run-1", mine=True), event(3)]
        for each in told:
            assert (await client.post("/events", each)).status_code == 201
        assert await client.get("/events") == {"data": told}

    with_client(story)


def test_an_event_that_comes_twice_is_told_once_whatever_its_key() -> None:
    async def story(client: Client) -> None:
        for key, status in (("k1", 201), ("k1", 201), ("k2", 200), (None, 200)):
            answer = await client.post("/events", event(1), key=key)
            assert (answer.status_code, answer.json()) == (status, event(1))
        await client.post("/events", event(1, source="/elsewhere"))
        assert [told["source"] for told in (await client.get("/events"))["data"]] == [
            "/flowdsl/order",
            "/elsewhere",
        ]
        assert [effect["count"] for effect in await client.effects()] == [1, 1]

    with_client(story)


def test_a_key_may_come_as_a_structured_string() -> None:
    async def story(client: Client) -> None:
        for key in ("k1", '"k1"'):
            made = await client.post("/payments/charges", {"amount": 1}, key=key)
            assert made.json()["id"] == "P-1"
        assert len((await client.get("/payments/charges?key=k1"))["data"]) == 1

    with_client(story)


@pytest.mark.parametrize(
    "path", ["/flights/search?from=FRA&to=LHR", "/hotels/search?city=London", "/cars/search"]
)
def test_a_search_returns_a_list_with_prices(path: str) -> None:
    async def story(client: Client) -> None:
        found = await client.get(path)
        assert len(found) == 3
        assert all(offer["price"] > 0 for offer in found)

    with_client(story)


def test_warehouses_tell_stock_and_quote_and_the_empty_one_holds_nothing() -> None:
    async def story(client: Client) -> None:
        assert (await client.get("/warehouses/wh-1/stock"))["available"] is True
        assert (await client.get("/warehouses/wh-empty/stock"))["available"] is False
        quote = await client.get("/warehouses/wh-1/quote")
        assert quote == await client.get("/warehouses/wh-1/quote")
        assert quote["price"] > 0
        no = await client.post("/warehouses/wh-empty/holds", {})
        assert (no.status_code, no.json()["available"]) == (200, False)
        assert await client.effects() == []

    with_client(story)
