"""The values of secrets in what is written and shown: found in every form in which a service may echo them, and masked.

The data that a run works with are never touched. They are masked when they are written or shown, and what
was masked can be opened again by a process that has the secrets.

Inside a longer text only values of four characters and more are looked for: a shorter one would be
found everywhere. As a whole text, or a whole number, a value is found whatever its length. Parts of a value are
not known, but for those of one that is JSON, and what is left of one that is trimmed. Of a secret that has
changed since, only length and HMAC are known: it is looked for as a whole text and as a word.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.masked import ALL_HEADERS, BARE, LOST, Masked, Parts, StandIn, value_name
from flowdsl.plan.values import Json
from flowdsl.saga.events import Fingerprint
from flowdsl.world.secrets.restoring import (
    NUMBER,
    OBJECT,
    in_base64,
    name_spelling,
    number_spelling,
    restore,
    spell_number,
)
from flowdsl.world.secrets.spellings import Read, Sought, Spelled

FOUND_INSIDE_FROM = 4
NUMBER_CHARACTERS_MAX = 100

JSON_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|-?[0-9][0-9.eE+-]*', re.DOTALL)
WORDS = (re.compile(r"\S+"), re.compile(r"[^\s\"'`<>(){}\[\],;:=&?!]+"), re.compile(r"[^\W_]+"))


class _SoughtSecret(Struct, frozen=True):
    """A value that is looked for, and which secret's, or part of one, it is."""

    name: str
    part: int = 0


class Redaction:
    """`key` is the store's: seals are made with it. `older`: secrets of earlier lives of the run that are others now."""

    def __init__(
        self,
        secrets: Mapping[str, str],
        key: bytes = b"",
        older: Iterable[Fingerprint] = (),
    ) -> None:
        self._secrets = dict(secrets)
        self._key = key
        self._known: dict[str, _SoughtSecret] = {
            value: _SoughtSecret(name) for name, value in secrets.items() if value
        }
        for name, value in secrets.items():
            for number, part in enumerate(_parts(value), 1):
                self._known.setdefault(part, _SoughtSecret(name, number))
        self._values = {value_name(one.name, one.part): v for v, one in self._known.items()}
        self._values |= self._secrets
        self._numbers = {
            number: value
            for value, number in zip(self._known, map(_as_number, self._known), strict=True)
            if number is not None
        }
        # The longest first, so that none is cut in two by a shorter one.
        sought = sorted(
            (value for value in self._known if len(value) >= FOUND_INSIDE_FROM),
            key=len,
            reverse=True,
        )
        self._sought = [
            Sought(value, self._known[value].name, self._known[value].part) for value in sought
        ]
        self._shortest = min((one.shortest for one in self._sought), default=0)
        today = set(self.fingerprints())
        self._older = [one for one in dict.fromkeys(older) if one not in today]

    def __repr__(self) -> str:
        return f"Redaction({', '.join(sorted(self._secrets))})"

    def covers(self, secrets: Mapping[str, str]) -> bool:
        return self._secrets == dict(secrets)

    @property
    def is_idle(self) -> bool:
        """There is nothing to look for."""
        return not (self._known or self._older)

    def fingerprints(self) -> tuple[Fingerprint, ...]:
        """By which a later life knows whether a secret is still the same."""
        return tuple(
            Fingerprint(name, len(value), self.seal(value))
            for name, value in sorted(self._secrets.items())
            if value
        )

    # --- masking -------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        return self.masked(text, self.parts_of(text))

    def value(self, value: Json) -> Json:
        match value:
            case Masked():
                return value
            case str():
                return self.text(value)
            case list():
                return _same(value, [self.value(item) for item in value])
            case dict():
                return self._object(value)
            case bool() | None:
                return value
            case int() | Decimal():
                return self._number(value)

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        whole = self._whole(headers)
        if whole is not None:
            return {ALL_HEADERS: whole}
        return {name: self.text(value) for name, value in headers.items()}

    def _object(self, value: dict[str, Json]) -> Json:
        whole = self._whole(value)
        if whole is not None:
            return whole
        shown = {name: self.value(item) for name, item in value.items()}
        return value if all(shown[name] is item for name, item in value.items()) else shown

    def _whole(self, value: Mapping[str, Json]) -> Masked | None:
        """An object with a secret in the name of a field is masked as a whole: a name cannot be referred to."""
        for name in value:
            found = next((one for one in self.parts_of(name) if isinstance(one, StandIn)), None)
            if found is not None:
                text = to_text(dict(value))
                one = StandIn(found.secret, OBJECT, self.json_parts(text))
                return self._checked(Masked.of((one,), self.seal(text)), dict(value))
        return None

    def _number(self, number: int | Decimal) -> Json:
        try:
            value = self._numbers.get(Decimal(number))
        except InvalidOperation:
            value = None
        text = to_text(number)
        if value is None:
            old = self._older_one(text)
            return number if old is None else Masked.of((old,), "")
        known = self._known[value]
        spelling = number_spelling(value, number)
        one = StandIn(known.name, spelling, (), known.part)
        return self._checked(Masked.of((one,), self.seal(text)), number)

    def masked(self, text: str, parts: Parts) -> str:
        if isinstance(text, Masked) or not is_masked(parts):
            return text
        masked = Masked.of(parts, self.seal(text))
        checked = self._checked(masked, text)
        assert isinstance(checked, str), "what was text is shown as text"
        return checked

    def _checked(self, masked: Masked, value: Json) -> Masked:
        """Opened once before it is kept: what would come out as something else is lost, and says so."""
        if self.open(masked) == value:
            return masked
        parts = [
            StandIn(part.secret, LOST) if isinstance(part, StandIn) else part
            for part in masked.parts
        ]
        return Masked.of(tuple(parts), "")

    def parts_of(self, text: str) -> Parts:
        if isinstance(text, Masked) or self.is_idle:
            return (text,)
        known = self._known.get(text)
        if known is not None:
            return (StandIn(known.name, "", (), known.part),)
        return self.inside(text)

    def inside(self, text: str) -> Parts:
        """What is found within a text, the longest values first; then words that were a secret once."""
        parts: list[str | StandIn] = [text]
        if self._sought and len(text) >= self._shortest:
            read = Read(text)
            for one in self._sought:
                if one.may_stand_in(read):
                    parts = [new for part in parts for new in self._cut(one, part)]
        if self._older:
            parts = [new for part in parts for new in self._cut_older(part)]
        return tuple(parts)

    def _cut(self, one: Sought, part: str | StandIn) -> Iterator[str | StandIn]:
        if isinstance(part, StandIn):
            yield part
            return
        for piece in one.cut(part):
            if isinstance(piece, str):
                yield piece
            elif (spelling := name_spelling(one.value, piece.text)) is not None:
                yield StandIn(one.name, spelling, (), one.part)
            elif piece.is_base64:
                yield from self._base64(one, piece)
            else:
                yield StandIn(one.name, LOST)

    def _base64(self, one: Sought, piece: Spelled) -> Iterator[str | StandIn]:
        yield from in_base64(one.name, piece.text, one.value, self.parts_of)

    # --- secrets of before ---------------------------------------------------------------------------

    def _cut_older(self, part: str | StandIn) -> Iterator[str | StandIn]:
        if isinstance(part, StandIn):
            yield part
            return
        if (whole := self._older_one(part)) is not None:
            yield whole
            return
        lengths = {one.length for one in self._older if one.length >= FOUND_INSIDE_FROM}
        found = sorted(
            (word.span(), old)
            for pattern in WORDS
            for word in pattern.finditer(part)
            if len(word[0]) in lengths and (old := self._older_one(word[0])) is not None
        ) if lengths else []  # fmt: skip
        end = 0
        for (start, stop), old in found:
            if start >= end:
                if start > end:
                    yield part[end:start]
                yield old
                end = stop
        if end < len(part):
            yield part[end:]

    def _older_one(self, text: str) -> StandIn | None:
        seal = ""
        for one in self._older:
            if one.length == len(text):
                seal = seal or self.seal(text)
                if one.seal == seal:
                    return StandIn(one.name, LOST)
        return None

    # --- JSON text -----------------------------------------------------------------------------------

    def json_parts(self, text: str) -> Parts:
        parts: list[str | StandIn] = []
        end = 0
        for token in JSON_TOKEN.finditer(text):
            content, start = token[1], token.start()
            if content is not None:
                start += 1
                found = self._json_text_parts(content)
                stop = token.end() - 1
            else:
                found, stop = self._json_number_parts(token[0]), token.end()
            if is_masked(found):
                parts += [text[end:start], *found]
                end = stop
        return tuple(part for part in (*parts, text[end:]) if part != "")

    def _json_text_parts(self, content: str) -> Parts:
        if "\\" not in content:
            return self.parts_of(content)
        with suppress(ValueError):
            known = self._known.get(str(from_bytes(f'"{content}"')))
            if known is not None:
                value = self._values[value_name(known.name, known.part)]
                spelling = name_spelling(value, content)
                return (
                    StandIn(known.name, LOST if spelling is None else spelling, (), known.part),
                )
        return self.inside(content)

    def _json_number_parts(self, text: str) -> Parts:
        number = _as_number(text)
        value = None if number is None else self._numbers.get(number)
        if value is None:
            old = self._older_one(text)
            return (text,) if old is None else (old,)
        known = self._known[value]
        return (StandIn(known.name, BARE if text == value else LOST, (), known.part),)

    def restored(self, parts: Parts) -> str | None:
        """The text that these parts make with the secrets of today."""
        return restore(parts, self._values)

    def sealed(self, parts: Parts, text: str | None) -> Masked:
        return Masked.of(parts, "" if text is None else self.seal(text))

    # --- opening -------------------------------------------------------------------------------------

    def open(self, masked: Masked) -> Json | Masked:
        """The value as it was; as it is given where it is lost, for a secret is missing or has changed."""
        text = self.restored(masked.parts)
        if text is None:
            return self._number_behind(masked)
        if not hmac.compare_digest(self.seal(text), masked.seal):
            return masked
        (one, *others) = masked.parts
        if not others and isinstance(one, StandIn) and one.spelling == OBJECT:
            return from_bytes(text)
        return text

    def _number_behind(self, masked: Masked) -> Json | Masked:
        (one, *others) = masked.parts
        if others or not isinstance(one, StandIn) or not one.spelling.startswith(NUMBER):
            return masked
        value = self._values.get(value_name(one.secret, one.part), "")
        number = spell_number(value, one.spelling)
        if number is None or not hmac.compare_digest(self.seal(to_text(number)), masked.seal):
            return masked
        return number

    def seal(self, text: str) -> str:
        octets = text.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, octets, "sha256").hex()[:32]


def _is(one: object, other: object) -> bool:
    return one is other


def _same(items: list[Json], changed: list[Json]) -> list[Json]:
    return items if all(map(_is, items, changed)) else changed


def is_masked(parts: Parts) -> bool:
    return any(isinstance(part, StandIn) for part in parts)


def _parts(value: str) -> Iterator[str]:
    """What a service may say back of a value: without the blanks around it, and the leaves of one that is JSON."""
    yield from {value.strip()} - {value, ""}
    if value.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            yield from _leaves(from_bytes(value))


def _leaves(value: Json) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
        case str() if value:
            yield value
        case int() | Decimal() if not isinstance(value, bool):
            yield str(value)
        case _:
            pass


def _as_number(value: str) -> Decimal | None:
    if len(value) > NUMBER_CHARACTERS_MAX or not value.isascii():
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return (
        number if number.is_finite() and abs(number.adjusted()) <= NUMBER_CHARACTERS_MAX else None
    )
