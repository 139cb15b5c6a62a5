"""One HTTP/1.1 connection (RFC 9112), on httptools: one request at a time, one answer to each.

A body whose length nobody said ends where the connection ends, and only if that ends in order; every other end is a
break. What comes while nothing was asked for makes the connection useless.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator
from typing import cast

import httptools

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.world.network.passage import Broken, RawHeaders

HEAD_BYTES_MAX = 64 * 1024
BUFFERED_BYTES_MAX = 256 * 1024  # of a body that is not read as fast as it comes
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
HTTPTOOLS_MIN = (0, 7)  # an older one refuses answers that are in use


def check_library() -> None:
    """InputError where the httptools that is installed is too old."""
    numbers = tuple(int(digits) for digits in re.findall(r"\d+", httptools.__version__)[:2])
    if numbers < HTTPTOOLS_MIN:
        wanted = ".".join(map(str, HTTPTOOLS_MIN))
        raise InputError(
            f"httptools {httptools.__version__} is installed, and flowdsl needs {wanted} or newer",
            code=Code.LIBRARY_TOO_OLD,
            help=f"pip install --upgrade 'httptools>={wanted}'",
        )


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self.is_spoiled = False  # closed, or something came in that nobody asked for
        self._answer: IncomingAnswer | None = None

    # --- for the pool ---

    def write(self, message: bytes, *, is_head: bool) -> IncomingAnswer:
        """Sends a request. It may have left, in part, from now on."""
        assert self.transport is not None
        assert self._answer is None, "one request at a time"
        self._answer = answer = IncomingAnswer(self.transport, is_head=is_head)
        self.transport.write(message)
        return answer

    def let_go(self) -> bool:
        """The exchange is over. Whether the connection can be used again: all was sent and all was read."""
        answer, self._answer = self._answer, None
        assert self.transport is not None
        again = (
            answer is not None
            and answer.is_read
            and answer.may_stay
            and not self.is_spoiled
            and self.transport.get_write_buffer_size() == 0
        )
        if not again:
            self.abort()
        return again

    def abort(self) -> None:
        """At once: a polite goodbye would wait for a service that may never read on."""
        self.is_spoiled = True
        if self.transport is not None:
            self.transport.abort()

    # --- for asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own are no subclass of it

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.is_over:
            self.abort()
        else:
            self._answer.feed(data)

    def eof_received(self) -> None:
        self.is_spoiled = True
        if self._answer is not None:
            self._answer.feed_end(in_order=_is_goodbye(self.transport))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_spoiled = True
        if self._answer is not None:
            self._answer.fail(_why_lost(exc))


class IncomingAnswer:
    """An answer as it comes in. The methods `on_…` are called by the parser."""

    def __init__(self, transport: asyncio.Transport, *, is_head: bool) -> None:
        self.status = 0
        self.headers: RawHeaders = []
        self.is_whole = False
        self.may_stay = False
        self._is_head = is_head
        self._transport = transport
        self._has_head = False
        self._head_bytes = 0  # since the last interim answer
        self._header_bytes = 0
        self._until_close = False
        self._broken: str | None = None
        self._garbled = False
        self._body: list[bytes] = []
        self._buffered = 0
        self._waiter: asyncio.Future[None] | None = None
        self._llhttp = httptools.HttpResponseParser(self)
        # As RFC 9112 §2.2 and §7.1 allow a recipient: services are like that.
        self._llhttp.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    @property
    def is_over(self) -> bool:
        return self.is_whole or self._broken is not None

    @property
    def is_read(self) -> bool:
        """Whole, and nothing of it waits to be read: reading may be paused then."""
        return self.is_whole and not self._body

    async def head(self) -> None:
        """Returns once the status and the headers are there. Raises Broken."""
        while not self._has_head:
            if self._broken is not None:
                raise Broken(self._broken)
            await self._news()
        if self._broken is not None and self._garbled:
            raise Broken(self._broken)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body. Raises Broken where it is cut."""
        while True:
            if self._broken is not None:
                raise Broken(self._broken)
            if self._body:
                chunk, self._body, self._buffered = b"".join(self._body), [], 0
                self._transport.resume_reading()
                yield chunk
            elif self.is_whole:
                return
            else:
                await self._news()

    async def _news(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- what came ---

    def feed(self, data: bytes) -> None:
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.is_whole = True
        except httptools.HttpParserError as error:  # its words hold nothing of what came
            self._garble(str(error))
        if max(self._header_bytes, 0 if self._has_head else self._head_bytes) > HEAD_BYTES_MAX:
            self._garble("its headers do not end")
        if self._buffered > BUFFERED_BYTES_MAX:
            self._transport.pause_reading()
        self._ring()

    def feed_end(self, *, in_order: bool) -> None:
        if self._has_head and self._until_close and in_order:
            self.is_whole = True
            self._ring()
        elif not self._has_head and self._head_bytes == 0:
            self.fail("the service closed the connection without an answer")
        else:
            self.fail("the connection ended in the middle of the answer")

    def fail(self, reason: str) -> None:
        if not self.is_over:
            self._broken = reason
        self._ring()

    def _garble(self, why: str) -> None:
        """Nothing of it is believed, whatever of it was whole."""
        self._garbled, self.is_whole = True, False
        self.fail(f"what came back is not HTTP: {why}")

    # --- for the parser ---

    def on_message_begin(self) -> None:
        if self.is_whole:  # one more answer
            self.may_stay = False
        elif not self._has_head:
            self.headers = []

    def on_status(self, reason: bytes) -> None:
        if CONTROL.search(reason):
            self._garble("a control character in the status line")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:
            self.headers.append((name, value))
            if CONTROL.search(value):
                self._garble("a control character in a header")
            self._header_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        if self._has_head:
            return
        status = self._llhttp.get_status_code()
        if 100 <= status < 200 and status != 101:
            self._head_bytes = self._header_bytes = 0
            return  # the answer that counts is still to come
        self.status, self._has_head = status, True
        named = {name.lower() for name, _ in self.headers}
        self._until_close = not (named & {b"content-length", b"transfer-encoding"}) or (
            b"transfer-encoding" in named and not _is_chunked(self.headers)
        )
        if self._is_head:
            self._end()

    def on_body(self, body: bytes) -> None:
        if self._is_head:
            self._garble("a body where there can be none")
        elif not self.is_whole:
            self._body.append(body)
            self._buffered += len(body)

    def on_message_complete(self) -> None:
        if self._has_head and not self.is_whole:
            self._end()

    def _end(self) -> None:
        self.is_whole = True
        self.may_stay = self._llhttp.should_keep_alive()


def _is_chunked(headers: RawHeaders) -> bool:
    return any(
        name.lower() == b"transfer-encoding" and value.lower().rstrip().endswith(b"chunked")
        for name, value in headers
    )


def _is_goodbye(transport: asyncio.BaseTransport | None) -> bool:
    """Whether this end was meant: asyncio says the same whether or not TLS said `close_notify`."""
    if transport is None:
        return False
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    try:
        return tls is None or tls.read(1) == b""
    except ssl.SSLError:  # it would like to read on
        return False


def _why_lost(error: Exception | None) -> str:
    match error:
        case None:
            return "the connection was closed"
        case ssl.SSLError():
            return f"TLS broke: {tls_says(error)}"
        case OSError() if error.errno:
            return f"the connection broke: {os.strerror(error.errno)}"
        case _:
            return f"the connection broke: {str(error) or type(error).__name__}"


def tls_says(error: Exception) -> str:
    """`[SSL: CERTIFICATE_VERIFY_FAILED] … (_ssl.c:1006)` in words."""
    match error:
        case ssl.SSLCertVerificationError(verify_message=str(message)) if message:
            return f"certificate verify failed: {message.rstrip('.')}"
        case ssl.SSLError(reason=str(reason)) if reason:
            return reason.replace("_", " ").lower()
        case _:
            return str(error) or type(error).__name__
