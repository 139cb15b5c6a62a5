"""JSON text ⇄ values. Numbers with a point are Decimal both ways. The only importer of msgspec's JSON codec."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from flowdsl.plan.values import Json

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


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
