"""A service that says the first bytes of an answer and then ends it in one of four ways, and what each must come to.

Nothing here knows which transport is under test: it gets an `Http`, and a loop whose clock the test moves by hand.
"""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flowdsl.plan.request import Request
from flowdsl.saga.observation import Observation
from flowdsl.world.network.http import Http

End: TypeAlias = Literal["close", "reset", "garbage", "stall"]
Row: TypeAlias = Literal["ok", "unknown"]

ENDS: tuple[End, ...] = ("close", "reset", "garbage", "stall")
GARBAGE = b"\xff\x00\x01\x7f nonsense \x00\r\n\r\n\x00"  # nowhere in an answer may a NUL stand
TIMEOUT_SECONDS = 1000.0  # passes when the clock is moved, and never by itself
PATIENCE_SECONDS = 60.0  # without any news from the service: the test fails instead of hanging
AT_ONCE = 250

JSON = b'{"id":"H-1042","price":129.50,"seats":["12A","12B"],"held":true,"until":"2026-12-01T00:00:00Z"}'
NUMBER = b"1042129501212202612010000001042"  # any part of it would be a value
MORE = b"Server: table\r\nCache-Control: no-store\r\nX-Request-Id: 7d1f0c52-6b1e-4a55-9f0e-6e0a8b1f2c3d\r\n"


@dataclass(frozen=True, slots=True)
class Framed:
    """One whole answer. `ends_itself`: its last byte is known by its framing, not by the end of the connection."""

    name: str
    head: bytes
    body: bytes
    ends_itself: bool = True

    def may_be_all(self, said: bytes) -> bool:
        """Whether nobody could tell that more was to come, once the connection ended in order."""
        return said in (b"", self.body) or (self.body == NUMBER)

    @property
    def raw(self) -> bytes:
        return self.head + self.body


@dataclass(frozen=True, slots=True)
class Case:
    framed: Framed
    position: int  # how many bytes of it are said
    end: End

    @property
    def row(self) -> Row:
        """contract.md, "One attempt, one observation"."""
        if self.end == "garbage" or self.position < len(self.framed.head):
            return "unknown"
        said = self.framed.body[: self.position - len(self.framed.head)]
        if self.framed.ends_itself:
            return "ok" if said == self.framed.body else "unknown"
        return "ok" if self.end == "close" and self.framed.may_be_all(said) else "unknown"

    @property
    def needs_the_timeout(self) -> bool:
        return self.end == "stall" and self.row == "unknown"


def framings() -> Iterator[Framed]:
    yield from _framed("object", JSON)
    yield from _framed("number", NUMBER)


def _framed(kind: str, body: bytes) -> Iterator[Framed]:
    plain = MORE + b"Content-Type: application/json\r\n"
    zipped, packed = plain + b"Content-Encoding: gzip\r\n", gzip.compress(body, mtime=0)
    new, old = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    yield Framed(f"{kind}, length", new + plain + _length(body), body)
    yield Framed(f"{kind}, chunked", new + plain + chunked, _chunks(body))
    yield Framed(f"{kind}, until close", new + plain + b"\r\n", body, ends_itself=False)
    yield Framed(f"{kind}, HTTP/1.0", old + plain + b"\r\n", body, ends_itself=False)
    yield Framed(f"{kind}, gzip with length", new + zipped + _length(packed), packed)
    yield Framed(f"{kind}, gzip chunked", new + zipped + chunked, _chunks(packed))
    yield Framed(f"{kind}, gzip until close", new + zipped + b"\r\n", packed, ends_itself=False)


def _length(body: bytes) -> bytes:
    return f"Content-Length: {len(body)}\r\n\r\n".encode()


def _chunks(body: bytes) -> bytes:
    pieces = [body[start : start + 23] for start in range(0, len(body), 23)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (*pieces, b""))


class MovedLoop(asyncio.SelectorEventLoop):
    """Its clock goes as any, and can be moved on: so a timeout passes when the test says so."""

    moved = 0.0

    def time(self) -> float:
        return super().time() + self.moved


@dataclass(slots=True)
class Table:
    """The service. A request names its case in its path."""

    cases: Sequence[Case]
    port: int = 0
    struck: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def strike(self, number: int) -> None:
        self.struck[number] += 1
        self.changed.set()


class _Service(asyncio.Protocol):
    def __init__(self, table: Table) -> None:
        self.table = table
        self.asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.asked += data
        if self.asked.endswith(b"\r\n\r\n{}"):
            self.answer(int(self.asked.split(b" ", 2)[1].removeprefix(b"/")))

    def answer(self, number: int) -> None:
        case = self.table.cases[number]
        self.transport.write(case.framed.raw[: case.position])
        match case.end:
            case "close":
                self.transport.close()
            case "reset":
                linger = b"\1\0\0\0\0\0\0\0"
                its = self.transport.get_extra_info("socket")
                its.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.transport.abort()
            case "garbage":
                self.transport.write(GARBAGE)
                self.transport.close()
            case "stall":
                pass
        self.table.strike(number)


@asynccontextmanager
async def table_of(cases: Sequence[Case]) -> AsyncIterator[Table]:
    table = Table(cases, struck=[0] * len(cases))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Service(table), "127.0.0.1", 0, backlog=1024)
    table.port = server.sockets[0].getsockname()[1]
    try:
        yield table
    finally:
        server.close()


async def seen_of(cases: Sequence[Case], made: Callable[[], Http]) -> list[Observation]:
    """What each case came to. Asserts that the service did what it was to do, once for each."""
    http = made()
    seen: list[Observation] = []
    try:
        async with table_of(cases) as table:
            for start in range(0, len(cases), AT_ONCE):
                numbers = range(start, min(start + AT_ONCE, len(cases)))
                seen += await _together(http, table, numbers)
    finally:
        await http.aclose()
    assert table.struck == [1] * len(cases), "a fault did not strike, or struck twice"
    return seen


async def _together(http: Http, table: Table, numbers: range) -> list[Observation]:
    tasks = {number: asyncio.create_task(_ask(http, table.port, number)) for number in numbers}
    stalled = [number for number in numbers if table.cases[number].needs_the_timeout]
    while not all(table.struck[number] for number in stalled):
        table.changed.clear()
        await asyncio.wait_for(table.changed.wait(), PATIENCE_SECONDS)
    await asyncio.gather(*(tasks[number] for number in numbers if number not in stalled))
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MovedLoop)
    loop.moved += TIMEOUT_SECONDS
    return list(await asyncio.gather(*tasks.values()))


async def _ask(http: Http, port: int, number: int) -> Observation:
    request = Request("POST", f"http://127.0.0.1:{port}/{number}", (), ("{}",))
    return await http.send(request, secrets={}, timeout_seconds=TIMEOUT_SECONDS, fresh=True)
