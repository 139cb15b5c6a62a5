"""Bugs in how a request goes out and how its answer is read."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.tracing import Trace
from yarl import URL

from flowdsl.plan.values import Json
from flowdsl.saga.observation import Observation
from flowdsl.world.network import body, http, wire
from flowdsl.world.network.http import Http
from flowdsl.world.network.wire import Wire
from tests.museum.exhibit import Exhibit


async def sent_again_by_the_library(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    passage = wire._passage.get()
    passage.response = await handler(request)
    return passage.response


def encoded_anew(text: str, *, encoded: bool) -> URL:
    assert encoded
    return URL(text)


async def nobody_noticed(*_: object) -> None:
    """A connection came about, and nobody takes note."""


def any_connection_will_do(self: Http, *, fresh: bool) -> httpx.AsyncBaseTransport:
    return _choose(self, fresh=False)


async def the_end_is_the_end(self: wire._Body) -> AsyncIterator[bytes]:
    try:
        async for chunk in self._response.content.iter_chunked(wire.CHUNK_BYTES):
            yield chunk
    except aiohttp.ClientError:
        return


async def redirects_are_followed(self: Wire, request: httpx.Request) -> httpx.Response:
    response = await _handle(self, request)
    if response.is_redirect:
        url = request.url.join(response.headers["location"])
        return await _handle(self, httpx.Request(request.method, url, headers=request.headers))
    return response


async def whatever_came_in_on_it(
    self: aiohttp.TCPConnector, key: ConnectionKey, traces: list[Trace]
) -> aiohttp.connector.Connection | None:
    return await aiohttp.TCPConnector._get(self, key, traces)


def any_end_will_do(transport: asyncio.BaseTransport) -> bool:
    return True


async def headers_in_time(
    transport: httpx.AsyncBaseTransport, outgoing: httpx.Request, seconds: float
) -> Observation:
    watch = http._Watch()
    outgoing.extensions["trace"] = watch.see
    wait = asyncio.wait_for
    handle = transport.handle_async_request

    class Timed(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return await wait(handle(request), seconds)

    try:
        return await http._converse(Timed(), outgoing, watch)
    except TimeoutError:
        return watch.timed_out(seconds)


def all_at_once(self: body._Inflater, chunk: bytes, _limit: int) -> bytes:
    return self._stream.decompress(chunk)


def as_python_reads_it(content: bytes) -> Json:
    value: Json = json.loads(content)
    return value


def as_it_stands(value: str, now: float) -> str:
    return value


def as_deep_as_it_comes(value: Json, levels: int) -> bool:
    return False


_choose, _handle = Http._choose, Wire.handle_async_request
WIRE, HTTP, OUTGOING = (
    "flowdsl.world.network.wire",
    "flowdsl.world.network.http",
    "flowdsl.world.network.outgoing",
)
BODY = "flowdsl.world.network.body"
HERE = "tests/world/test_wire.py::"
ROWS = "tests/hostile/test_services.py::"

EXHIBITS = (
    Exhibit("a library sends a request again", f"{WIRE}._send_once", sent_again_by_the_library, HERE + "test_an_idle_connection_that_was_closed_is_no_reason_to_send_twice[PUT]"),
    Exhibit("a connection that broke counts as none", f"{WIRE}._on_connection", nobody_noticed, HERE + "test_a_request_that_went_out_and_got_no_answer_is_lost_and_sent_once[hangs up-True-POST]"),
    Exhibit("a URL is encoded anew", f"{WIRE}.URL", encoded_anew, HERE + "test_a_request_goes_out_as_it_is_written"),
    Exhibit("a request that must be fresh is not", f"{HTTP}.Http._choose", any_connection_will_do, HERE + "test_a_connection_is_used_again_but_not_by_a_fresh_request"),
    Exhibit("a cut body is taken for a whole one", f"{WIRE}._Body.__aiter__", the_end_is_the_end, HERE + "test_an_answer_that_breaks_off_still_has_its_status[cut chunk]"),
    Exhibit("a reset ends a body without a length", f"{WIRE}._Conversation.connection_lost", ResponseHandler.connection_lost, ROWS + "test_a_hostile_service_is_its_row[a reset within a body without a length]"),
    Exhibit("TLS need not say that it ends", f"{WIRE}._is_goodbye", any_end_will_do, "tests/hostile/test_tls.py::test_tls_that_breaks_off_within_the_answer_is_unknown"),
    Exhibit("an idle connection is used whatever came in on it", f"{WIRE}._Connector._get", whatever_came_in_on_it, ROWS + "test_an_answer_that_nobody_asked_for_is_nobodys[200 OK-later]"),
    Exhibit("only the head of an answer is bounded in time", f"{HTTP}._exchange", headers_in_time, ROWS + "test_a_hostile_service_is_its_row[a body drips]"),
    Exhibit("a bomb is unpacked at once", f"{BODY}._Inflater.take", all_at_once, ROWS + "test_what_comes_without_end_takes_little_memory[a gzip bomb]"),
    Exhibit("a body has no limit", f"{BODY}.BODY_BYTES_MAX", 1 << 40, ROWS + "test_a_hostile_service_is_its_row[the body never ends]"),
    Exhibit("NaN is a number", f"{BODY}._read_json", as_python_reads_it, ROWS + "test_a_hostile_service_is_its_row[NaN]"),
    Exhibit("an answer may be nested as it likes", f"{BODY}._is_deeper", as_deep_as_it_comes, ROWS + "test_a_hostile_service_is_its_row[101 levels]"),
    Exhibit("a retry-after is believed as it stands", f"{HTTP}.in_seconds", as_it_stands, ROWS + "test_whatever_stands_in_retry_after_is_a_time_to_wait[-1-refused for now-0.0]"),
    Exhibit("redirects are followed", f"{WIRE}.Wire.handle_async_request", redirects_are_followed, HERE + "test_redirects_are_not_followed_and_cookies_not_kept"),
    Exhibit("a broken write is taken for not sent", f"{HTTP}.BEFORE_THE_FIRST_BYTE", (httpx.TransportError,), "tests/world/test_http.py::test_only_what_surely_left_nothing_is_not_sent"),
    Exhibit("a header may hold a new line", f"{OUTGOING}.HEADER_VALUE", re.compile(r"[\t\r\n\x20-\x7e]*"), "tests/world/test_outgoing.py::test_what_cannot_stand_on_the_wire_is_unbuildable"),
)  # fmt: skip
