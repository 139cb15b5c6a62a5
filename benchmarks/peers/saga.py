"""The trip as a program: eight calls in four stages, and what was done is undone if one is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import aiohttp

Step = Callable[[str, str, dict[str, object]], Awaitable[dict[str, object]]]  # name, path, body
Together = Callable[[Sequence[Awaitable[dict[str, object]]]], Awaitable[object]]
RESERVED = ("flights", "hotels", "cars")


class Refused(Exception):
    """A service said no."""


async def book(
    trip: str, step: Step, together: Together, refused: type[Exception] = Refused
) -> None:
    body: dict[str, object] = {"reference": trip, "flight": "LH-454", "nights": 2}
    try:
        await together([step(f"reserve {s}", f"/{s}/reservations", body) for s in RESERVED])
        await step("charge", "/payments/charges", body)
        await together(
            [step(f"confirm {s}", f"/{s}/reservations/r-1/confirm", body) for s in RESERVED]
        )
    except refused:
        for service in reversed(RESERVED):
            await step(f"release {service}", f"/{service}/reservations/r-1/release", body)
        raise
    await step("mail", "/mail/messages", body)


class Client:
    """What a careful person would use: one session of aiohttp, as many connections as are asked for."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session: aiohttp.ClientSession | None = None

    async def call(
        self, trip: str, name: str, path: str, body: dict[str, object]
    ) -> dict[str, object]:
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        headers = {"Idempotency-Key": f"{trip}:{name}"}
        async with self.session.post(self.url + path, json=body, headers=headers) as answer:
            if 400 <= answer.status < 500:
                raise Refused(f"{path}: {answer.status}")
            answer.raise_for_status()
            return await answer.json()

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
