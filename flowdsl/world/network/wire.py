"""The default transport: HTTP/1.1 over connections that are kept for a while, and nothing done behind our back.

A request is written once, on one connection: it is never sent again here, no redirect is followed, no cookie kept, no
proxy of the environment asked, and its URL goes out as it is written.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator

from msgspec import Struct, field

from flowdsl.world.network.connection import Connection, IncomingAnswer
from flowdsl.world.network.dial import Dialler
from flowdsl.world.network.hosts import CONNECTIONS_PER_HOST, Hosts
from flowdsl.world.network.outgoing import Origin, Outgoing
from flowdsl.world.network.passage import NotConnected, Passage, RawHeaders

IDLE_SECONDS = 15.0


class ConnectionPool(Struct):
    """The connections to one origin: those that are idle, the last used first, and the requests that wait for a place."""

    idle: list[Connection] = field(default_factory=list)
    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    async def take(self) -> None:
        """Returns once there is a place."""
        if self.taken < CONNECTIONS_PER_HOST:
            self.taken += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        while self.waiting:
            place = self.waiting.popleft()
            if not place.done():
                place.set_result(None)  # it is handed on
                return
        self.taken -= 1

    def usable(self, oldest: float) -> Connection | None:
        while self.idle:
            connection = self.idle.pop()
            if not connection.is_spoiled and connection.idle_since >= oldest:
                return connection
            connection.abort()
        return None

    def drop_older(self, oldest: float) -> None:
        for connection in self.idle:
            if connection.is_spoiled or connection.idle_since < oldest:
                connection.abort()
        self.idle = [connection for connection in self.idle if not connection.is_spoiled]


class Wire:
    def __init__(self, tls: ssl.SSLContext | None = None, *, hosts: Hosts | None = None) -> None:
        self.dialler = Dialler(tls, hosts or Hosts())
        self.connections: set[Connection] = set()  # in use
        self._places: defaultdict[Origin, ConnectionPool] = defaultdict(ConnectionPool)
        self._sweep: asyncio.TimerHandle | None = None

    async def send(self, outgoing: Outgoing, passage: Passage, *, fresh: bool) -> WireResponse:
        passage.connecting = True
        origin = outgoing.origin
        places = self._places[origin]
        await places.take()
        try:
            connection = await self._connection(places, origin, fresh=fresh)
        except BaseException:
            places.leave()
            raise
        self.connections.add(connection)
        exchange = _Exchange(self, places, connection, fresh=fresh)
        try:
            passage.sent = True
            answer = connection.write(
                message(outgoing, fresh=fresh), is_head=outgoing.method == "HEAD"
            )
            await answer.head()
        except BaseException:
            exchange.end()
            raise
        return WireResponse(answer, exchange)

    async def _connection(
        self, places: ConnectionPool, origin: Origin, *, fresh: bool
    ) -> Connection:
        now = asyncio.get_running_loop().time()
        kept = None if fresh else places.usable(now - IDLE_SECONDS)
        if kept is not None:
            return kept
        made = await self.dialler.dial(origin.scheme, origin.host, origin.port)
        if made.is_spoiled:  # nothing was written, and nobody would tell us of the end again
            raise NotConnected(f"{origin.host}:{origin.port} closed the connection at once")
        return made

    async def aclose(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        for places in self._places.values():
            places.drop_older(float("inf"))
        for connection in list(self.connections):
            connection.abort()
        await asyncio.sleep(0)  # the sockets close on the next turn of the loop

    def keep(self, places: ConnectionPool, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        places.idle.append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_SECONDS, self._drop_idle, loop)

    def _drop_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweep = None
        for places in self._places.values():
            places.drop_older(loop.time() - IDLE_SECONDS)
        if any(places.idle for places in self._places.values()):
            self._sweep = loop.call_later(IDLE_SECONDS, self._drop_idle, loop)


class _Exchange(Struct):
    """A connection as long as it is in use."""

    wire: Wire
    places: ConnectionPool
    connection: Connection
    fresh: bool
    is_over: bool = False

    def end(self) -> None:
        if self.is_over:
            return
        self.is_over = True
        self.wire.connections.discard(self.connection)
        if self.connection.let_go():
            if self.fresh:
                self.connection.abort()
            else:
                self.wire.keep(self.places, self.connection)
        self.places.leave()


class WireResponse(Struct):
    answer: IncomingAnswer
    exchange: _Exchange

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def headers(self) -> RawHeaders:
        return self.answer.headers

    def chunks(self) -> AsyncIterator[bytes]:
        return self.answer.chunks()

    async def aclose(self) -> None:
        self.exchange.end()


def message(outgoing: Outgoing, *, fresh: bool) -> bytes:
    """A request as it goes over the connection (RFC 9112 §3)."""
    lines = [f"{outgoing.method} {outgoing.target} HTTP/1.1"]
    if "host" not in outgoing.headers:
        lines.append(f"host: {outgoing.origin.authority}")
    lines += [f"{name}: {value}" for name, value in outgoing.headers.items()]
    if outgoing.content is not None:
        lines.append(f"content-length: {len(outgoing.content)}")
    elif outgoing.method in ("POST", "PUT", "PATCH"):
        lines.append("content-length: 0")
    if fresh:
        lines.append("connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (outgoing.content or b"")
