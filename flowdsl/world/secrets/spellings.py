"""How a value may be spelled by who says it back, and the search for it in two steps: a quick look, which for nearly all
text says no and is wrong on the safe side only, and a thorough one, which cuts out what it finds.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cached_property
from html import unescape
from urllib.parse import unquote_to_bytes

from msgspec import Struct

FOUND_IN_BASE64_FROM = 6
PERCENT_ENCODED_TIMES_MAX = 4
SHORT = (
    ("n", "\n"),
    ("r", "\r"),
    ("t", "\t"),
    ("b", "\b"),
    ("f", "\f"),
)  # behind a backslash, in JSON
HTML = (("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("nbsp", "\xa0"))
JSON_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
BASE64_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_="


class Read:
    """A text as who looks for something in it reads it; each reading is made when it is asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lower(self) -> str:
        return self.text.lower()

    @cached_property
    def base64(self) -> str:
        return self.text.replace("-", "+").replace("_", "/")

    @cached_property
    def unescaped(self) -> list[tuple[str, str]]:
        """Of JSON and HTML, each with its small letters; none where nothing is escaped."""
        if "\\" not in self.text and "&" not in self.text:
            return []
        bare = self.text.replace("\\", "")
        decoded = JSON_ESCAPE.sub(_character, self.text).replace("\\", "")
        decoded = decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        further = (unescape(bare), unescape(decoded))
        readings = (bare, decoded, *(reading.replace("\\", "") for reading in further))
        return [(reading, reading.lower()) for reading in readings]

    @cached_property
    def unquoted(self) -> list[tuple[bytes, str]]:
        """Of URLs, however often they were encoded, each with its small letters; none where nothing is."""
        if "%" not in self.text and "+" not in self.text:
            return []
        octets = self.text.encode("utf-8", "surrogatepass")
        found = []
        for _ in range(PERCENT_ENCODED_TIMES_MAX):
            octets = unquote_to_bytes(octets)
            spaced = _spaced(octets)
            found.append((spaced, spaced.decode("utf-8", "replace").lower()))
            if b"%" not in octets:
                break
        return found


class Spelled(Struct, frozen=True):
    """A stretch of text in which a value was found. `is_base64`: it may hold more than that."""

    text: str
    is_base64: bool = False


class Sought:
    """One value: `name` is its secret's, and `part` says which of its parts it is, 0 for all of it."""

    def __init__(self, value: str, name: str, part: int = 0) -> None:
        self.value = value
        self.name = name
        self.part = part
        self._plain = (value, *_misread(value))
        self._lower = value.lower()
        self._hex = value.encode("utf-8", "surrogateescape").hex()
        self._base64 = tuple(_base64_letters(value))
        self._bare = [(text, text.lower()) for text in _bare_spellings(value)]
        self._octets = _spaced(value.encode("utf-8", "surrogatepass"))
        self._spaced = value.lower().replace("+", " ")
        self.shortest = min(map(len, self._plain))

    @cached_property
    def _passes(self) -> list[_Pass]:
        return [
            _Pass(_literal_forms(self.value)),
            _Pass(_escaped_forms(self.value), needs="\\&"),
            _Pass(_percent_forms(self.value), needs="%+"),
            _Pass(_base64_forms(self.value), around=BASE64_LETTERS),
        ]

    def may_stand_in(self, read: Read) -> bool:
        return (
            any(value in read.text for value in self._plain)
            or self._lower in read.lower
            or self._hex in read.lower
            or any(letters in read.base64 for letters in self._base64)
            or any(
                value in reading or small in lower
                for reading, lower in read.unescaped
                for value, small in self._bare
            )
            or any(
                self._octets in octets or self._spaced in lower for octets, lower in read.unquoted
            )
        )

    def cut(self, text: str) -> list[str | Spelled]:
        """The text, with what was found of the value as pieces of their own."""
        parts: list[str | Spelled] = [text]
        for one in self._passes:
            parts = [
                new
                for part in parts
                for new in ([part] if isinstance(part, Spelled) else one.cut(part))
            ]
        return parts


class _Pass:
    """One way over a text, of use where any of the characters that it `needs` is there. What is found goes with the letters `around` it."""

    def __init__(self, forms: Iterator[str], *, needs: str = "", around: str = "") -> None:
        self._pattern = re.compile("|".join(forms))
        self._needs = needs
        self._around = frozenset(around)

    def cut(self, text: str) -> list[str | Spelled]:
        if self._needs and not any(character in text for character in self._needs):
            return [text]
        parts: list[str | Spelled] = []
        end = 0
        while found := self._pattern.search(text, end):
            start, stop = found.span()
            while start > end and text[start - 1] in self._around:
                start -= 1
            while stop < len(text) and text[stop] in self._around:
                stop += 1
            if start > end:
                parts.append(text[end:start])
            parts.append(Spelled(text[start:stop], is_base64=bool(self._around)))
            end = stop
        if end < len(text):
            parts.append(text[end:])
        return parts


def _literal_forms(value: str) -> Iterator[str]:
    """As it is, in large letters or small; as a service sees it that reads it, or writes it, in another charset; in hex."""
    raw = value.encode("utf-8", "surrogateescape")
    yield f"(?i:{re.escape(value)})"
    yield from (re.escape(text) for text in _misread(value))
    if len(raw) >= FOUND_IN_BASE64_FROM:
        yield f"(?i:{raw.hex()})"


def _misread(value: str) -> set[str]:
    latin = value.encode("latin-1", "replace").decode("utf-8", "replace")
    as_latin = value.encode("utf-8", "surrogateescape").decode("latin-1")
    return {latin, as_latin, "\0".join(value)} - {value}


def _cases(character: str) -> list[str]:
    """Large and small, where that is one character too."""
    forms = (character, character.lower(), character.upper())
    return list(dict.fromkeys(form for form in forms if len(form) == 1))


def _escaped_forms(value: str) -> Iterator[str]:
    """Each character as it is, or escaped as in JSON (once or more) or HTML."""
    yield "".join(map(_escaped_form, re.findall(r"\\+|[^\\]", value)))


def _escaped_form(piece: str) -> str:
    if piece[0] == "\\":
        entity = r"\\++u005(?i:c)|&#0*92;|&#(?i:x0*5c);"
        return rf"(?:(?:{entity}){{{len(piece)}}}|\\{{{len(piece)},}}+)"
    forms = [form for character in _cases(piece) for form in _escapes(character)]
    forms += [f"&{name};" for name, character in HTML if character == piece]
    forms += [rf"\\*+{letter}" for letter, character in SHORT if character == piece]
    return f"(?:{'|'.join(forms)})"


def _escapes(character: str) -> Iterator[str]:
    is_plain = character.isascii() and character.isalnum()
    yield character if is_plain else rf"\\*+{re.escape(character)}"
    units = character.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    yield "".join(rf"\\++u(?i:{unit})" for unit in units)
    yield f"&#0*{ord(character)};"
    yield f"&#(?i:x)0*(?i:{ord(character):x});"


def _percent_forms(value: str) -> Iterator[str]:
    """Each character as it is or percent-encoded, once or more: who encodes chooses which."""
    yield "".join(map(_percent_form, value))


def _percent_form(piece: str) -> str:
    forms = [form for character in _cases(piece) for form in _percents(character)]
    return f"(?:{'|'.join(forms)}{'|[+]' if piece == ' ' else ''})"


def _percents(character: str) -> Iterator[str]:
    octets = character.encode("utf-8", "surrogateescape")
    yield re.escape(character)
    yield "".join(f"%(?:25)*(?i:{octet:02x})" for octet in octets)


def _bare_spellings(value: str) -> set[str]:
    """Without backslashes: of an escaped end of line, the letter is left."""
    bare = value.replace("\\", "")
    return {bare, bare.translate({ord(character): letter for letter, character in SHORT})}


def _spaced(octets: bytes) -> bytes:
    return octets.replace(b"+", b" ")


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _base64_forms(value: str) -> Iterator[str]:
    """At its three places behind other bytes, as in `Basic user:password`: the letters it alone decides."""
    for letters in _base64_letters(value):
        yield re.escape(letters).replace(r"\+", "[+-]").replace("/", "[/_]")


def _base64_letters(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogateescape")
    for shift in range(3 if len(raw) >= FOUND_IN_BASE64_FROM else 1):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        undecided = 1 if (shift + len(raw)) % 3 else 0
        yield encoded[shift + (shift > 0) : len(encoded) - undecided]
