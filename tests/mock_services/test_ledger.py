"""The ledger tells what happened, how often, and what is left behind."""

from __future__ import annotations

import asyncio

import pytest

from tests.mock_services.client import Client, with_client


def test_two_keys_for_one_body_are_a_double() -> None:
    async def story(client: Client) -> None:
        for key in ("k1", "k2"):
            await client.post("/flights/reservations", {"flight": "A", "reference": "r1"}, key=key)
        await client.post("/flights/reservations", {"flight": "A", "reference": "r2"}, key="k3")
        double, single = await client.effects()
        assert (double["count"], double["keys"], double["ids"]) == (2, ["k1", "k2"], ["F-1", "F-2"])
        assert (single["count"], single["keys"], single["id"]) == (1, ["k3"], "F-3")

    with_client(story)


def test_the_same_body_elsewhere_is_another_effect() -> None:
    async def story(client: Client) -> None:
        for path in ("/flights/reservations", "/cars/reservations", "/warehouses/a/holds"):
            await client.post(path, {"reference": "r"}, key="k")
        await client.post("/warehouses/b/holds", {"reference": "r"}, key="k")
        assert [effect["count"] for effect in await client.effects()] == [1, 1, 1, 1]

    with_client(story)


def test_an_entry_shows_undo_and_confirm_with_keys_and_times() -> None:
    async def story(client: Client) -> None:
        await asyncio.sleep(5)
        await client.post("/hotels/reservations", {"hotel": "Savoy"}, key="do")
        await client.post("/hotels/reservations/H-1/confirm", key="confirm")
        await asyncio.sleep(3)
        await client.delete("/hotels/reservations/H-1", key="undo")
        (effect,) = await client.effects()
        assert (effect["undone"], effect["confirmed"]) == (1, 1)
        assert effect["body"] == {"hotel": "Savoy"}
        assert (effect["service"], effect["path"]) == ("hotels", "/reservations")
        assert [(deed["act"], deed["key"]) for deed in effect["deeds"]] == [
            ("do", "do"),
            ("confirm", "confirm"),
            ("undo", "undo"),
        ]
        assert effect["times"]["do"] == pytest.approx([0, 2], abs=1e-6)
        assert effect["times"]["undo"] == pytest.approx([7, 9], abs=1e-6)

    with_client(story, latency_seconds=2)


LEFT = {
    "F-1",
    "F-2",
    "P-1",
    "M-1",
    "B-1",
    "V-1",
    "N-1",
    "N-2",
}  # no news: they cannot be taken back


@pytest.mark.parametrize(
    ("ended", "left"),
    [
        ("succeeded", {"F-1", "B-1"}),
        ("compensated", LEFT),
        ("cancelled", LEFT),
    ],
)
def test_residue_is_what_a_run_that_ended_so_must_not_leave(ended: str, left: set[str]) -> None:
    async def story(client: Client) -> None:
        for number in range(3):
            await client.post("/flights/reservations", {"reference": number})
        await client.post("/flights/reservations/F-2/confirm")
        await client.delete("/flights/reservations/F-3")
        await client.post("/payments/charges", {"amount": 1})
        await client.post("/payments/charges", {"amount": 2})
        await client.post("/payments/charges/P-2/refund")
        await client.post("/mail/messages", {})
        await client.post("/inventory/reservations/batch", {"items": ["a"]})
        for number in range(2):
            await client.post("/payments/vouchers", {"reference": number})
            await client.post("/payments/invoices", {"reference": number})
        await client.delete("/payments/vouchers/V-2")
        await client.post("/payments/invoices/N-2/send")
        await client.post("/events", {"specversion": "1.0", "id": "1", "source": "s", "type": "t"})
        await client.post("/events/alerts", {})
        residue = (await client.get(f"/ledger/residue?ended={ended}"))["residue"]
        assert {item["id"] for item in residue} == left

    with_client(story)


def test_one_half_of_a_double_left_behind_is_seen() -> None:
    async def story(client: Client) -> None:
        for key in ("k1", "k2"):
            await client.post("/cars/reservations", {"reference": "r"}, key=key)
        await client.delete("/cars/reservations/C-2")
        (effect,) = await client.effects()
        assert effect["standing"] == "held"
        residue = (await client.get("/ledger/residue?ended=compensated"))["residue"]
        assert [item["id"] for item in residue] == ["C-1"]

    with_client(story)


@pytest.mark.parametrize("query", ["", "?ended=", "?ended=stuck"])
def test_residue_of_an_unknown_end_is_refused(query: str) -> None:
    async def story(client: Client) -> None:
        answer = await client.send("GET", f"/ledger/residue{query}")
        assert answer.status_code == 400
        assert "succeeded, compensated, cancelled" in answer.json()["message"]

    with_client(story)


def test_delete_ledger_forgets_effects_keys_requests_and_ids() -> None:
    async def story(client: Client) -> None:
        await client.post("/flights/reservations", {"flight": "A"}, key="k")
        assert (await client.delete("/ledger")).json() == {"effects": []}
        assert (await client.get("/requests")) == {"requests": []}
        again = await client.post("/flights/reservations", {"flight": "B"}, key="k")
        assert (again.status_code, again.json()["id"]) == (201, "F-1")

    with_client(story)


def test_requests_are_logged_as_they_came() -> None:
    async def story(client: Client) -> None:
        await client.http.post(
            "/mail/messages?a=%2F1",
            content=b'{"to":  "x"}',
            headers={"Idempotency-Key": "k", "X-Flowdsl-Compensates": "c", "Cookie": "no"},
        )
        (logged,) = (await client.get("/requests"))["requests"]
        assert logged["path"] == "/mail/messages?a=%2F1"
        assert (logged["method"], logged["key"]) == ("POST", "k")
        assert logged["body"] == '{"to":  "x"}'
        assert logged["headers"]["x-flowdsl-compensates"] == "c"
        assert "cookie" not in logged["headers"]
        assert client.app.requests[0].body == b'{"to":  "x"}'

    with_client(story)
