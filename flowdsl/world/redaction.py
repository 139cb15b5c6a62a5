"""Takes the values of secrets out of what came back, in every form in which a service may echo them.

Inside a longer text only values of four characters and more are looked for: a shorter one would be
found everywhere. As a text of its own a value is taken out whatever its length.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from html import unescape
from urllib.parse import unquote_to_bytes

from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation

FOUND_INSIDE_FROM = 4
FOUND_AS_NUMBER_FROM = 3
FOUND_IN_BASE64_FROM = 8
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


class Redaction:
    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._marks = {value: f"‹secret {name}›" for name, value in secrets.items() if value}
        # The longest first, so that none is cut in two by a shorter one.
        sought = sorted(
            (value for value in self._marks if len(value) >= FOUND_INSIDE_FROM),
            key=len,
            reverse=True,
        )
        self._sieve = _Sieve(sought)
        self._passes = [
            _Pass([(form, self._marks[value]) for value in sought for form in forms(value)], around)
            for forms, around in (
                (_literal_forms, ""),
                (_escaped_forms, ""),
                (_percent_forms, ""),
                (_base64_forms, BASE64_LETTERS),
            )
        ]

    def __repr__(self) -> str:
        return f"Redaction({', '.join(sorted(self._secrets))})"

    def covers(self, secrets: Mapping[str, str]) -> bool:
        return self._secrets == dict(secrets)

    def text(self, text: str) -> str:
        if text in self._marks:
            return self._marks[text]
        if not self._sieve.may_hold(text):
            return text
        for one in self._passes:
            text = one.clean(text)
        return text

    def json(self, value: Json) -> Json:
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.json(item) for item in value]
            case dict():
                return {self.text(name): self.json(item) for name, item in value.items()}
            case bool() | None:
                return value
            case int() | Decimal():
                return self._number(value)

    def observation(self, observation: Observation) -> Observation:
        if not self._marks:
            return observation
        match observation:
            case NotSent(reason) | Lost(reason):
                return replace(observation, reason=self.text(reason))
            case Answer(headers=headers, body=body, problem=problem):
                return replace(
                    observation,
                    headers=tuple(
                        (name, self.text(value))
                        for name, value in headers
                        if not self._is_in_name(name)
                    ),
                    body=self.json(body),
                    problem=None if problem is None else self.text(problem),
                )

    def _is_in_name(self, name: str) -> bool:
        """Names of headers are known in small letters only."""
        return any(len(v) >= FOUND_INSIDE_FROM and v.lower() in name for v in self._marks)

    def _number(self, number: int | Decimal) -> Json:
        digits = str(number)
        return self._marks.get(digits, number) if len(digits) >= FOUND_AS_NUMBER_FROM else number


class _Sieve:
    """Whether a secret may stand in a text: quick, for nearly all text holds none, and wrong on the safe side only."""

    def __init__(self, values: list[str]) -> None:
        self._plain = [text for value in values for text in (value, *_misread(value))]
        self._hex = [v.encode("utf-8", "surrogateescape").hex() for v in values]
        self._bare = [text for value in values for text in _bare_spellings(value)]
        self._octets = [_spaced(value.encode("utf-8", "surrogatepass")) for value in values]
        self._base64 = [letters for value in values for letters in _base64_letters(value)]
        self._shortest = min(map(len, self._plain), default=0)

    def may_hold(self, text: str) -> bool:
        if not self._plain or len(text) < self._shortest:
            return False
        for value in self._plain:
            if value in text:
                return True
        standard = text.replace("-", "+").replace("_", "/")
        for letters in self._base64:
            if letters in standard:
                return True
        return self._may_hold_escaped(text)

    def _may_hold_escaped(self, text: str) -> bool:
        lower = text.lower()
        for digits in self._hex:
            if digits in lower:
                return True
        if "\\" in text or "&" in text:
            bare = text.replace("\\", "")
            decoded = JSON_ESCAPE.sub(_character, text).replace("\\", "")
            decoded = decoded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            further = (unescape(bare), unescape(decoded))
            readings = (bare, decoded, *(reading.replace("\\", "") for reading in further))
            if any(value in reading for reading in readings for value in self._bare):
                return True
        if "%" in text or "+" in text:
            octets = _spaced(unquote_to_bytes(text.encode("utf-8", "surrogatepass")))
            return any(value in octets for value in self._octets)
        return False


class _Pass:
    """One way over a text. What is found is taken out with the letters `around` it."""

    def __init__(self, forms: list[tuple[str, str]], around: str) -> None:
        self._marks = [mark for _, mark in forms]
        self._pattern = re.compile("|".join(f"({form})" for form, _ in forms)) if forms else None
        self._around = frozenset(around)

    def clean(self, text: str) -> str:
        if self._pattern is None:
            return text
        parts: list[str] = []
        end = 0
        while found := self._pattern.search(text, end):
            start, stop = found.span()
            while start > end and text[start - 1] in self._around:
                start -= 1
            while stop < len(text) and text[stop] in self._around:
                stop += 1
            assert found.lastindex is not None
            parts += (text[end:start], self._marks[found.lastindex - 1])
            end = stop
        return "".join((*parts, text[end:]))


def _literal_forms(value: str) -> Iterator[str]:
    """As it is; as a service sees it that reads it, or writes it, in another charset; and in hex."""
    raw = value.encode("utf-8", "surrogateescape")
    yield re.escape(value)
    yield from (re.escape(text) for text in _misread(value))
    if len(raw) >= FOUND_IN_BASE64_FROM:
        yield f"(?i:{raw.hex()})"


def _misread(value: str) -> set[str]:
    latin = value.encode("latin-1", "replace").decode("utf-8", "replace")
    return {latin, "\0".join(value)} - {value}


def _escaped_forms(value: str) -> Iterator[str]:
    """Each character as it is, or escaped as in JSON (once or more) or HTML."""
    yield "".join(map(_escaped_form, re.findall(r"\\+|[^\\]", value)))


def _escaped_form(piece: str) -> str:
    if piece[0] == "\\":
        entity = r"\\++u005(?i:c)|&#0*92;|&#(?i:x0*5c);"
        return rf"(?:(?:{entity}){{{len(piece)}}}|\\{{{len(piece)},}}+)"
    if piece.isascii() and piece.isalnum():
        return piece
    units = piece.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
    forms = [re.escape(piece), r"\\++".join(f"u(?i:{unit})" for unit in units)]
    forms += [f"&#0*{ord(piece)};", f"&#(?i:x)0*(?i:{ord(piece):x});"]
    forms += [f"&{name};" for name, character in HTML if character == piece]
    forms += [letter for letter, character in SHORT if character == piece]
    return rf"\\*+(?:{'|'.join(forms)})"


def _percent_forms(value: str) -> Iterator[str]:
    """Each character as it is or percent-encoded: who encodes chooses which."""
    yield "".join(map(_percent_form, value))


def _percent_form(character: str) -> str:
    octets = character.encode("utf-8", "surrogateescape")
    encoded = "".join(f"%(?i:{octet:02x})" for octet in octets)
    plus = "|[+]" if character == " " else ""
    return f"(?:{re.escape(character)}|{encoded}{plus})"


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
