"""What a check of a value against a schema has cost so far, and how deep it is. It counts values that are compared too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from jsonschema import FormatChecker
from msgspec import Struct

from flowdsl.language.conformance.pattern import Work
from flowdsl.plan.values import Json

DEPTH_MAX = (
    205  # keywords in keywords, four frames each: at Python's own limit a library below may panic
)


class ValueTooDeep(Exception):
    """More keywords stand in each other than DEPTH_MAX."""


class Counter(FormatChecker):
    """Goes wherever the validator goes. Formats are not looked at, so its place is free."""

    def __init__(self, work: Work) -> None:
        super().__init__(())
        self.work = work
        self.depth = 0
        self.listed: dict[int, _Listed] = {}

    @contextmanager
    def deeper(self) -> Iterator[None]:
        if self.depth == DEPTH_MAX:
            raise ValueTooDeep
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def is_one_of(self, value: Json, values: list[Json]) -> bool:
        """The values are put in order once, however many are looked up among them."""
        listed = self.listed.get(id(values))
        if listed is None:
            known = frozenset(canonical(item, self.work) for item in values)
            listed = _Listed(values, known, any(isinstance(item, list | dict) for item in values))
            self.listed[id(values)] = listed
        if isinstance(value, list | dict) and not listed.holds_some_of_parts:
            return False
        return canonical(value, self.work) in listed.known


class _Listed(Struct, frozen=True):
    """`values` are kept, so that no other list gets their id."""

    values: list[Json]
    known: frozenset[object]
    holds_some_of_parts: bool


def canonical(value: Json, work: Work) -> object:
    """The same for values that are equal in JSON, where 1 is 1.0 and no truth is a number. A step each."""
    work.spend(1)
    match value:
        case dict():
            return frozenset((name, canonical(item, work)) for name, item in value.items())
        case list():
            return ("list", *(canonical(item, work) for item in value))
        case bool() | None | str():
            return (type(value), value)
        case int() | Decimal():
            return Decimal(value)
