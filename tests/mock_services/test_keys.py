"""Idempotency-Key: one key, one body, one effect, one answer."""

from __future__ import annotations

import asyncio

import pytest

from tests.mock_services.client import Client, with_client

BODY = {"flight": "LH-454"}
PATH = "/flights/reservations"


def test_the_same_key_gets_the_stored_answer_and_no_second_effect() -> None:
    async def story(client: Client) -> None:
        first = await client.post(PATH, BODY, key="k")
        second = await client.post(PATH, BODY, key="k")
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert (await client.effects())[0]["count"] == 1

    with_client(story)


def test_a_refusal_is_stored_too() -> None:
    async def story(client: Client) -> None:
        statuses = [
            (await client.post("/payments/charges", {"card": "tok_declined"}, key="k")).status_code
            for _ in range(2)
        ]
        assert statuses == [402, 402]

    with_client(story)


@pytest.mark.parametrize("verb", ["undo", "confirm"])
def test_an_undo_and_a_confirm_with_the_same_key_happen_once(verb: str) -> None:
    async def story(client: Client) -> None:
        thing = f"{PATH}/{(await client.post(PATH, BODY, key='k')).json()['id']}"
        method, path = ("DELETE", thing) if verb == "undo" else ("POST", f"{thing}/confirm")
        answers = [await client.send(method, path, key="k") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        (effect,) = await client.effects()
        assert effect["undone" if verb == "undo" else "confirmed"] == 1

    with_client(story)


def test_the_same_key_with_another_body_is_422() -> None:
    async def story(client: Client) -> None:
        await client.post(PATH, BODY, key="k")
        other = await client.http.post(
            PATH, content=b'{"flight":"LH-454" }', headers={"Idempotency-Key": "k"}
        )
        assert other.status_code == 422
        assert (await client.effects())[0]["count"] == 1

    with_client(story)


def test_the_same_key_while_the_first_is_worked_on_is_409() -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault="delay:2s")
        first = asyncio.create_task(client.post(PATH, BODY, key="k"))
        await asyncio.sleep(1)
        assert (await client.post(PATH, BODY, key="k")).status_code == 409
        assert (await first).status_code == 201
        assert (await client.post(PATH, BODY, key="k")).json() == (await first).json()
        assert (await client.effects())[0]["count"] == 1

    with_client(story)


def test_without_a_key_every_request_counts() -> None:
    async def story(client: Client) -> None:
        for _ in range(2):
            await client.post(PATH, BODY)
        (effect,) = await client.effects()
        assert (effect["count"], effect["key"], effect["keys"]) == (2, None, [None])

    with_client(story)


def test_a_key_means_nothing_to_another_path() -> None:
    async def story(client: Client) -> None:
        for path in (PATH, "/cars/reservations"):
            assert (await client.post(path, BODY, key="k")).status_code == 201
        assert len(await client.effects()) == 2

    with_client(story)
