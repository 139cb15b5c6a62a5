"""One HTTP exchange, seen from the server: a request read whole, a reply sent in one go, over bare ASGI."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_BYTES_MAX = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is decoded and without the query; `target` is what stood on the wire."""

    method: str
    path: str
    target: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def parameter(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    @property
    def key(self) -> str | None:
        """Bare, or a string of RFC 9651: the same key, with quotes around it."""
        key = self.header("idempotency-key")
        return key[1:-1] if key and len(key) > 2 and key[0] == key[-1] == '"' else key

    @property
    def json(self) -> Json:
        """The body as JSON. ValueError if it is none; an empty body is null."""
        parsed: Json = json.loads(self.body) if self.body.strip() else None
        return parsed


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Json = None
    headers: tuple[tuple[str, str], ...] = ()


class Disconnected(Exception):
    """The client left before its request was whole."""


class TooLarge(Exception):
    """The body of the request is over the limit."""


def refusal(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error": code, "message": message})


async def read_request(scope: Scope, receive: Receive) -> Request:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge
        if not message.get("more_body", False):
            break
    query = scope["query_string"].decode("latin-1")
    target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return Request(
        method=scope["method"],
        path=scope["path"],
        target=f"{target}?{query}" if query else target,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=tuple(
            (k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]
        ),
        body=bytes(body),
    )


async def send_reply(send: Send, reply: Reply) -> None:
    await send_raw(send, reply, json.dumps(reply.body, ensure_ascii=False).encode())


async def send_raw(send: Send, reply: Reply, body: bytes, missing_bytes: int = 0) -> None:
    """`missing_bytes`: how much longer the announced Content-Length is than what is sent."""
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    headers.append((b"content-type", b"application/json"))
    headers.append((b"content-length", str(len(body) + missing_bytes).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
