"""Bodies: bounded, unpacked, exact; or a problem, never an exception."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterable
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.values import Json
from flowdsl.world.network.body import BODY_BYTES_MAX, Whole, decode, read_whole
from flowdsl.world.network.through_httpx import HttpxResponse


class Chunks(httpx.AsyncByteStream):
    def __init__(self, chunks: Iterable[bytes | Exception]) -> None:
        self._chunks = list(chunks)
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            self.taken += 1
            yield chunk


def read(*chunks: bytes | Exception, is_head: bool = False, **headers: str) -> Whole:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.Response(200, headers=named, stream=Chunks(chunks))
    return asyncio.run(read_whole(HttpxResponse(response), is_head=is_head))


PACKED = gzip.compress(b'{"a": 1}')
BROKEN = httpx.ReadError("gone")

WHOLES: list[tuple[Whole, Whole]] = [
    (read(b"ab", b"c"), Whole(b"abc")),
    (read(), Whole()),
    (read(b"abc", content_length="3"), Whole(b"abc")),
    (read(b"abc", content_length="4"), Whole(problem="cut")),
    (read(b"abc", content_length="3x"), Whole(b"abc")),
    (read(b"a", BROKEN), Whole(problem="cut")),
    (read(b"a", ConnectionResetError()), Whole(problem="cut")),
    (read(content_length="100", is_head=True), Whole()),
    (read(content_length=str(BODY_BYTES_MAX + 1)), Whole(problem="too large (8 MiB)")),
    (read(PACKED, content_encoding="gzip"), Whole(b'{"a": 1}')),
    (read(PACKED[:5], PACKED[5:], content_encoding="GZIP"), Whole(b'{"a": 1}')),
    (read(zlib.compress(b"x"), content_encoding="deflate"), Whole(b"x")),
    (read(PACKED[:-3], content_encoding="gzip"), Whole(problem="cut")),
    (read(b"no gzip", content_encoding="gzip"), Whole(problem="compressed: not gzip")),
    (read(content_encoding="gzip"), Whole()),
    (read(b"...", content_encoding="br"), Whole(problem="compressed: br")),
    (read(content_encoding="br"), Whole()),
    (read(b"abc", content_encoding="identity"), Whole(b"abc")),
]


@pytest.mark.parametrize(("whole", "expected"), WHOLES)
def test_a_body_is_read_whole_or_has_a_problem(whole: Whole, expected: Whole) -> None:
    assert whole == expected


def test_a_body_of_the_largest_size_is_read() -> None:
    assert len(read(b"x" * BODY_BYTES_MAX).content) == BODY_BYTES_MAX


def test_reading_stops_at_the_limit() -> None:
    chunks = Chunks([b"x" * 1024 * 1024] * 20)
    whole = asyncio.run(read_whole(HttpxResponse(httpx.Response(200, stream=chunks))))
    assert (whole.problem, chunks.taken) == ("too large (8 MiB)", 9)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000)
    assert len(bomb) < 250_000
    assert read(bomb, content_encoding="gzip") == Whole(problem="too large (8 MiB)")


NOT_JSON = "not JSON"
DEEP = "not JSON: nested too deep"

VALUES: list[tuple[bytes, str, Json, str | None]] = [
    (b"", "application/json", None, None),
    (b"", "text/plain", None, None),
    (b"null", "application/json", None, None),
    (b'{"a": [1, 2.50, "x"]}', "application/json", {"a": [1, Decimal("2.50"), "x"]}, None),
    (b"1", "Application/JSON; charset=utf-8", 1, None),
    (b"1", "application/problem+json", 1, None),
    (b"\xef\xbb\xbf1", "application/json", 1, None),
    (b"1", "text/plain", "1", None),
    (b"1", "", "1", None),
    (b"\xff", "text/plain", "ÿ", None),
    (b"12345678901234567890123", "application/json", 12345678901234567890123, None),
    (b"<html>", "application/json", "<html>", NOT_JSON),
    (b"<" * 5000, "application/json", None, NOT_JSON),
    (b" ", "application/json", " ", NOT_JSON),
    (b"NaN", "application/json", "NaN", NOT_JSON),
    (b"1e999999999", "application/json", "1e999999999", NOT_JSON),
    (b"1e-9" + b"9" * 30, "application/json", "1e-9" + "9" * 30, NOT_JSON),
    (b"1" * 5000, "application/json", None, NOT_JSON),
    (b"0." + b"1" * 5000, "application/json", None, NOT_JSON),
    (b'"\xff"', "application/json", '"ÿ"', NOT_JSON),
    (b'"\\ud800"', "application/json", '"\\ud800"', NOT_JSON),
    (b"[" * 99 + b"1" + b"]" * 99, "text/plain", "[" * 99 + "1" + "]" * 99, None),
    (b"[" * 101 + b"]" * 101, "application/json", None, DEEP),
    (b'{"a":' * 101 + b"1" + b"}" * 101, "application/json", None, DEEP),
    (b"[" * 1_000_000, "application/json", None, DEEP),
]


@pytest.mark.parametrize(("content", "media", "value", "problem"), VALUES)
def test_a_body_becomes_a_value(
    content: bytes, media: str, value: Json, problem: str | None
) -> None:
    assert decode(content, media) == (value, problem)


def test_decimals_keep_their_digits_and_no_float_comes_out() -> None:
    value, _ = decode(b"[420.10, 1e2, 0.1, -0.0]", "application/json")
    assert isinstance(value, list)
    assert [str(item) for item in value] == ["420.10", "1E+2", "0.1", "-0.0"]
    assert all(isinstance(item, Decimal) for item in value)


@given(st.binary())
def test_any_bytes_are_a_value_or_a_problem(content: bytes) -> None:
    for media in ("application/json", "text/plain"):
        value, problem = decode(content, media)
        assert problem is None or problem.startswith("not JSON")
        assert not isinstance(value, float)
