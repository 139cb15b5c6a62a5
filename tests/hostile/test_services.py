"""Services that do not play by the rules: each is the row of contract.md that it should be, in time and in little memory."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pytest

from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.attempt import RETRY_AFTER_MAX_SECONDS
from flowdsl.saga.events import Ok, Outcome, Refused, Unknown
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from tests.conftest import Counts
from tests.hostile.scripts import (
    OK,
    Fault,
    a_bomb,
    counts_headers_up,
    drips,
    floods,
    forges_a_second_answer,
    packed,
    says,
    says_and_closes,
    says_and_resets,
)
from tests.saga.test_outcome import seen_as
from tests.world.network.sockets import Service, client, post, reply, run_hastily, service, skip

Row: TypeAlias = Literal["not sent", "ok", "refused", "refused for now", "unknown"]

TIMEOUT_SECONDS = 60.0  # they pass at once for what ends by the timeout alone; the rest ends by itself, or by another limit
MEASURED_SECONDS = 0.9  # of what comes without end: as much as comes in that time
MEMORY_BYTES_MAX = 32 * 1024 * 1024


def row_of(outcome: Outcome) -> Row:
    match outcome:
        case Ok():
            return "ok"
        case Unknown():
            return "unknown"
        case Refused(sent=False):
            return "not sent"
        case Refused(again=True):
            return "refused for now"
        case Refused():
            return "refused"


@dataclass(frozen=True, slots=True)
class Case:
    """`says` stands in the failure, or is the body of an answer that is ok."""

    name: str
    fault: Callable[[], Fault]
    row: Row
    says: Json = ""
    method: str = "POST"


def ok(body: bytes, *headers: str, media: str = "application/json") -> Callable[[], Fault]:
    return lambda: says(reply(body, *headers, content_type=media))


def whole(raw: bytes) -> Callable[[], Fault]:
    return lambda: says(raw)


def closed(raw: bytes) -> Callable[[], Fault]:
    return lambda: says_and_closes(raw)


def reset(raw: bytes) -> Callable[[], Fault]:
    return lambda: says_and_resets(raw)


NO = b"HTTP/1.1 402 Payment Required\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"

CASES = [
    # time
    Case("a head drips", lambda: drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"abc"), "unknown", "no answer within"),
    Case("a status line drips", lambda: drips(b"HTTP/1.1 200 ", b"O"), "unknown", "no answer within"),
    Case("a body drips", lambda: drips(OK + b"Content-Length: 9999\r\n\r\n", b" "), "unknown", "cut"),
    Case("a body in chunks drips", lambda: drips(OK + CHUNKED + b"ffff\r\n", b" "), "unknown", "cut"),
    Case("a refusal drips", lambda: drips(NO + b"Content-Length: 9999\r\n\r\n", b" "), "refused", "answered 402"),
    Case("the head is all there is", whole(OK + b"Content-Length: 9\r\n\r\n"), "unknown", "cut"),
    Case("headers never end", counts_headers_up, "unknown", "the answer was lost"),
    Case("one header never ends", lambda: floods(OK + b"X-Long: ", b"x" * 65536), "unknown", "the answer was lost"),
    Case("the status line never ends", lambda: floods(b"HTTP/1.1 200 ", b"x" * 65536), "unknown", "the answer was lost"),
    Case("the body never ends", lambda: floods(OK + b"\r\n", b" " * 65536), "unknown", "too large"),
    Case("chunks never end", lambda: floods(OK + CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"), "unknown", "too large"),
    Case("empty chunk extensions never end", lambda: floods(OK + CHUNKED + b"5;", b"x" * 65536), "unknown"),
    Case("trailers never end", lambda: floods(OK + CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-T: x\r\n" * 5000), "unknown"),
    # size
    Case("a gzip bomb", a_bomb, "unknown", "too large"),
    Case("a deflate bomb", lambda: a_bomb(coding="deflate"), "unknown", "too large"),
    Case("a bomb that says no", lambda: a_bomb("422 No"), "refused", "answered 422"),
    Case("compressed twice", whole(packed(b"{}", "gzip, gzip")), "unknown", "compressed: gzip, gzip"),
    Case("said to be compressed", whole(packed(b"{}", "br")), "unknown", "compressed: br"),
    Case("compressed, and a tail behind it", ok(b"\x1f\x8b\x08" + b"\0" * 40, "Content-Encoding: gzip"), "unknown"),
    Case("compressed to the end, and more behind it", closed(OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"[1]") + b"[2]"), "unknown", "compressed: not gzip"),
    Case("compressed in two parts", ok(gzip.compress(b"12") + gzip.compress(b"34"), "Content-Encoding: gzip"), "unknown", "compressed: not gzip"),
    # length
    Case("longer than announced", closed(OK + b'Content-Length: 3\r\n\r\n{"a": 1}'), "unknown"),
    Case("a refusal longer than announced", closed(NO + b'Content-Length: 3\r\n\r\n{"a": 1}'), "unknown"),
    Case("shorter than announced", closed(OK + b'Content-Length: 99\r\n\r\n{"a": 1}'), "unknown", "cut"),
    Case("shorter than announced, and open", whole(OK + b'Content-Length: 99\r\n\r\n{"a": 1}'), "unknown", "cut"),
    Case("two lengths", closed(OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}   "), "unknown"),
    Case("length and chunks", closed(OK + b"Content-Length: 2\r\n" + CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"), "unknown"),
    Case("a length below nothing", closed(OK + b"Content-Length: -1\r\n\r\n{}"), "unknown"),
    Case("a length in words", closed(OK + b"Content-Length: two\r\n\r\n{}"), "unknown"),
    Case("a length beyond all", closed(OK + b"Content-Length: 99999999999999999999\r\n\r\n{}"), "unknown"),
    Case("a chunk of no size", closed(OK + CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"), "unknown"),
    Case("a chunk below nothing", closed(OK + CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n"), "unknown"),
    Case("a chunk beyond all", closed(OK + CHUNKED + b"ffffffffffffffffff\r\n{}"), "unknown"),
    Case("a chunk longer than its size", closed(OK + CHUNKED + b"1\r\n{}\r\n0\r\n\r\n"), "unknown"),
    Case("chunks without the last", closed(OK + CHUNKED + b"2\r\n{}\r\n"), "unknown", "cut"),
    Case("a coding nobody knows", closed(OK + b"Transfer-Encoding: xyz\r\nConnection: close\r\n\r\n{}"), "ok", {}),
    # endings
    Case("an empty reply", closed(b""), "unknown", "without an answer"),
    Case("a reset before the first byte", reset(b""), "unknown", "the answer was lost"),
    Case("a reset after the first byte", reset(b"H"), "unknown", "the answer was lost"),
    Case("a reset within the head", reset(OK), "unknown", "the answer was lost"),
    Case("a reset within the body", reset(OK + b"Content-Length: 99\r\n\r\n{"), "unknown", "cut"),
    Case("a reset within a refusal", reset(NO + b"Content-Length: 99\r\n\r\n{"), "refused", "answered 402"),
    Case("a reset within a body without a length", reset(OK + b"\r\n1234"), "unknown", "cut"),
    Case("a reset behind a body without a length", reset(OK + b'\r\n{"a": 1}'), "unknown", "cut"),
    Case("a reset before a body without a length", reset(OK + b"\r\n"), "unknown", "cut"),
    Case("a reset within a body of HTTP/1.0", reset(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n1234"), "unknown", "cut"),
    Case("a reset within a refusal without a length", reset(NO + b"\r\n{}"), "refused", "answered 402"),
    Case("a close behind a body without a length", closed(OK + b'\r\n{"a": 1}'), "ok", {"a": 1}),
    Case("a close within the head", closed(OK), "unknown", "the answer was lost"),
    # status lines
    Case("no HTTP", closed(b"SSH-2.0-OpenSSH_9.6\r\n"), "unknown"),
    Case("HTTP/0.9", closed(b'{"a": 1}'), "unknown"),
    Case("HTTP/2", closed(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\x40\0\0\0\0\x02\0\0\0\0"), "unknown"),
    Case("a TLS alert", closed(b"\x15\x03\x03\x00\x02\x02\x28"), "unknown"),
    Case("ICY", closed(b"ICY 200 OK\r\n\r\n{}"), "unknown"),
    Case("no status", closed(b"HTTP/1.1 \r\n\r\n"), "unknown"),
    Case("a status in words", closed(b"HTTP/1.1 OK\r\n\r\n"), "unknown"),
    Case("status 99", closed(b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"), "unknown"),
    Case("status 600", closed(b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n"), "unknown"),
    Case("status 999", closed(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), "unknown"),
    Case("status 1000", closed(b"HTTP/1.1 1000 Odd\r\nContent-Length: 0\r\n\r\n"), "unknown"),
    Case("switching protocols", whole(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "unknown"),
    # HTTP/1.0 and interim answers
    Case("HTTP/1.0 to the end", closed(b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"a": 1}'), "ok", {"a": 1}),
    Case("HTTP/1.0 with a length", whole(b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}'), "ok", {"a": 1}),
    Case("HTTP/1.0 says no", closed(b"HTTP/1.0 402 No\r\n\r\n{}"), "refused", "answered 402"),
    Case("continue, then an answer", whole(CONTINUE + reply(b"[1]")), "ok", [1]),
    Case("hints, then an answer", whole(HINTS * 20 + reply(b"[1]")), "ok", [1]),
    Case("continue, and nothing more", whole(CONTINUE), "unknown", "no answer within"),
    Case("continue for ever", lambda: floods(b"", CONTINUE * 1000), "unknown", "no answer within"),
    Case("hints for ever", lambda: floods(b"", HINTS * 1000), "unknown", "no answer within"),
    # headers
    Case("a NUL in a header", closed(OK + b"X-A: a\0b\r\nContent-Length: 2\r\n\r\n{}"), "unknown"),
    Case("a lone CR in a header", closed(OK + b"X-A: a\rX-B: b\r\nContent-Length: 2\r\n\r\n{}"), "unknown"),
    Case("a header without a name", closed(OK + b": x\r\nContent-Length: 2\r\n\r\n{}"), "unknown"),
    Case("a header without a colon", closed(OK + b"nothing\r\nContent-Length: 2\r\n\r\n{}"), "unknown"),
    Case("a space before the colon", closed(OK + b"Content-Length : 2\r\n\r\n{}"), "ok", {}),
    Case("a header that goes on", closed(OK + b"X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{}"), "ok", {}),
    # bodies that should not be there: what stands behind an answer puts it in doubt
    Case("204 with a body", whole(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}"), "unknown"),
    Case("205 with nothing", whole(b"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n"), "ok", None),
    Case("304 with a body", whole(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n{}"), "unknown"),
    Case("HEAD with a body", ok(b"[1]"), "unknown", method="HEAD"),
    Case("HEAD", whole(OK + b"Content-Length: 99\r\n\r\n"), "ok", None, "HEAD"),
    Case("304", whole(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"), "refused", "answered 304"),
    Case("a redirect to another host", whole(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.9:1/\r\nContent-Length: 0\r\n\r\n"), "refused", "answered 302"),
    # bodies
    Case("99 levels", ok(b"[" * 99 + b"]" * 99), "ok"),
    Case("101 levels", ok(b"[" * 101 + b"]" * 101), "unknown", "nested too deep"),
    Case("a million levels", ok(b"[" * 1_000_000), "unknown", "nested too deep"),
    Case("NaN", ok(b'{"a": NaN}'), "unknown", "not JSON"),
    Case("Infinity", ok(b"-Infinity"), "unknown", "not JSON"),
    Case("1e400", ok(b"1e400"), "ok"),
    Case("1e999999999", ok(b"1e999999999"), "unknown", "not JSON"),
    Case("5,000 digits", ok(b"9" * 5000), "unknown", "not JSON"),
    Case("a name twice", ok(b'{"a": 1, "a": 2}'), "ok", {"a": 2}),
    Case("half a surrogate pair", ok(b'"\\ud800"'), "unknown", "not JSON"),
    Case("a mark of byte order", ok(b"\xef\xbb\xbf[1]"), "ok", [1]),
    Case("UTF-16", ok("[1]".encode("utf-16")), "ok", [1]),
    Case("JSON that is not UTF-8", ok('["é"]'.encode("latin-1")), "unknown", "not JSON"),
    Case("a charset of its own", ok("č".encode("iso8859-2"), media="text/plain; charset=iso-8859-2"), "ok", "č"),
    Case("another charset than it says", ok("é".encode("latin-1"), media="text/plain; charset=utf-8"), "ok", "é"),
    Case("a charset nobody knows", ok(b"x", media="text/plain; charset=klingon"), "ok", "x"),
    Case("a charset that unpacks", ok(b"x", media="text/plain; charset=zlib"), "ok", "x"),
    Case("HTML that says it is JSON", ok(b"<html>"), "unknown", "not JSON"),
    Case("cut JSON", ok(b'{"id": "a'), "unknown", "not JSON"),
]  # fmt: skip


ENDS_BY_THE_TIMEOUT = (
    "a head drips", "a status line drips", "a body drips", "a body in chunks drips", "a refusal drips", "the head is all there is",
    "empty chunk extensions never end", "shorter than announced, and open", "continue, and nothing more", "continue for ever", "hints for ever",
)  # fmt: skip


async def attempt(
    fault: Fault, method: str, *, times_out: bool = False
) -> tuple[Observation, Service]:
    async with service(fault) as there, client() as http:
        request = Request(method, f"{there.url}/things", (), ("{}",) if method == "POST" else None)
        sending = asyncio.create_task(
            http.send(request, secrets={}, timeout_seconds=TIMEOUT_SECONDS, fresh=method == "POST")
        )
        if times_out:
            await fault.came.wait()
            await skip(TIMEOUT_SECONDS)
        return await sending, there


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_service_is_its_row(case: Case, counts: Counts) -> None:
    fault, times_out = case.fault(), case.name in ENDS_BY_THE_TIMEOUT
    seen, there = run_hastily(attempt(fault, case.method, times_out=times_out))

    assert fault.struck, "the fault never struck"
    assert len(there.heads) == 1, "it was asked more than once"
    outcome = seen_as(seen, service="plain")
    assert row_of(outcome) == case.row, outcome
    match outcome:
        case Ok(body=body):
            assert case.says in ("", body)
        case Unknown(failure=failure) | Refused(failure=failure):
            assert str(case.says) in failure.message
    ended_by_it = " within " in str(seen)
    assert ended_by_it == times_out, "ended by the timeout, and by nothing else, or the reverse"
    counts.add("hostile services, each its row", 1)


HEAVY = ("a gzip bomb", "a deflate bomb", "headers never end", "one header never ends", "the status line never ends",
         "the body never ends", "chunks never end", "trailers never end", "empty chunk extensions never end",
         "continue for ever", "a million levels", "5,000 digits")  # fmt: skip


@pytest.mark.parametrize("case", [c for c in CASES if c.name in HEAVY], ids=lambda case: case.name)
def test_what_comes_without_end_takes_little_memory(case: Case) -> None:
    async def story() -> int:
        async with service(case.fault()) as there, client() as http:
            tracemalloc.start()
            try:
                await http.send(
                    post(there.url), secrets={}, timeout_seconds=MEASURED_SECONDS, fresh=True
                )
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(story()) < MEMORY_BYTES_MAX


def test_all_that_are_heavy_are_there() -> None:
    assert {case.name for case in CASES} >= {*HEAVY, *ENDS_BY_THE_TIMEOUT}
    assert len({case.name for case in CASES}) == len(CASES)


RETRY_AFTER: list[tuple[str, Row, float | None]] = [
    ("2", "refused for now", 2.0),
    ("0", "refused for now", 0.0),
    ("-1", "refused for now", 0.0),
    ("1.5", "refused for now", 0.0),
    ("nan", "refused for now", 0.0),
    ("1e9", "refused for now", 0.0),
    ("٣", "refused for now", 0.0),
    ("soon", "refused for now", 0.0),
    ("9" * 20, "refused for now", 1e20),
    ("Wed, 21 Oct 2015 07:28:00 GMT", "refused for now", 0.0),
    ("Fri, 31 Dec 9999 23:59:59 GMT", "refused for now", None),
    ("Fri, 99 Dec 9999 23:59:59 GMT", "refused for now", 0.0),
]


@pytest.mark.parametrize(("value", "row", "seconds"), RETRY_AFTER)
def test_whatever_stands_in_retry_after_is_a_time_to_wait(
    value: str, row: Row, seconds: float | None
) -> None:
    raw = reply(b"{}", f"Retry-After: {value}".encode().decode("latin-1"), status="503 Busy")
    fault = says(raw)
    seen, _ = asyncio.run(attempt(fault, "POST"))
    outcome = seen_as(seen)
    assert fault.struck
    assert row_of(outcome) == row
    assert isinstance(outcome, Refused)
    if seconds is None:
        assert outcome.retry_after_seconds is not None
        assert outcome.retry_after_seconds > RETRY_AFTER_MAX_SECONDS
    else:
        assert outcome.retry_after_seconds == seconds


def test_no_header_that_comes_in_holds_a_line_of_its_own() -> None:
    raw = b"HTTP/1.1 200 OK\r\nX-\xc3\xa9: \xff\x1b[31m\r\nX-T:\t\ta\t\r\nContent-Length: 0\r\n\r\n"
    seen, _ = asyncio.run(attempt(says(raw), "POST"))
    match seen:
        case Answer(headers=headers):
            assert all(not set(f"{name}{value}") & set("\r\n\0") for name, value in headers)
        case _:
            assert isinstance(seen, Lost)


# --- one connection, several requests ------------------------------------------------------------------


def test_an_idle_connection_that_the_service_has_closed_is_not_used() -> None:
    async def story() -> None:
        async with (
            service(says_and_closes(reply(b"[1]")), reply(b"[2]")) as there,
            client() as http,
        ):
            first = await http.send(
                Request("GET", there.url), secrets={}, timeout_seconds=5, fresh=False
            )
            await asyncio.sleep(0.1)  # the close arrives
            second = await http.send(post(there.url), secrets={}, timeout_seconds=5, fresh=False)
            assert isinstance(first, Answer)
            assert isinstance(second, Answer)
            assert (first.body, second.body, there.connections) == ([1], [2], 2)

    asyncio.run(story())


@pytest.mark.parametrize("after", [None, 0.05], ids=["at once", "later"])
@pytest.mark.parametrize("status", ["200 OK", "409 Conflict"])
def test_an_answer_that_nobody_asked_for_is_nobodys(after: float | None, status: str) -> None:
    """It would be taken for the answer to the next request on that connection."""

    async def story() -> None:
        forging = forges_a_second_answer(
            reply(b'"mine"'), reply(b'"forged"', status=status), after=after
        )
        async with service(forging, reply(b'"yours"')) as there, client() as http:
            first = await http.send(
                Request("GET", there.url), secrets={}, timeout_seconds=5, fresh=False
            )
            await asyncio.sleep(0.2)
            second = await http.send(post(there.url), secrets={}, timeout_seconds=5, fresh=False)
            assert forging.struck
            assert isinstance(first, Answer)
            assert first.body == "mine"
            assert isinstance(second, Answer), second
            assert (second.body, there.connections) == ("yours", 2)

    asyncio.run(story())


def test_what_stands_behind_an_answer_is_not_the_next_one() -> None:
    """A length that is too short turns the rest of a body into an answer of its own."""

    async def story() -> None:
        short = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + reply(b'"forged"')
        async with service(says(short), reply(b'"yours"')) as there, client() as http:
            await http.send(Request("GET", there.url), secrets={}, timeout_seconds=5, fresh=False)
            second = await http.send(post(there.url), secrets={}, timeout_seconds=5, fresh=False)
            assert isinstance(second, Answer)
            assert second.body == "yours"

    asyncio.run(story())


def test_not_sent_needs_no_service() -> None:
    async def story() -> Observation:
        async with client() as http:
            return await http.send(
                post("http://no-such-host.invalid"), secrets={}, timeout_seconds=20, fresh=True
            )

    seen = asyncio.run(story())
    assert isinstance(seen, NotSent)
    assert row_of(seen_as(seen)) == "not sent"
