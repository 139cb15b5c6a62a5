"""The mock services behind a door where requests get lost, come late, or are answered by somebody else.

The services' own faults (`lose_reply`, `error:503`, …) strike inside; what is bent here strikes on the way. Every
request that arrives at the door is in `log`, with the second of the virtual clock.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeAlias

import httpx

from mock_services.app import MockServices, create_app
from mock_services.exchange import (
    Json,
    Message,
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    read_request,
    refusal,
    send_reply,
)
from mock_services.keys import Kept, Keys

COMPENSATES = "x-flowdsl-compensates"


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing listens: no byte leaves the client."""


@dataclass(frozen=True, slots=True)
class Says:
    """Answers so, and does nothing."""

    status: int
    body: Json = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DoesButSays:
    """Does it, and answers something else."""

    status: int
    body: Json = None


@dataclass(frozen=True, slots=True)
class Late:
    """Is on its way for so long; by then the client may have gone."""

    seconds: float


How: TypeAlias = Unreachable | Says | DoesButSays | Late


@dataclass(slots=True)
class Bend:
    """`line` is "POST hotels/reservations", `*` for any text. It strikes `times` times after the first `skip`."""

    line: str
    how: How
    times: int | None
    skip: int = 0
    seen: int = 0
    fired: int = 0

    def strikes(self, line: str) -> bool:
        if not fnmatchcase(line, self.line):
            return False
        self.seen += 1
        if self.seen <= self.skip or self.fired == self.times:
            return False
        self.fired += 1
        return True


@dataclass(frozen=True, slots=True)
class Arrived:
    at: float
    line: str
    request: Request


class Deaf(Keys):
    """Keys of a service that takes no notice of them. Two PUTs are one all the same."""

    def __init__(self, of_puts: set[str | None]) -> None:
        super().__init__()
        self.of_puts = of_puts

    def claim(self, request: Request) -> Kept | Reply:
        return super().claim(request) if request.key in self.of_puts else Kept(request.body)


@dataclass(slots=True)
class Front:
    """`tombstones`: the services refuse a key that was undone, even before it came."""

    tombstones: bool = False
    app: MockServices = field(default_factory=create_app)
    bends: list[Bend] = field(default_factory=list)
    log: list[Arrived] = field(default_factory=list)
    undone_keys: set[str] = field(default_factory=set)
    turned_away: int = 0  # requests that came after their undo
    of_puts: set[str | None] = field(default_factory=set)  # their keys
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    def ignore_keys(self) -> None:
        self.app.keys = Deaf(self.of_puts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read_request(scope, receive)
        line = f"{request.method} {request.target.removeprefix('/')}"
        self.log.append(Arrived(asyncio.get_running_loop().time(), line, request))
        how = next((bend.how for bend in self.bends if bend.strikes(line)), None)
        match how:
            case Unreachable():
                self.log.pop()
                raise httpx.ConnectError("connection refused")
            case Says(status=status, body=body, headers=headers):
                await send_reply(send, Reply(status, body, headers))
            case DoesButSays(status=status, body=body):
                await self._enter(scope, request, receive, _into_nothing)
                await send_reply(send, Reply(status, body))
            case Late(seconds=seconds):
                await self._come_late(seconds, scope, request, send)
            case None:
                await self._enter(scope, request, receive, send)

    async def settled(self) -> None:
        """Returns when nothing is on its way any more."""
        while self._late:
            await asyncio.wait(self._late)
            self._late = {task for task in self._late if not task.done()}
        await self.app.settled()

    async def _come_late(self, seconds: float, scope: Scope, request: Request, send: Send) -> None:
        """The request goes its way, whether or not the client still waits for the answer."""
        gone = asyncio.Event()

        async def left() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def answer(message: Message) -> None:
            if not gone.is_set():
                await send(message)

        async def arrive() -> None:
            await asyncio.sleep(seconds)
            await self._enter(scope, request, left, answer)

        coming = asyncio.create_task(arrive())
        self._late.add(coming)
        try:
            await asyncio.shield(coming)
        finally:
            gone.set()

    async def _enter(self, scope: Scope, request: Request, receive: Receive, send: Send) -> None:
        """Into the services. They make things by POST; here, a PUT does too."""
        if self.tombstones:
            undone = request.header(COMPENSATES)
            if undone is not None:
                self.undone_keys.add(undone)
            elif request.key in self.undone_keys:
                self.turned_away += 1
                await send_reply(send, refusal(409, "undone", "this was undone before it came"))
                return
        body: list[Message] = [{"type": "http.request", "body": request.body}]

        async def once_more() -> Message:
            return body.pop() if body else await receive()

        method = request.method
        if method == "PUT":
            self.of_puts.add(request.key)
            method = "POST"
        await self.app({**scope, "method": method}, once_more, send)


def fault(app: MockServices, line: str, kind: str, times: int | None = 1) -> None:
    """One of the services' own: "POST hotels/reservations", "lose_reply"."""
    method, _, target = line.partition(" ")
    service, _, path = target.partition("/")
    wanted = {"service": service, "method": method, "path": f"/{path}", "fault": kind}
    app.faults.add({**wanted, "times": times})


async def _into_nothing(message: Message) -> None:
    pass
