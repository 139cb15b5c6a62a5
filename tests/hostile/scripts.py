"""What hostile services do once they have read a request. Each says when its fault struck, so that a test can ask."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle, repeat
from typing import TypeAlias

from tests.world.network.sockets import Script, reply

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter

# A fault that nobody puts an end to ends by itself, and the test fails instead of hanging: after the timeout, or after so much.
PATIENCE_SECONDS = 63.0
FLOOD_BYTES_MAX = 64 * 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@dataclass(slots=True)
class Fault:
    """A script that knows whether it struck."""

    do: Callable[[Fault, Reader, Writer], Awaitable[None]]
    struck: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)  # when it has struck

    async def __call__(self, reader: Reader, writer: Writer) -> None:
        await self.do(self, reader, writer)

    def strike(self) -> None:
        self.struck += 1
        self.came.set()


def says(raw: bytes, *, then: Script | None = None) -> Fault:
    """These bytes, and then nothing more on a connection that stays open; or `then`."""

    async def do(fault: Fault, reader: Reader, writer: Writer) -> None:
        writer.write(raw)
        await writer.drain()
        fault.strike()
        if then is not None:
            await then(reader, writer)

    return Fault(do)


def says_and_closes(raw: bytes) -> Fault:
    return says(raw, then=_close)


def says_and_resets(raw: bytes) -> Fault:
    return says(raw, then=_reset)


def drips(head: bytes, drop: bytes, *, every: float = 0.01) -> Fault:
    """One drop after the other: never silent for long, and never done."""

    async def do(fault: Fault, reader: Reader, writer: Writer) -> None:
        writer.write(head)
        end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        for byte in cycle(drop):
            writer.write(bytes([byte]))
            await writer.drain()
            fault.strike()
            if asyncio.get_running_loop().time() > end:
                writer.transport.abort()
                break
            await asyncio.sleep(every)

    return Fault(do)


def floods(head: bytes, flood: bytes) -> Fault:
    """As much as is taken, without an end."""

    async def do(fault: Fault, reader: Reader, writer: Writer) -> None:
        writer.write(head)
        sent = 0
        for piece in repeat(flood):
            writer.write(piece)
            await writer.drain()
            fault.strike()
            sent += len(piece)
            if sent > FLOOD_BYTES_MAX:
                writer.transport.abort()
                break

    return Fault(do)


def counts_headers_up() -> Fault:
    async def do(fault: Fault, reader: Reader, writer: Writer) -> None:
        writer.write(OK)
        for number in range(2_000_000):
            writer.write(f"X-{number}: {number}\r\n".encode())
            if number % 500 == 0:
                await writer.drain()
                fault.strike()

    return Fault(do)


def a_bomb(status: str = "200 OK", coding: str = "gzip") -> Fault:
    packed = bomb() if coding == "gzip" else zlib.compress(b"\0" * 50_000_000)
    head = (
        f"HTTP/1.1 {status}\r\nContent-Encoding: {coding}\r\nContent-Length: {len(packed)}\r\n\r\n"
    )
    return says(head.encode() + packed)


@cache
def bomb() -> bytes:
    """210 MB in 204 KB, made a piece at a time: the test weighs what the reader needs, not the maker."""
    stream = zlib.compressobj(9, wbits=31)
    piece = b"\0" * 1_000_000
    return b"".join([*(stream.compress(piece) for _ in range(210)), stream.flush()])


def packed(body: bytes, coding: str = "gzip") -> bytes:
    return reply(gzip.compress(body), f"Content-Encoding: {coding}")


def forges_a_second_answer(first: bytes, forged: bytes, *, after: float | None = None) -> Fault:
    """Two answers to one request: the second lies in wait for whoever uses the connection next."""

    async def do(fault: Fault, reader: Reader, writer: Writer) -> None:
        if fault.struck:  # the request of somebody else, on the same connection
            return
        writer.write(first if after is not None else first + forged)
        await writer.drain()
        if after is not None:
            await asyncio.sleep(after)
            writer.write(forged)
            await writer.drain()
        fault.strike()

    return Fault(do)


async def _close(_reader: Reader, writer: Writer) -> None:
    writer.close()


async def _reset(_reader: Reader, writer: Writer) -> None:
    await asyncio.sleep(0.05)  # what was said goes out first
    linger = b"\1\0\0\0\0\0\0\0"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
