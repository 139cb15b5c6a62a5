"""From a spelling of a secret's value to its name, and back: what is written down in place of the value.

A spelling is a chain of encodings with `+` between, applied to the value from left to right (`upper+percent`). Who finds a
piece looks for a chain that gives exactly that piece; a later life applies the chain to the value it was given.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from urllib.parse import quote, quote_plus

from flowdsl.plan.json import to_text
from flowdsl.plan.masked import BARE, LOST, Parts, StandIn, value_name

Encoding = Callable[[str], str]
Inside = Callable[[str], Parts]  # the parts of a text that was found within another

NUMBER = "number"  # JSON, and not text: the value as a number, `:` and how many digits it has behind its point
OBJECT = "object"  # JSON, and not text: an object with a secret in the name of a field

_HEX_LETTERS = re.compile("%[0-9A-F]{2}")


def _in_small(encode: Encoding) -> Encoding:
    return lambda text: _HEX_LETTERS.sub(lambda found: found[0].lower(), encode(text))


def _percent(safe: str) -> Encoding:
    return lambda text: quote(text, safe=safe, errors="surrogateescape")


def _percent_spaced(text: str) -> str:
    return quote_plus(text, errors="surrogateescape")


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _json_plain(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _html_quotes(text: str) -> str:
    return html.escape(text, quote=False).replace('"', "&#34;").replace("'", "&#39;")


def _html_numbered(text: str) -> str:
    return re.sub("[&<>'\"]", lambda found: f"&#{ord(found[0])};", text)


def _hex(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").hex()


_CASES: Mapping[str, Encoding] = MappingProxyType({"lower": str.lower, "upper": str.upper})
_ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        "percent": _percent(""),
        "percent-path": _percent("/"),
        "percent-component": _percent("!'()*~"),
        "percent-form": _percent_spaced,
        "percent-small": _in_small(_percent("")),
        "percent-path-small": _in_small(_percent("/")),
        "percent-component-small": _in_small(_percent("!'()*~")),
        "percent-form-small": _in_small(_percent_spaced),
        "json": _json,
        "json-plain": _json_plain,
        "json-slash": lambda text: _json(text).replace("/", "\\/"),
        "json-upper": lambda text: re.sub(
            r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), _json(text)
        ),
        "html": html.escape,
        "html-text": lambda text: html.escape(text, quote=False),
        "html-quotes": _html_quotes,
        "html-numbered": _html_numbered,
        "hex": _hex,
        "hex-upper": lambda text: _hex(text).upper(),
        "latin-1": lambda text: text.encode("latin-1", "replace").decode("utf-8", "replace"),
        "read-as-latin-1": lambda text: text.encode("utf-8", "surrogateescape").decode("latin-1"),
        "utf-16": "\0".join,
        BARE: str,
    }
)
_BY_NAME: Mapping[str, Encoding] = MappingProxyType({**_CASES, **_ENCODINGS})


def name_spelling(value: str, piece: str) -> str | None:
    """The chain that makes `piece` of `value`; None where none of those that are known does."""
    if piece == value:
        return ""
    if (cased := _cased(value, piece)) is not None:
        return cased
    bases = {"": value} | {name: change(value) for name, change in _CASES.items()}
    for base, text in bases.items():
        for name, encode in _ENCODINGS.items():
            once = encode(text)
            for times in range(1, 4):
                if once == piece:
                    return "+".join(filter(None, (base, *[name] * times)))
                once = encode(once)
    return None


def _cased(value: str, piece: str) -> str | None:
    """`case:HEX`: a bit for each letter that is large where the value's is small, or small where it is large."""
    for name, change in _CASES.items():
        if change(value) == piece:
            return name
    if len(value) != len(piece):
        return None
    bits = 0
    for place, (one, other) in enumerate(zip(value, piece, strict=True)):
        if one != other:
            if one.swapcase() != other:
                return None
            bits |= 1 << place
    return f"case:{bits:x}"


def spell(value: str, spelling: str) -> str | None:
    """The value in this spelling; None where a newer flowdsl wrote it."""
    for name in filter(None, spelling.split("+")):
        if name.startswith("case:"):
            bits = int(name[5:], 16)
            value = "".join(
                letter.swapcase() if bits >> place & 1 else letter
                for place, letter in enumerate(value)
            )
        elif name in _BY_NAME:
            value = _BY_NAME[name](value)
        else:
            return None
    return value


def number_spelling(value: str, number: int | Decimal) -> str:
    """How a number that equals the value is written again from it."""
    if isinstance(number, int):
        return NUMBER
    exponent = number.as_tuple().exponent
    scaled = f"{NUMBER}:{exponent}"
    return scaled if to_text(spell_number(value, scaled)) == to_text(number) else LOST


def spell_number(value: str, spelling: str) -> int | Decimal | None:
    """The value as a number; None where it is none, or a newer flowdsl wrote the spelling."""
    _, _, exponent = spelling.partition(":")
    try:
        number = Decimal(value)
        if not exponent:
            return int(number) if number == int(number) else None
        return number.quantize(Decimal((0, (1,), int(exponent))))
    except (ArithmeticError, ValueError):
        return None


# --- base64: what was encoded may be more than the value ----------------------------------------------


def in_base64(name: str, piece: str, value: str, inside: Inside) -> Iterator[str | StandIn]:
    """The letters of base64 around a value: what they encode is looked into, and encoded again when it is restored."""
    raw = value.encode("utf-8", "surrogateescape")
    kind = "base64url" if "-" in piece or "_" in piece else "base64"
    bare = piece.rstrip("=").replace("-", "+").replace("_", "/")
    for start in range(min(4, len(bare))):
        for stop in (len(bare), len(bare) - 1):
            try:
                octets = base64.b64decode(bare[start:stop] + "=" * (-(stop - start) % 4))
            except ValueError:
                continue
            text = octets.decode("utf-8", "surrogateescape")
            end = piece[stop:] if stop < len(bare) else ""
            whole = piece[start:] if stop == len(bare) else piece[start:stop]
            spelling = kind if whole.endswith("=") or len(whole) % 4 == 0 else f"{kind}-bare"
            if raw in octets and _encoded(text, spelling) == whole:
                if start:
                    yield piece[:start]
                yield StandIn(name, spelling, inside(text))
                if end:
                    yield end
                return
    yield StandIn(name, LOST)


def _encoded(text: str, spelling: str) -> str | None:
    kind, _, bare = spelling.partition("-")
    if kind not in ("base64", "base64url"):
        return None
    octets = text.encode("utf-8", "surrogateescape")
    encode = base64.urlsafe_b64encode if kind == "base64url" else base64.b64encode
    letters = encode(octets).decode()
    return letters.rstrip("=") if bare else letters


def restore(parts: Parts, values: Mapping[str, str]) -> str | None:
    """The text as it was. `values` by the names of secrets (`NAME`, and `NAME#1` for a part of one); None: it is lost."""
    texts: list[str] = []
    for part in parts:
        text = part if isinstance(part, str) else _restored(part, values)
        if text is None:
            return None
        texts.append(text)
    return "".join(texts)


def _restored(one: StandIn, values: Mapping[str, str]) -> str | None:
    if one.spelling == LOST:
        return None
    if one.inner:
        inner = restore(one.inner, values)
        return inner if inner is None or one.spelling == OBJECT else _encoded(inner, one.spelling)
    value = values.get(value_name(one.secret, one.part))
    return None if value is None else spell(value, one.spelling)
