"""Bugs in how a request goes out and how its answer is read."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from urllib.parse import quote, unquote

import httpx
from msgspec.structs import replace

from flowdsl.plan.values import Json
from flowdsl.saga.observation import Lost, Observation
from flowdsl.world.network import body, http
from flowdsl.world.network import outgoing as outgoing_module
from flowdsl.world.network.connection import Connection, IncomingAnswer
from flowdsl.world.network.outgoing import Origin, Outgoing
from flowdsl.world.network.passage import (
    Broken,
    IncomingResponse,
    NotConnected,
    Passage,
    Transport,
    header,
)
from flowdsl.world.network.wire import Wire
from tests.museum.exhibit import Exhibit


async def sent_again_by_the_library(
    self: Wire, outgoing: Outgoing, passage: Passage, *, fresh: bool
) -> IncomingResponse:
    try:
        return await _send(self, outgoing, passage, fresh=fresh)
    except Broken:
        return await _send(self, outgoing, passage, fresh=fresh)


def encoded_anew(text: str) -> tuple[Origin, str]:
    origin, target = _split(text)
    return origin, quote(unquote(target), safe="/?=&;")


async def nobody_noticed(
    self: Wire, outgoing: Outgoing, passage: Passage, *, fresh: bool
) -> IncomingResponse:
    try:
        return await _send(self, outgoing, passage, fresh=fresh)
    except Broken as error:
        raise NotConnected(str(error)) from error


async def any_connection_will_do(
    self: Wire, outgoing: Outgoing, passage: Passage, *, fresh: bool
) -> IncomingResponse:
    return await _send(self, outgoing, passage, fresh=False)


async def the_end_is_the_end(self: IncomingAnswer) -> AsyncIterator[bytes]:
    try:
        async for chunk in _chunks(self):
            yield chunk
    except Broken:
        return


async def redirects_are_followed(
    self: Wire, outgoing: Outgoing, passage: Passage, *, fresh: bool
) -> IncomingResponse:
    response = await _send(self, outgoing, passage, fresh=fresh)
    target = header(response.headers, b"location")
    if not target.startswith("/"):
        return response
    await response.aclose()
    return await _send(self, replace(outgoing, target=target), passage, fresh=fresh)


def kept_for_the_next_answer(self: Connection, data: bytes) -> None:
    if self._answer is None:
        EARLY.setdefault(self, []).append(data)
    else:
        _data_received(self, data)


def with_what_came_early(self: Connection, message: bytes, *, is_head: bool) -> IncomingAnswer:
    answer = _write(self, message, is_head=is_head)
    for data in EARLY.pop(self, []):
        answer.feed(data)
    return answer


def every_end_is_in_order(self: Connection, exc: Exception | None) -> None:
    if self._answer is not None:
        self._answer.feed_end(in_order=True)


def any_end_will_do(transport: asyncio.BaseTransport | None) -> bool:
    return True


async def headers_in_time(
    transport: Transport, outgoing: Outgoing, seconds: float, *, fresh: bool
) -> Observation:
    passage = Passage()
    try:
        async with asyncio.timeout(seconds):
            response = await transport.send(outgoing, passage, fresh=fresh)
    except TimeoutError:
        return Lost("no answer within the time")
    return await http._read(response, is_head=False)


def all_at_once(self: body._Inflater, chunk: bytes, _limit: int) -> bytes:
    return self._stream.decompress(chunk)


def as_python_reads_it(content: bytes) -> Json:
    value: Json = json.loads(content)
    return value


def as_it_stands(value: str, now: float) -> str:
    return value


def as_deep_as_it_comes(value: Json, levels: int) -> bool:
    return False


EARLY: dict[Connection, list[bytes]] = {}
_send, _split = Wire.send, outgoing_module._split
_chunks, _data_received, _write = IncomingAnswer.chunks, Connection.data_received, Connection.write
NETWORK = "flowdsl.world.network"
WIRE, HTTP, OUTGOING = f"{NETWORK}.wire", f"{NETWORK}.http", f"{NETWORK}.outgoing"
CONNECTION, BODY = f"{NETWORK}.connection", f"{NETWORK}.body"
HERE = "tests/world/network/test_wire.py::"
ROWS = "tests/hostile/test_services.py::"

EXHIBITS = (
    Exhibit("a library sends a request again", f"{WIRE}.Wire.send", sent_again_by_the_library, HERE + "test_an_idle_connection_that_was_closed_is_no_reason_to_send_twice[PUT]"),
    Exhibit("a connection that broke counts as none", f"{WIRE}.Wire.send", nobody_noticed, HERE + "test_a_request_that_went_out_and_got_no_answer_is_lost_and_sent_once[hangs up-True-POST]"),
    Exhibit("a URL is encoded anew", f"{OUTGOING}._split", encoded_anew, HERE + "test_a_request_goes_out_as_it_is_written"),
    Exhibit("a request that must be fresh is not", f"{WIRE}.Wire.send", any_connection_will_do, HERE + "test_a_connection_is_used_again_but_not_by_a_fresh_request"),
    Exhibit("a cut body is taken for a whole one", f"{CONNECTION}.IncomingAnswer.chunks", the_end_is_the_end, HERE + "test_an_answer_that_breaks_off_still_has_its_status[cut chunk]"),
    Exhibit("a reset ends a body without a length", f"{CONNECTION}.Connection.connection_lost", every_end_is_in_order, ROWS + "test_a_hostile_service_is_its_row[a reset within a body without a length]"),
    Exhibit("TLS need not say that it ends", f"{CONNECTION}._is_goodbye", any_end_will_do, "tests/hostile/test_tls.py::test_tls_that_breaks_off_within_the_answer_is_unknown"),
    Exhibit("an idle connection is used whatever came in on it", (f"{CONNECTION}.Connection.data_received", f"{CONNECTION}.Connection.write"), (kept_for_the_next_answer, with_what_came_early), ROWS + "test_an_answer_that_nobody_asked_for_is_nobodys[200 OK-later]"),
    Exhibit("only the head of an answer is bounded in time", f"{HTTP}._exchange", headers_in_time, ROWS + "test_a_hostile_service_is_its_row[a body drips]"),
    Exhibit("a bomb is unpacked at once", f"{BODY}._Inflater.take", all_at_once, ROWS + "test_what_comes_without_end_takes_little_memory[a gzip bomb]"),
    Exhibit("a body has no limit", f"{BODY}.BODY_BYTES_MAX", 1 << 40, ROWS + "test_a_hostile_service_is_its_row[the body never ends]"),
    Exhibit("NaN is a number", f"{BODY}._read_json", as_python_reads_it, ROWS + "test_a_hostile_service_is_its_row[NaN]"),
    Exhibit("an answer may be nested as it likes", f"{BODY}._is_deeper", as_deep_as_it_comes, ROWS + "test_a_hostile_service_is_its_row[101 levels]"),
    Exhibit("a retry-after is believed as it stands", f"{HTTP}.in_seconds", as_it_stands, ROWS + "test_whatever_stands_in_retry_after_is_a_time_to_wait[-1-refused for now-0.0]"),
    Exhibit("redirects are followed", f"{WIRE}.Wire.send", redirects_are_followed, HERE + "test_redirects_are_not_followed_and_cookies_not_kept"),
    Exhibit("a broken write is taken for not sent", f"{NETWORK}.through_httpx.BEFORE_THE_FIRST_BYTE", (httpx.TransportError,), "tests/world/network/test_http.py::test_only_what_surely_left_nothing_is_not_sent"),
    Exhibit("a header may hold a new line", f"{OUTGOING}.HEADER_VALUE", re.compile(r"[\t\r\n\x20-\x7e]*"), "tests/world/network/test_outgoing.py::test_what_cannot_stand_on_the_wire_is_unbuildable"),
)  # fmt: skip
