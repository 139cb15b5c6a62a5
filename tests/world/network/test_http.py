"""The port itself, over transports that are no network: classification, secrets, the mock services."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from flowdsl.plan.request import Request
from flowdsl.plan.values import Secret
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.world.network.http import HEADERS_MAX, Http
from mock_services.app import create_app
from tests.lives.virtual import run_virtually

URL = "http://service/things"
GET = Request("GET", URL)
SECRET = "hunter2-€"


def observe(
    handler: Callable[[httpx.Request], httpx.Response],
    request: Request = GET,
    **secrets: str,
) -> Observation:
    async def story() -> Observation:
        http = Http(httpx.MockTransport(handler))
        observation = await http.send(request, secrets=secrets, timeout_seconds=5, fresh=False)
        await http.aclose()
        return observation

    return asyncio.run(story())


def raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("no"), NotSent),
        (httpx.ConnectTimeout("no"), NotSent),
        (httpx.PoolTimeout("no"), NotSent),
        (httpx.UnsupportedProtocol("no"), NotSent),
        (httpx.ReadError("no"), Lost),
        (httpx.ReadTimeout("no"), Lost),
        (httpx.WriteError("no"), Lost),
        (httpx.WriteTimeout("no"), Lost),
        (httpx.RemoteProtocolError("no"), Lost),
        (httpx.LocalProtocolError("no"), Lost),
        (httpx.ProxyError("no"), Lost),
        (ConnectionResetError("no"), Lost),
        (TimeoutError("no"), Lost),
    ],
)
def test_only_what_surely_left_nothing_is_not_sent(
    error: Exception, expected: type[NotSent | Lost]
) -> None:
    assert observe(raising(error)) == expected("no")


def test_an_error_of_connecting_after_bytes_went_out_is_lost() -> None:
    class Liar(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await request.extensions["trace"]("http11.send_request_headers.started", {})
            raise httpx.ConnectTimeout("so it says")

    async def story() -> Observation:
        return await Http(Liar()).send(
            Request("GET", URL), secrets={}, timeout_seconds=5, fresh=False
        )

    assert asyncio.run(story()) == Lost("so it says")


def test_a_bug_is_no_observation() -> None:
    with pytest.raises(ZeroDivisionError):
        observe(raising(ZeroDivisionError()))


def test_a_fresh_request_takes_the_fresh_transport() -> None:
    async def story() -> list[object]:
        http = Http(
            httpx.MockTransport(lambda _: httpx.Response(200, text="kept")),
            httpx.MockTransport(lambda _: httpx.Response(200, text="fresh")),
        )
        bodies: list[object] = []
        for fresh in (False, True):
            answer = await http.send(
                Request("GET", URL), secrets={}, timeout_seconds=5, fresh=fresh
            )
            assert isinstance(answer, Answer)
            bodies.append(answer.body)
        await http.aclose()
        return bodies

    assert asyncio.run(story()) == ["kept", "fresh"]


def test_headers_are_few_and_bounded() -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        many = [(f"X-{number}", "v") for number in range(HEADERS_MAX + 10)]
        return httpx.Response(204, headers=[("X-Long", "v" * 9000), ("Server", "s"), *many])

    answer = observe(handler)
    assert isinstance(answer, Answer)
    assert answer.headers == tuple((f"x-{number}", "v") for number in range(HEADERS_MAX))


def test_an_answer_comes_back_as_it_is_whatever_secret_is_in_it() -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        token = request.headers["x-token"]
        body = {"said": request.content.decode(), "deep": [{token: f"<{token}>"}]}
        return httpx.Response(401, json=body, headers={"X-Echo": token})

    request = Request(
        "POST", URL, (("X-Token", (Secret("T"),)),), ('{"otp": "', Secret("inputs.otp"), '"}')
    )
    answer = observe(echo, request, **{"T": "hunter2", "inputs.otp": SECRET})
    assert isinstance(answer, Answer)
    assert dict(answer.headers)["x-echo"] == "hunter2"
    assert answer.body == {
        "said": f'{{"otp": "{SECRET}"}}',
        "deep": [{"hunter2": "<hunter2>"}],
    }


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "é", "€", "\x7f", "x" * 9000])
def test_a_secret_that_no_header_can_hold_is_not_sent_and_not_told(value: str) -> None:
    request = Request("GET", URL, (("X-Token", ("t ", Secret("T"))),))
    observation = observe(raising(AssertionError("sent")), request, T=value)
    assert isinstance(observation, NotSent)
    assert "X-Token" in observation.reason
    assert value not in observation.reason


def test_a_reason_holds_no_secret() -> None:
    error = httpx.ReadError("bad header: hunter2")
    assert observe(raising(error), T="hunter2") == Lost("bad header: ‹secret T›")


def against_mock(fault: str, seconds: float = 5) -> tuple[Observation, int]:
    """What a charge looks like under a fault, and how many effects there are in the end."""

    async def story() -> tuple[Observation, int]:
        app = create_app()
        app.faults.add({"fault": fault})
        http = Http(httpx.ASGITransport(app=app))
        request = Request("POST", "http://mock/mail/messages", (), ("{}",))
        observation = await http.send(request, secrets={}, timeout_seconds=seconds, fresh=False)
        await app.settled()
        assert app.faults.faults[0].fired == 1
        await http.aclose()
        return observation, len(app.ledger.effects)

    return run_virtually(story())


def test_a_lost_reply_is_lost_and_the_effect_is_there() -> None:
    assert against_mock("lose_reply", 0.05) == (Lost("no answer within 0.05 s"), 1)


def test_a_lost_request_is_lost_and_the_effect_is_not_there() -> None:
    assert against_mock("lose_request", 0.05) == (Lost("no answer within 0.05 s"), 0)


def test_a_late_answer_is_lost_and_the_effect_comes_later() -> None:
    assert against_mock("delay:100ms", 0.05) == (Lost("no answer within 0.05 s"), 1)


@pytest.mark.parametrize(
    ("fault", "status", "problem", "effects"),
    [
        ("garbage", 200, "not JSON", 1),
        ("cut", 201, "cut", 1),
        ("refuse:402", 402, None, 0),
        ("busy:1s", 503, None, 0),
    ],
)
def test_a_fault_that_answers_is_an_answer(
    fault: str, status: int, problem: str | None, effects: int
) -> None:
    observation, happened = against_mock(fault)
    assert isinstance(observation, Answer)
    assert (observation.status, observation.problem, happened) == (status, problem, effects)
    assert (dict(observation.headers).get("retry-after") == "1") == (fault == "busy:1s")
