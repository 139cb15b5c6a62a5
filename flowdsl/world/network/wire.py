"""The default transport: httpx's interface, aiohttp underneath, and nothing done behind our back.

Four things are put right here. aiohttp sends a GET, PUT or DELETE a second time when an idle
connection turns out closed; a middleware stops that. It takes a reset for the end of a body without
a length; here only an orderly end is one. The layer between the two calls a connection that broke
half way a "connect timeout"; here the only question is whether a connection existed. And aiohttp
rewrites percent-encoding; here a URL goes out as it is written. Every address is looked at when its
socket is made, so a name that is looked up twice cannot lead elsewhere (`world.hosts`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from errno import EACCES
from functools import partial
from weakref import WeakSet

import aiohttp
import certifi
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.tracing import Trace
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.world.network.hosts import CONNECTIONS_PER_HOST, Hosts

AIOHTTP_MIN = (3, 14)  # an older one sends nothing, or takes answers for whole that are not
IDLE_SECONDS = 15.0
CHUNK_BYTES = 64 * 1024

# A mistake in a program, ours or a library's. It says nothing about the service, so it is not an observation.
BUGS = (TypeError, AttributeError, NameError, AssertionError, ImportError, NotImplementedError)


class Wire(httpx.AsyncBaseTransport):
    def __init__(
        self, tls: ssl.SSLContext, *, fresh: bool = False, hosts: Hosts | None = None
    ) -> None:
        """`fresh`: a new connection for every request, closed after it."""
        self._tls = tls
        self._hosts = hosts or Hosts()
        self._fresh = fresh
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._inner = AiohttpTransport(verify=tls, trust_env=False, client=self._session)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        passage = _Passage(request)
        token = _passage.set(passage)
        try:
            await passage.tell("connection.connect_tcp.started")
            response = await self._inner.handle_async_request(request)
        except BUGS:
            raise
        except Exception as error:
            # Whatever else they raise: what matters is whether a byte may have left.
            if passage.objection and not passage.dialled:
                raise ForbiddenAddress(passage.objection) from error
            failure = httpx.ReadError if passage.connected else httpx.ConnectError
            raise failure(_why(error)) from error
        finally:
            _passage.reset(token)
        assert passage.response is not None
        response.stream = _Body(passage.response)
        return response

    async def aclose(self) -> None:
        # aiohttp would wait until what it still holds is sent, for ever if nobody reads it.
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        await self._inner.aclose()

    def _socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """For aiohttp, which connects it to this very address."""
        family, kind, protocol, _, place = address
        passage = _passage.get()
        objection = self._hosts.objection(str(place[0]))
        if objection is not None:
            passage.objection = f"{passage.request.url.host} is at {place[0]}, {objection}"
            raise PermissionError(EACCES, passage.objection)
        passage.dialled = True
        connection = socket.socket(family, kind, protocol)
        self._sockets.add(connection)
        return connection

    def _session(self) -> aiohttp.ClientSession:
        connector = _Connector(
            ssl=self._tls,
            socket_factory=self._socket,
            limit=0,
            limit_per_host=CONNECTIONS_PER_HOST,
            force_close=self._fresh,
            keepalive_timeout=None if self._fresh else IDLE_SECONDS,
        )
        loop = asyncio.get_running_loop()
        connector._factory = partial(_Conversation, loop=loop)  # type: ignore[assignment]  # noqa: SLF001
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(_on_connection)
        trace.on_connection_reuseconn.append(_on_connection)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            trace_configs=[trace],
            middlewares=(_send_once,),
        )


class ForbiddenAddress(httpx.ConnectError):
    """No connection may be made to where the service is; none was."""


class _Connector(aiohttp.TCPConnector):
    """An idle connection on which something came in is not used again: it would pass for the next answer."""

    async def _get(
        self, key: ConnectionKey, traces: list[Trace]
    ) -> aiohttp.connector.Connection | None:
        for protocol, _ in self._conns.get(key, ()):
            if protocol.should_close:
                protocol.close()  # and so it is passed over
        return await super()._get(key, traces)


class _Conversation(ResponseHandler):
    """A body without a length ends where the connection does, and only if that ends in order: cut otherwise."""

    _in_order = False

    def eof_received(self) -> None:
        super().eof_received()
        self._in_order = self.transport is not None and _is_goodbye(self.transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        body = self._payload
        if body is not None and not body.is_eof() and not self._in_order:
            body.set_exception(aiohttp.ClientPayloadError("the connection broke within the body"))
        super().connection_lost(exc)


def _is_goodbye(transport: asyncio.BaseTransport) -> bool:
    """Whether this end was meant: asyncio says the same whether or not TLS said `close_notify`."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    try:
        return tls is None or tls.read(1) == b""
    except ssl.SSLError:  # it would like to read on
        return False


def check_libraries() -> None:
    """InputError where what is installed beside flowdsl is too old to be believed."""
    numbers = tuple(int(digits) for digits in re.findall(r"\d+", aiohttp.__version__)[:2])
    if numbers < AIOHTTP_MIN:
        wanted = ".".join(map(str, AIOHTTP_MIN))
        raise InputError(
            f"aiohttp {aiohttp.__version__} is installed, and flowdsl needs {wanted} or newer",
            code=Code.LIBRARY_TOO_OLD,
            help=f"pip install --upgrade 'aiohttp>={wanted}'",
        )


def tls_context() -> ssl.SSLContext:
    """Made by hand: the usual way also writes the keys of every connection to a file if SSLKEYLOGFILE says so."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which checks certificates and names
    context.load_verify_locations(certifi.where())
    return context


@dataclass(slots=True)
class _Passage:
    """One request on its way through aiohttp, whose hooks find it in the context."""

    request: httpx.Request
    dialled: bool = False  # an address was tried, and was one that may be
    objection: str = ""  # to an address that may not be
    connected: bool = False
    response: aiohttp.ClientResponse | None = None

    async def tell(self, event: str) -> None:
        trace: Callable[[str, object], Awaitable[None]] | None
        trace = self.request.extensions.get("trace")
        if trace is not None:
            await trace(event, {})


_passage: ContextVar[_Passage] = ContextVar("passage")


class _Broken(Exception):
    """Hides an error from aiohttp's own retry."""


async def _send_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    passage = _passage.get()
    request.url = URL(str(passage.request.url).partition("#")[0], encoded=True)
    try:
        passage.response = await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise _Broken from error
    return passage.response


async def _on_connection(*_: object) -> None:
    passage = _passage.get()
    passage.connected = True
    await passage.tell("http11.send_request_headers.started")


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK_BYTES):
                yield chunk
        except aiohttp.ClientError as error:
            raise httpx.ReadError(_why(error)) from error

    async def aclose(self) -> None:
        # A connection is used again when the answer was read to its end and the request went out
        # whole. Any other is cut: a polite goodbye would wait for a service that may never read on.
        connection = self._response.connection
        transport = connection.transport if connection is not None else None
        unfinished = transport is not None and transport.get_write_buffer_size() > 0
        if self._response.content.at_eof() and not unfinished:
            self._response.release()
            return
        if transport is not None:
            transport.abort()
        self._response.close()


def _why(error: BaseException) -> str:
    while isinstance(error, _Broken | httpx.HTTPError) and error.__cause__ is not None:
        error = error.__cause__
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the host {error.host} is not known"
        case aiohttp.ClientConnectorCertificateError():
            return f"TLS with {error.host}:{error.port}: {_tls_says(error.certificate_error)}"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS with {error.host}:{error.port}: {_tls_says(error.os_error)}"
        case aiohttp.ClientConnectorError(os_error=ConnectionResetError(errno=None)):  # by asyncio
            return f"TLS with {error.host}:{error.port}: the service broke off"
        case aiohttp.ClientConnectorError():
            number, said = error.os_error.errno, str(error.os_error)
            cause = os.strerror(number) if number else said or type(error.os_error).__name__
            return f"no connection to {error.host}:{error.port}: {cause}"
        case aiohttp.ServerDisconnectedError():
            return "the service closed the connection without an answer"
        case aiohttp.ClientResponseError(message=message):
            # Behind the colon they quote what came, in a form in which no secret would be recognised.
            return f"what came back is not HTTP: {message.partition(':')[0].strip()}"
        case aiohttp.ClientOSError(__cause__=ssl.SSLError() as said):
            return f"TLS broke: {_tls_says(said)}"
        case OSError() if error.errno:
            return f"the connection broke: {os.strerror(error.errno)}"
        case _:
            return f"{type(error).__name__}: {error}"


def _tls_says(error: Exception) -> str:
    """`[SSL: CERTIFICATE_VERIFY_FAILED] … (_ssl.c:1006)` in words."""
    match error:
        case ssl.SSLCertVerificationError(verify_message=str(message)) if message:
            return f"certificate verify failed: {message.rstrip('.')}"
        case ssl.SSLError(reason=str(reason)) if reason:
            return reason.replace("_", " ").lower()
        case _:
            return str(error) or type(error).__name__
