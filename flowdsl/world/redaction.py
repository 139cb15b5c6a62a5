"""Takes the values of secrets out of what came back, in every form in which a service may echo them.

Inside a longer text only values of four characters and more are looked for: a shorter one would be
found everywhere. As a text of its own a value is taken out whatever its length.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation

FOUND_INSIDE_FROM = 4
FOUND_AS_NUMBER_FROM = 3
FOUND_IN_BASE64_FROM = 8
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
        self._passes = [
            _Pass([(form, self._marks[value]) for value in sought for form in forms(value)], around)
            for forms, around in (
                (_literal_forms, ""),
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
                    headers=tuple((name, self.text(value)) for name, value in headers),
                    body=self.json(body),
                    problem=None if problem is None else self.text(problem),
                )

    def _number(self, number: int | Decimal) -> Json:
        digits = str(number)
        return self._marks.get(digits, number) if len(digits) >= FOUND_AS_NUMBER_FROM else number


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
    for form in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield re.escape(form)


def _percent_forms(value: str) -> Iterator[str]:
    """Each character as it is or percent-encoded: who encodes chooses which."""
    yield "".join(map(_percent_form, value))


def _percent_form(character: str) -> str:
    octets = character.encode("utf-8", "surrogateescape")
    encoded = "".join(f"%(?i:{octet:02x})" for octet in octets)
    plus = "|[+]" if character == " " else ""
    return f"(?:{re.escape(character)}|{encoded}{plus})"


def _base64_forms(value: str) -> Iterator[str]:
    """At its three places behind other bytes, as in `Basic user:password`: the letters it alone decides."""
    raw = value.encode("utf-8", "surrogateescape")
    for shift in range(3 if len(raw) >= FOUND_IN_BASE64_FROM else 1):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        undecided = 1 if (shift + len(raw)) % 3 else 0
        letters = encoded[shift + (shift > 0) : len(encoded) - undecided]
        yield re.escape(letters).replace(r"\+", "[+-]").replace("/", "[/_]")
