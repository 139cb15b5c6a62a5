"""The app as a server sees it: bare ASGI messages in, bare ASGI messages out."""

from __future__ import annotations

from typing import Any

import pytest

import mock_services.app
from mock_services.app import MockServices, create_app
from mock_services.exchange import BODY_BYTES_MAX
from tests.mock_services.client import Client, run, with_client

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/mail/messages",
    "query_string": b"",
    "headers": [],
}


def call(app: MockServices, scope: dict[str, Any], *messages: dict[str, Any]) -> list[Any]:
    sent: list[Any] = []
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    run(app(scope, receive, send))
    return sent


def test_a_body_in_pieces_is_one_body() -> None:
    app = create_app()
    sent = call(
        app,
        SCOPE,
        {"type": "http.request", "body": b'{"to":', "more_body": True},
        {"type": "http.request", "body": b'"x"}'},
    )
    assert sent[0]["status"] == 201
    assert app.ledger.effects[0].body == {"to": "x"}


def test_who_leaves_before_the_request_is_whole_has_no_effect_and_no_answer() -> None:
    app = create_app()
    piece = {"type": "http.request", "body": b"{}", "more_body": True}
    assert call(app, SCOPE, piece, {"type": "http.disconnect"}) == []
    assert app.ledger.effects == []
    assert app.requests == []


def test_a_body_over_the_limit_is_refused_before_it_is_whole() -> None:
    piece = {"type": "http.request", "body": b"x" * (BODY_BYTES_MAX + 1), "more_body": True}
    assert call(create_app(), SCOPE, piece)[0]["status"] == 413


def test_a_server_that_speaks_lifespan_is_answered() -> None:
    sent = call(
        create_app(),
        {"type": "lifespan"},
        {"type": "lifespan.startup"},
        {"type": "lifespan.shutdown"},
    )
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_what_is_no_http_is_left_alone() -> None:
    assert call(create_app(), {"type": "websocket"}) == []


def test_two_apps_share_nothing() -> None:
    one, other = create_app(), create_app()
    call(one, SCOPE, {"type": "http.request", "body": b"{}"})
    assert len(one.ledger.effects) == 1
    assert (other.ledger.effects, other.requests, other.keys.kept) == ([], [], {})


def test_the_log_of_requests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mock_services.app, "REQUESTS_KEPT", 4)

    async def story(client: Client) -> None:
        for number in range(5):
            await client.post(f"/mail/messages?n={number}")
        assert [logged.path[-1] for logged in client.app.requests] == ["2", "3", "4"]

    with_client(story)
