"""How these tests reach the services: in this process, on a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx

from mock_services.app import MockServices, create_app

T = TypeVar("T")


class VirtualSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, it says how long it would have waited."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits for somebody else"
        self.waited += max(timeout, 0.0)
        return super().select(0)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    selector = VirtualSelector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.waited  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(coroutine)


class Client:
    """Speaks to one app; `post("/flights/reservations", {...}, key="k")`."""

    def __init__(self, app: MockServices) -> None:
        self.app = app
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://mock", timeout=None
        )

    async def send(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        if body is None:
            return await self.http.request(method, path, headers=headers)
        return await self.http.request(method, path, headers=headers, json=body)

    async def post(
        self, path: str, body: object = None, *, key: str | None = None
    ) -> httpx.Response:
        return await self.send("POST", path, body, key=key)

    async def delete(self, path: str, *, key: str | None = None) -> httpx.Response:
        return await self.send("DELETE", path, key=key)

    async def get(self, path: str) -> Any:
        answer = await self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def effects(self) -> Any:
        return (await self.get("/ledger"))["effects"]

    async def fault(self, **fault: object) -> None:
        answer = await self.post("/faults", fault)
        assert answer.status_code == 201, answer.text


def with_client(
    story: Callable[[Client], Coroutine[Any, Any, None]], latency_seconds: float = 0.0
) -> None:
    async def tell() -> None:
        client = Client(create_app(latency_seconds))
        async with client.http:
            await story(client)

    run(tell())
