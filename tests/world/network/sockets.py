"""Services made of bare sockets, each with one way to behave or to break, and a port that is nobody's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from flowdsl.plan.request import Request
from flowdsl.world.network.http import Http

T = TypeVar("T")
Script: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Service:
    port: int
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def header(self, name: str) -> str | None:
        """Of the last request."""
        for line in self.heads[-1].split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name:
                return value
        return None


@contextlib.asynccontextmanager
async def service(
    *answers: bytes | Script, reads_bodies: bool = True, host: str = "127.0.0.1"
) -> AsyncIterator[Service]:
    """Gives the answers one after the other, one a request, the last for ever; then waits for more."""
    seen = Service(0)
    left = list(answers)
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                seen.heads.append(head)
                length = int(seen.header("content-length") or 0)
                seen.came.set()
                if reads_bodies:
                    seen.bodies.append(await reader.readexactly(length))
                answer = left.pop(0) if len(left) > 1 else left[0]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(reader, writer)
                if writer.is_closing():
                    break
        writer.transport.abort()

    server = await asyncio.start_server(talk, host, 0, limit=65536)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class HastyLoop(asyncio.SelectorEventLoop):
    """Real sockets, and a clock that a test may put forward: no timeout has to be short, and none is waited for."""

    skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped


def run_hastily(main: Coroutine[object, object, T]) -> T:
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        return runner.run(main)


async def skip(seconds: float) -> None:
    """Whatever was sent by now arrives; then so much time has passed."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, HastyLoop)
    for _ in range(20):
        await asyncio.sleep(0)
    loop.skipped += seconds


@contextlib.asynccontextmanager
async def client() -> AsyncIterator[Http]:
    http = Http()
    try:
        yield http
    finally:
        await http.aclose()


def reply(
    body: bytes, *headers: str, status: str = "200 OK", content_type: str = "application/json"
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode("latin-1") + body


def get(url: str) -> Request:
    return Request("GET", url)


def post(url: str, body: str = "{}") -> Request:
    return Request("POST", url, (), (body,))


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
