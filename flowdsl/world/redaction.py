"""Takes the values of secrets out of what came back, in every form in which a service may echo them.

Inside a longer text only values of four characters and more are looked for: a shorter one would be
found everywhere. As a text of its own a value is taken out whatever its length.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from flowdsl.saga.observation import Answer, Lost, NotSent, Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowdsl.plan.values import Json

FOUND_INSIDE_FROM = 4
FOUND_AS_NUMBER_FROM = 3
FOUND_IN_BASE64_FROM = 8


class Redaction:
    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._marks = {value: f"‹secret {name}›" for name, value in secrets.items() if value}
        forms = {
            form: mark
            for value, mark in self._marks.items()
            if len(value) >= FOUND_INSIDE_FROM
            for form in _forms(value)
        }
        # The longest first, so that no form is cut in two by a shorter one.
        longest = sorted(forms, key=len, reverse=True)
        self._forms = forms
        self._pattern = re.compile("|".join(map(re.escape, longest))) if longest else None

    def __repr__(self) -> str:
        return f"Redaction({', '.join(sorted(self._secrets))})"

    def covers(self, secrets: Mapping[str, str]) -> bool:
        return self._secrets == dict(secrets)

    def text(self, text: str) -> str:
        if text in self._marks:
            return self._marks[text]
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._forms[found[0]], text)

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


def _forms(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogateescape")
    yield value
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for escaped in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield escaped
        yield re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), escaped)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        if len(raw) >= FOUND_IN_BASE64_FROM:
            # Behind other bytes, as in `Basic user:password`: the letters that depend on it alone.
            for shift in (1, 2):
                shifted = encode(b"\0" * shift + raw).decode().rstrip("=")
                whole = len(shifted) - (1 if (shift + len(raw)) % 3 else 0)
                yield shifted[shift + 1 : whole]
            yield encode(raw[: len(raw) // 3 * 3]).decode()
