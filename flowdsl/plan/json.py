"""JSON text ⇄ values. Numbers with a point are Decimal both ways. The only importer of the JSON library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

import msgspec

from flowdsl.plan.masked import Masked
from flowdsl.plan.values import Json


def exact(text: str) -> Decimal:
    """A number with a point or an exponent, every digit kept. ValueError where no decimal can hold it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number out of range") from None


class TooDeep(ValueError):
    """JSON that is nested beyond what can be read."""


_WIDE = re.compile(r"[^\x00-\x7f]+")
_HALF = re.compile(r"[\ud800-\udfff]")


def writer(masked: Callable[[object], object]) -> Callable[[Json], bytes]:
    """A writer of compact UTF-8 JSON; `masked` says what is written of a `Masked` text, or raises."""
    encode = msgspec.json.Encoder(decimal_format="number", enc_hook=masked).encode

    def write(value: Json) -> bytes:
        """Raises ValueError for what JSON cannot say."""
        try:
            return encode(value)
        except (TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
            raise ValueError(str(error)) from error

    return write


def _marks(value: object) -> str:
    if isinstance(value, Masked):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


to_bytes = writer(_marks)


def to_text(value: Json) -> str:
    return to_bytes(value).decode()


def to_ascii(value: Json) -> str:
    """JSON that every encoding can say."""
    return _WIDE.sub(lambda found: json.dumps(found[0])[1:-1], to_spelled_bytes(value).decode())


def to_spelled_bytes(value: Json) -> bytes:
    """As `to_bytes`, with halves of surrogate pairs spelled out, which JSON cannot say to everybody."""
    try:
        return to_bytes(value)
    except UnicodeEncodeError:
        return to_bytes(_spelled(value))


def spelled(text: str) -> str:
    r"""Bytes that are not UTF-8, in the name of a file, come as halves of surrogate pairs: `\xff`, as a shell has it."""
    return _HALF.sub(_half_spelled, text)


def _half_spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def _spelled(value: Json) -> Json:
    match value:
        case str():
            return spelled(value)
        case list():
            return [_spelled(item) for item in value]
        case dict():
            return {spelled(name): _spelled(item) for name, item in value.items()}
        case _:
            return value


def decoder(number: Callable[[str], Decimal]) -> Callable[[bytes | str], Json]:
    """A reader of JSON texts; `number` makes its numbers with a point, or refuses one with ValueError."""
    decode = msgspec.json.Decoder(float_hook=number).decode

    def read(text: bytes | str) -> Json:
        try:
            value: Json = decode(text)
        except RecursionError as error:
            raise TooDeep(str(error)) from error
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise ValueError(str(error)) from error
        return value

    return read


_decode = decoder(exact)


def from_bytes(text: bytes | str) -> Json:
    """The value of a JSON text. Raises ValueError where it is none."""
    return _decode(text)
