"""The body of an answer: read to the end or to the limit, unpacked, and made JSON, all of it bounded."""

from __future__ import annotations

import zlib
from decimal import Decimal

from msgspec import Struct

from flowdsl.plan.json import TooDeep, decoder, exact
from flowdsl.plan.values import Json
from flowdsl.world.network.charset import codec_of, text_of
from flowdsl.world.network.passage import Broken, IncomingResponse, header

BODY_BYTES_MAX = 8 * 1024 * 1024
DEPTH_MAX = 100
DIGITS_MAX = 4300
SHOWN_BYTES_MAX = 4 * 1024

CUT = "cut"
TOO_LARGE = "too large (8 MiB)"
NO_MEMORY = "too large for the memory there is"
COMPRESSED = "compressed"
NOT_JSON = "not JSON"


class Whole(Struct, frozen=True):
    """All bytes of a body, or why there are not all."""

    content: bytes = b""
    problem: str | None = None


async def read_whole(response: IncomingResponse, *, is_head: bool = False) -> Whole:
    """We ask for no compression; who compresses anyway is understood, within the same limit."""
    announced = _announced(response)
    if is_head:
        return Whole()
    if announced is not None and announced > BODY_BYTES_MAX:
        return Whole(problem=TOO_LARGE)
    coding = header(response.headers, b"content-encoding").strip().lower()
    unpack = _Inflater() if coding in ("gzip", "x-gzip", "deflate") else _Plain()
    received, content = 0, bytearray()
    try:
        async for chunk in response.chunks():
            received += len(chunk)
            content += unpack.take(chunk, BODY_BYTES_MAX + 1 - len(content))
            if max(received, len(content)) > BODY_BYTES_MAX:
                return Whole(problem=TOO_LARGE)
    except zlib.error:
        return Whole(problem=f"{COMPRESSED}: not {coding}")
    except Broken:
        return Whole(problem=CUT)
    if (announced is not None and received < announced) or (received and not unpack.ended):
        return Whole(problem=CUT)
    if content and coding not in ("", "identity") and isinstance(unpack, _Plain):
        return Whole(problem=f"{COMPRESSED}: {coding if len(coding) <= 40 else 'nobody knows how'}")
    return Whole(bytes(content))


def decode(content: bytes, content_type: str) -> tuple[Json, str | None]:
    """The value, and why it is none: JSON if it says so, else text; nothing is null."""
    if not content:
        return None, None
    media = content_type.partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        return text_of(content, content_type), None
    try:
        codec, rest = codec_of(content, content_type)
        value = _read_json(rest if codec == "utf_8" else rest.decode(codec))
    except TooDeep:
        return None, f"{NOT_JSON}: nested too deep"
    except ValueError:
        # Shown whole or not at all: half a secret at the edge could not be recognised.
        short = len(content) <= SHOWN_BYTES_MAX
        return text_of(content, content_type) if short else None, NOT_JSON
    if _is_deeper(value, DEPTH_MAX):
        return None, f"{NOT_JSON}: nested too deep"
    return value, None


class _Plain:
    ended = True

    def take(self, chunk: bytes, _limit: int) -> bytes:
        return chunk


class _Inflater:
    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever it turns out to be

    @property
    def ended(self) -> bool:
        return self._stream.eof

    def take(self, chunk: bytes, limit: int) -> bytes:
        content = self._stream.decompress(chunk, limit)
        if self._stream.unused_data:
            raise zlib.error("something stands behind the end")
        return content


def _announced(response: IncomingResponse) -> int | None:
    text = header(response.headers, b"content-length")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _number(text: str) -> Decimal:
    # 1e999999999 is nine digits to write and a gigabyte to work with.
    number = exact(text)
    if len(text) > DIGITS_MAX or abs(number.adjusted()) > DIGITS_MAX:
        raise ValueError("a number out of range")
    return number


_read_json = decoder(_number)


def _is_deeper(value: Json, levels: int) -> bool:
    match value:
        case list():
            return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)
        case dict():
            return levels == 0 or any(_is_deeper(item, levels - 1) for item in value.values())
        case _:
            return False
