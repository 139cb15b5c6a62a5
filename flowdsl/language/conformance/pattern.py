"""Regular expressions in linear time: a Thompson NFA (1968), made deterministic as it is walked, as in RE2.

Python's own would try every way to read `^(a+)+$`, and a file could hang the check. Here all ways are followed
at once, and what was worked out for a set of places is kept. What that cannot do is refused by name: references back,
looking around, flags, atomic groups. JSON Schema advises against all of them. `$` is the end of the text and nothing else.
"""

from __future__ import annotations

import re
import re._constants as code  # the parser is Python's: what it takes, and what it says of what it does not
import re._parser as parser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias, cast

from msgspec import Struct

PLACES_MAX = 2_000
KEPT_MAX = 2_000  # of what was worked out, before it is forgotten
CHARACTERS_MAX = 1_000  # of a pattern

Step: TypeAlias = "tuple[object, object]"


class Unreadable(Exception):
    """Why a pattern cannot be used."""


class Work(Struct):
    """How much may still be done; TooMuch when it is used up. Another thread may give it up."""

    left: int
    given_up: bool = False

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.is_used_up:
            raise TooMuch

    @property
    def is_used_up(self) -> bool:
        return self.left < 0 or self.given_up

    def give_up(self) -> None:
        self.given_up = True


class TooMuch(Exception):
    """A schema and a value that would take too long."""


class PatternState(Struct, frozen=True):
    """One state: at a character it goes to `then`; at a fork, without one, to all of `also`."""

    kind: str  # "character", "fork", "start", "end", "edge", "no edge", "found"
    then: int = -1
    also: tuple[int, ...] = ()
    characters: tuple[object, ...] = ()


_UNKNOWN: frozenset[int] = frozenset((-1,))


@dataclass(frozen=True, slots=True)
class Pattern:
    """`places` and the first of them."""

    places: tuple[PatternState, ...]
    first: int
    minds_edges: bool
    kept: dict[tuple[frozenset[int], bool, bool, str], frozenset[int] | None] = field(
        default_factory=dict, compare=False
    )

    def is_in(self, text: str, work: Work) -> bool:
        """Whether it matches somewhere in the text."""
        here: frozenset[int] = frozenset()
        edge = False  # whether a letter, digit or _ stands before
        for index, character in enumerate((*text, "")):
            key = (here, index == 0, edge, character)
            after = self.kept.get(key, _UNKNOWN)  # at one go: another thread may forget it all
            if after is _UNKNOWN:
                after = self._work_out(key, work)
            if after is None:
                return True
            work.spend(1)
            here = after
            edge = self.minds_edges and _is_word(character)
        return False

    def _work_out(
        self, key: tuple[frozenset[int], bool, bool, str], work: Work
    ) -> frozenset[int] | None:
        """Where to go from here; None where it has been found. A match may begin anywhere."""
        here, at_start, edge, character = key
        after: set[int] = set()
        waiting, seen = [*here, self.first], set[int]()
        found = False
        while waiting and not found:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            place = self.places[number]
            if place.kind == "character":
                if character and _is_one_of(character, place.characters):
                    after.add(place.then)
            elif place.kind == "found":
                found = True
            elif _holds(place.kind, at_start, edge, character):
                waiting += place.also
        work.spend(len(seen))
        if len(self.kept) >= KEPT_MAX:
            self.kept.clear()
        self.kept[key] = there = None if found else frozenset(after)
        return there


@lru_cache(maxsize=256)
def read_pattern(text: str) -> Pattern:
    """Unreadable where it is none, or one of a kind that is not matched here."""
    if len(text) > CHARACTERS_MAX:
        raise Unreadable(f"longer than {CHARACTERS_MAX:,} characters")
    try:
        tree = parser.parse(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unreadable(str(error) or "nested too deep") from None
    if tree.state.flags & ~re.UNICODE:
        raise Unreadable("flags such as (?i) are not supported; write [Aa]")
    building = _Building()
    first = building.all_of(list(tree), building.add(PatternState("found")))
    minds = any(place.kind in ("edge", "no edge") for place in building.places)
    return Pattern(tuple(building.places), first, minds)


@dataclass(slots=True)
class _Building:
    """From the end to the beginning: each part knows where it goes on."""

    places: list[PatternState] = field(default_factory=list)

    def add(self, place: PatternState) -> int:
        if len(self.places) >= PLACES_MAX:
            raise Unreadable(f"more than {PLACES_MAX:,} places when its repeats are written out")
        self.places.append(place)
        return len(self.places) - 1

    def all_of(self, steps: Sequence[Step], then: int) -> int:
        for step in reversed(steps):
            then = self.one(step, then)
        return then

    def one(self, step: Step, then: int) -> int:
        kind, value = step
        match kind:
            case code.LITERAL | code.NOT_LITERAL | code.ANY | code.IN:
                return self.add(
                    PatternState("character", then, characters=_characters(kind, value))
                )
            case code.BRANCH:
                _, ways = cast("tuple[object, list[Sequence[Step]]]", value)
                also = tuple(self.all_of(list(way), then) for way in ways)
                return self.add(PatternState("fork", also=also))
            case code.SUBPATTERN:
                _, added, removed, inner = cast("tuple[object, int, int, Sequence[Step]]", value)
                if added or removed:
                    raise Unreadable("flags such as (?i) are not supported; write [Aa]")
                return self.all_of(list(inner), then)
            case code.MAX_REPEAT | code.MIN_REPEAT:
                least, most, again = cast("tuple[int, int, Sequence[Step]]", value)
                return self.repeat(list(again), least, most, then)
            case code.AT:
                return self.add(PatternState(_at(value), also=(then,)))
            case _:
                raise Unreadable(f"{_NAMES.get(str(kind), 'this')} is not supported")

    def repeat(self, inner: list[Step], least: int, most: int, then: int) -> int:
        if most is code.MAXREPEAT:
            loop = self.add(PatternState("fork"))
            body = self.all_of(inner, loop)
            self.places[loop] = PatternState("fork", also=(body, then))
            then = loop
        else:
            end = then
            for _ in range(most - least):
                then = self.add(PatternState("fork", also=(self.all_of(inner, then), end)))
        for _ in range(least):
            then = self.all_of(inner, then)
        return then


_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "GROUPREF": "a reference back, such as \\1,",
        "GROUPREF_EXISTS": "a choice by group",
        "ASSERT": "looking ahead or behind",
        "ASSERT_NOT": "looking ahead or behind",
        "ATOMIC_GROUP": "an atomic group",
        "POSSESSIVE_REPEAT": "a possessive repeat",
    }
)


def _at(value: object) -> str:
    match value:
        case code.AT_BEGINNING | code.AT_BEGINNING_STRING:
            return "start"
        case code.AT_END | code.AT_END_STRING:
            return "end"
        case code.AT_BOUNDARY:
            return "edge"
        case code.AT_NON_BOUNDARY:
            return "no edge"
        case _:
            raise Unreadable("an anchor of this kind is not supported")


def _holds(kind: str, at_start: bool, edge: bool, character: str) -> bool:
    match kind:
        case "start":
            return at_start
        case "end":
            return not character
        case "edge" | "no edge":
            return (edge != _is_word(character)) == (kind == "edge")
        case _:
            return True


def _characters(kind: object, value: object) -> tuple[object, ...]:
    """As in a class: whether what is listed is what is not wanted, then what is listed."""
    match kind:
        case code.LITERAL:
            return (False, value)
        case code.NOT_LITERAL:
            return (True, value)
        case code.ANY:
            return (True, ord("\n"))
        case _:
            listed = list(_listed(cast("Sequence[Step]", value)))
            negated = listed[:1] == [code.NEGATE]
            return (negated, *(listed[1:] if negated else listed))


def _listed(items: Sequence[Step]) -> Iterator[object]:
    for kind, value in items:
        match kind:
            case code.LITERAL | code.RANGE | code.CATEGORY:
                yield value
            case _:
                yield kind


def _is_one_of(character: str, characters: tuple[object, ...]) -> bool:
    negated, *listed = characters
    return negated != any(_is(character, one) for one in listed)


def _is(character: str, one: object) -> bool:
    match one:
        case int() if type(one) is int:
            return ord(character) == one
        case (int() as first, int() as last):
            return first <= ord(character) <= last
        case code.CATEGORY_DIGIT | code.CATEGORY_NOT_DIGIT:
            return character.isdecimal() == (one is code.CATEGORY_DIGIT)
        case code.CATEGORY_SPACE | code.CATEGORY_NOT_SPACE:
            return character.isspace() == (one is code.CATEGORY_SPACE)
        case _:
            return _is_word(character) == (one is code.CATEGORY_WORD)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
