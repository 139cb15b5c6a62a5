"""Faults hit what they name, as often as they say, and do what they are called."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mock_services.faults import BadFault, Faults, parse
from tests.mock_services.client import Client, with_client

PATH = "/flights/reservations"


async def fired(client: Client) -> list[int]:
    return [fault["fired"] for fault in (await client.get("/faults"))["faults"]]


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ("refuse:402", 402, None),
        ("refuse:409", 409, None),
        ("error:503", 503, None),
        ("error:500", 500, None),
        ("busy:1s", 503, "1"),
        ("busy:1200ms", 503, "2"),
    ],
)
def test_a_refusing_fault_does_nothing_and_answers_so(
    fault: str, status: int, retry_after: str | None
) -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault=fault)
        answer = await client.post(PATH, {}, key="k")
        assert answer.status_code == status
        assert answer.headers.get("retry-after") == retry_after
        assert await client.effects() == []
        assert await fired(client) == [1]
        assert (await client.post(PATH, {}, key="k")).status_code == 201

    with_client(story)


@pytest.mark.parametrize(("fault", "count"), [("lose_reply", 1), ("lose_request", 0)])
def test_a_losing_fault_never_answers(fault: str, count: int) -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", method="POST", path="/reservations", fault=fault)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await client.post(PATH, {}, key="k")
        assert len(await client.effects()) == count
        assert await fired(client) == [1]
        assert (await client.post(PATH, {}, key="k")).json()["id"] == "F-1"
        assert (await client.effects())[0]["count"] == 1

    with_client(story)


def test_a_reply_lost_twice_is_still_one_effect() -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault="lose_reply", times=2)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await client.post(PATH, {}, key="k")
        assert await fired(client) == [2]
        assert (await client.effects())[0]["count"] == 1

    with_client(story)


def test_a_delayed_effect_happens_even_if_the_client_has_left() -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault="delay:2s")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await client.post(PATH, {}, key="k")
        assert await client.effects() == []
        await asyncio.sleep(1.5)
        (effect,) = await client.effects()
        assert effect["times"]["do"] == pytest.approx([0, 2], abs=1e-6)

    with_client(story)


@pytest.mark.parametrize("let_go", [("POST", "/faults/release"), ("DELETE", "/faults")])
def test_what_is_held_happens_when_it_is_let_go_and_no_sooner(let_go: tuple[str, str]) -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault="hold")
        held = asyncio.create_task(client.post(PATH, {"for": "ada"}, key="k"))
        await asyncio.sleep(3600)
        assert (held.done(), await client.effects()) == (False, [])
        assert await fired(client) == [1]
        assert (await client.post(PATH, {}, key="other")).status_code == 201
        assert (await client.send(*let_go)).status_code == 200
        assert (await held).status_code == 201
        assert len(await client.effects()) == 2

    with_client(story)


def test_letting_go_says_how_many_there_were_and_leaves_the_fault() -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault="hold", times=None)
        for number in (1, 2):
            held = asyncio.create_task(client.post(PATH, {}, key=str(number)))
            await asyncio.sleep(1)
            assert (await client.post("/faults/release")).json() == {"released": 1}
            assert (await held).status_code == 201
        assert (await client.post("/faults/release")).json() == {"released": 0}
        assert await fired(client) == [2]

    with_client(story)


def test_settled_waits_for_the_work_that_goes_on() -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault="delay:250ms")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.post(PATH, {})
        await client.app.settled()
        assert len(await client.effects()) == 1

    with_client(story)


@pytest.mark.parametrize("fault", ["garbage", "cut"])
def test_a_spoilt_answer_says_it_is_json_and_is_none(fault: str) -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault=fault)
        answer = await client.post(PATH, {}, key="k")
        assert answer.is_success
        assert answer.headers["content-type"] == "application/json"
        with pytest.raises(ValueError, match=r"."):
            answer.json()
        assert (int(answer.headers["content-length"]) > len(answer.content)) == (fault == "cut")
        assert (await client.effects())[0]["count"] == 1

    with_client(story)


HITS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"service": "flights"}, True),
    ({"service": "hotels"}, False),
    ({"method": "post"}, True),
    ({"method": "DELETE"}, False),
    ({"path": "/reservations/F-1/confirm"}, True),
    ({"path": "/reservations/*/confirm"}, True),
    ({"path": "/reservations/*"}, False),
    ({"path": "/reservations"}, False),
    ({"path": "*"}, True),
    ({"path": "/reservations/F.1/confirm"}, False),
    ({"path": "/flights/reservations/F-1/confirm"}, True),
    ({"path": "reservations/F-1/confirm"}, True),
    ({"path": "/reservations/{id}/confirm"}, True),
    ({"path": "/flights/reservations/{id}/confirm"}, True),
    ({"path": "/hotels/reservations/F-1/confirm"}, False),
    ({"path": "/reservations/{id}"}, False),
]


@pytest.mark.parametrize(("where", "hit"), HITS)
def test_a_fault_hits_what_it_names(where: dict[str, Any], hit: bool) -> None:
    faults = Faults()
    faults.add({**where, "fault": "garbage"})
    assert (faults.fire("flights", "POST", "/reservations/F-1/confirm") is not None) == hit


@pytest.mark.parametrize(("times", "expected"), [(1, 1), (3, 3), (-1, 5), (None, 5)])
def test_a_fault_fires_as_often_as_it_says(times: int | None, expected: int) -> None:
    faults = Faults()
    fault = faults.add({"fault": "garbage", "times": times})
    hits = [faults.fire("mail", "POST", "/messages") for _ in range(5)]
    assert sum(hit is not None for hit in hits) == fault.fired == expected


def test_the_next_fault_takes_over_from_one_that_is_spent() -> None:
    async def story(client: Client) -> None:
        await client.fault(service="flights", fault="refuse:404")
        await client.fault(service="flights", fault="error:500")
        statuses = [(await client.post(PATH, {})).status_code for _ in range(3)]
        assert statuses == [404, 500, 201]
        assert await fired(client) == [1, 1]
        await client.delete("/faults")
        assert await fired(client) == []

    with_client(story)


def test_a_fault_never_hits_ledger_and_faults() -> None:
    async def story(client: Client) -> None:
        await client.fault(fault="error:500", times=-1)
        assert await client.effects() == []
        assert await fired(client) == [0]

    with_client(story)


BAD: list[tuple[Any, str]] = [
    ([], "JSON object"),
    ({}, "is not a fault"),
    ({"fault": "explode"}, "lose_reply"),
    ({"fault": "cut:1s"}, "is not a fault"),
    ({"fault": "refuse"}, "is not a fault"),
    ({"fault": "refuse:200"}, "from 400 to 599"),
    ({"fault": "error:404"}, "from 500 to 599"),
    ({"fault": "delay:2"}, "250ms or 2s"),
    ({"fault": "cut", "times": 0}, "above 0"),
    ({"fault": "cut", "times": True}, "above 0"),
    ({"fault": "cut", "service": "flight"}, "flights"),
    ({"fault": "cut", "service": 1}, "must be text"),
    ({"fault": "cut", "pth": "/x"}, "unknown key 'pth'"),
]


@pytest.mark.parametrize(("wanted", "says"), BAD)
def test_what_is_no_fault_is_refused_and_says_what_would_be_one(wanted: Any, says: str) -> None:
    with pytest.raises(BadFault, match=says):
        parse(wanted)

    async def story(client: Client) -> None:
        answer = await client.post("/faults", wanted)
        assert (answer.status_code, answer.json()["error"]) == (400, "bad_fault")

    with_client(story)


def test_a_fault_that_is_not_json_is_refused() -> None:
    async def story(client: Client) -> None:
        answer = await client.http.post("/faults", content=b"{")
        assert (answer.status_code, answer.json()["error"]) == (400, "not_json")

    with_client(story)
