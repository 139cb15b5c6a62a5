"""Takes the values of secrets out of what came back, in every form in which a service may echo them.

Inside a longer text only values of four characters and more are looked for: a shorter one would be
found everywhere. As a text of its own a value is taken out whatever its length. Parts of a value are
not known, but for those of one that is JSON, and what is left of one that is trimmed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal, InvalidOperation

from flowdsl.plan.json import from_bytes
from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.world.spellings import Read, Sought

FOUND_INSIDE_FROM = 4
FOUND_AS_NUMBER_FROM = 3
NUMBER_CHARACTERS_MAX = 100


class Redaction:
    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = dict(secrets)
        self._marks = {value: f"‹secret {name}›" for name, value in secrets.items() if value}
        for name, value in secrets.items():
            for part in _parts(value):
                self._marks.setdefault(part, f"‹secret {name}›")
        self._numbers = {
            number: mark
            for value, mark in self._marks.items()
            if (number := _as_number(value)) is not None
        }
        # The longest first, so that none is cut in two by a shorter one.
        sought = sorted(
            (value for value in self._marks if len(value) >= FOUND_INSIDE_FROM),
            key=len,
            reverse=True,
        )
        self._sought = [Sought(value, self._marks[value]) for value in sought]
        self._shortest = min((one.shortest for one in self._sought), default=0)

    def __repr__(self) -> str:
        return f"Redaction({', '.join(sorted(self._secrets))})"

    def covers(self, secrets: Mapping[str, str]) -> bool:
        return self._secrets == dict(secrets)

    def text(self, text: str) -> str:
        if text in self._marks:
            return self._marks[text]
        if not self._sought or len(text) < self._shortest:
            return text
        read = Read(text)
        for one in self._sought:
            if one.may_stand_in(read):
                text = one.taken_out_of(text)
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
        is_short = len(str(number)) < FOUND_AS_NUMBER_FROM
        return number if is_short else self._numbers.get(Decimal(number), number)


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
