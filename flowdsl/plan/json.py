"""JSON text ⇄ values. Numbers with a point are Decimal both ways. The only importer of msgspec's JSON codec."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from flowdsl.plan.values import Json


def exact(text: str) -> Decimal:
    """A number with a point or an exponent, every digit kept. ValueError where no decimal can hold it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number out of range") from None


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=exact)


def to_bytes(value: Json) -> bytes:
    """Compact UTF-8 JSON. Raises ValueError for what JSON cannot say."""
    try:
        return _ENCODER.encode(value)
    except (TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise ValueError(str(error)) from error


def to_text(value: Json) -> str:
    return to_bytes(value).decode()


def from_bytes(text: bytes | str) -> Json:
    """The value of a JSON text. Raises ValueError where it is none."""
    try:
        value: Json = _DECODER.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    return value
