"""When two situations are the same to the explorer, so that what may happen next is walked once.

Every field of the state counts, and every field of what stands in it, but for those that are listed here with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from functools import cache
from operator import attrgetter
from types import MappingProxyType

from msgspec import Struct, field

from flowdsl.plan.json import to_text
from flowdsl.plan.kept import Kept
from flowdsl.saga.events import (
    Alerted,
    CancelRequested,
    Detached,
    Failure,
    Ok,
    Refused,
    Resolved,
    Signalled,
    Turned,
    Unknown,
    Waived,
)
from flowdsl.saga.state import CallState, State

_FIRES_ANY_TIME = "a timer may fire at any time, so nothing depends on when it is due"
_FOLLOWS = "follows from the call: each renders its request once, and the same answers to it"
_IS_SAID = "is said to people, and decides nothing"
_WORDS = "only expressions read it; each word of a failure would multiply the states"
_IS_KEPT = "follows from the other fields"
_FEWER = "ten of them park a run, and an allowance has fewer"

LEFT_OUT: Mapping[type[Struct], Mapping[str, str]] = MappingProxyType(
    {
        State: {
            "created": "is the same in all of them",
            "armed": _FIRES_ANY_TIME,
            "epoch": "is kept to tell a stale driver, and there is one",
            "lost": "the model has no secrets",
            "outputs": "are kept of runs with secrets, and the model has none",
            "stopped": "only says how the next takeover is counted, and nobody stops here",
            "paused": "only says how the next takeover is counted, and nobody pauses here",
            "crashes": _FEWER,
            "flying": _IS_KEPT,
            "flying_in": _IS_KEPT,
            "items": _IS_KEPT,
            "untaken": _IS_KEPT,
            "to_begin": _IS_KEPT,
        },
        CallState: {
            "last_at": _FIRES_ANY_TIME,
            "ended_at": _FIRES_ANY_TIME,
            "key": _FOLLOWS,
            "request": _FOLLOWS,
            "seal": "the model has no secrets",
        },
        Ok: {"status": _FOLLOWS, "headers": _FOLLOWS, "body": _FOLLOWS},
        Refused: {"sent": _IS_SAID, "headers": _WORDS},
        Unknown: {"headers": _WORDS},
        Failure: dict.fromkeys(("message", "step", "status", "response", "code", "reason"), _WORDS),
        Turned: {"scope": "is its place in `turned`"},
        Alerted: {"state": _IS_SAID},
        CancelRequested: dict.fromkeys(("at", "actor", "reason"), _IS_SAID),
        Resolved: {**dict.fromkeys(("at", "actor", "reason"), _IS_SAID), "body": _FOLLOWS},
        Waived: dict.fromkeys(("at", "actor", "reason"), _IS_SAID),
        Signalled: dict.fromkeys(("at", "actor"), _IS_SAID),
        Detached: dict.fromkeys(("run", "digest", "inputs"), "follows from the plan"),
    }
)


class Sameness(Struct):
    """Gives what is the same one number. States share most of what they hold, and no part is looked through twice."""

    numbers: dict[Hashable, int] = field(default_factory=dict)
    parts: dict[int, tuple[object, int]] = field(default_factory=dict)  # keeps each: ids are reused

    def number(self, state: State) -> int:
        known = tuple(self._part(read(state)) for read in _READ_STATE)
        return self.numbers.setdefault(known, len(self.numbers))

    def _part(self, value: object) -> Hashable:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind in _MAPS:
            return frozenset([(key, self._part(item)) for key, item in value.items()])  # type: ignore[attr-defined]
        kept = self.parts.get(id(value))
        if kept is None:
            known = known_as(value)
            kept = value, self.numbers.setdefault((kind, known), len(self.numbers))
            self.parts[id(value)] = kept
        return kept[1]


def known_as(value: object) -> Hashable:
    """The value without what is left out, so that it can be compared and hashed."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in _MAPS:
        return frozenset([(key, known_as(item)) for key, item in value.items()])  # type: ignore[attr-defined]
    if kind is tuple:
        return tuple([known_as(item) for item in value])  # type: ignore[attr-defined]
    return tuple([read(value) for read in _readers(kind)])  # type: ignore[arg-type]  # a type can be hashed


_MAPS = frozenset({dict, Kept})
_PLAIN = frozenset({type(None), bool, str, int, float, frozenset})


def _positions(done: object) -> Hashable:
    """Which branch a `switch` took; the values of other nodes follow from the rest."""
    assert isinstance(done, Mapping)
    return frozenset(
        (node, value if isinstance(value, int) else None) for node, value in done.items()
    )


def _lengths(expanded: object) -> Hashable:
    """How many items a list has; what they are follows from the rest."""
    assert isinstance(expanded, Mapping)
    return frozenset((each, len(items)) for each, items in expanded.items())


def _text(value: object) -> Hashable:
    return to_text(value)  # type: ignore[arg-type]  # a payload is JSON


IN_SHORT: Mapping[tuple[type[Struct], str], Callable[[object], Hashable]] = MappingProxyType(
    {
        (State, "done"): _positions,
        (State, "expanded"): _lengths,
        (Signalled, "payload"): _text,
    }
)


@cache
def _readers(kind: type) -> tuple[Callable[[object], Hashable], ...]:
    assert issubclass(kind, Struct), f"{kind.__name__} is not known to the explorer"
    skipped = LEFT_OUT.get(kind, {})
    return tuple(_reader(kind, name) for name in kind.__struct_fields__ if name not in skipped)


def _reader(kind: type, name: str) -> Callable[[object], Hashable]:
    get, short = attrgetter(name), IN_SHORT.get((kind, name), known_as)
    return lambda value: short(get(value))


def _raw_reader(name: str) -> Callable[[State], object]:
    """A field of the state, shortened where that is said, and not looked through yet."""
    get, short = attrgetter(name), IN_SHORT.get((State, name))
    return get if short is None else lambda state: short(get(state))


_READ_STATE = tuple(
    _raw_reader(name) for name in State.__struct_fields__ if name not in LEFT_OUT[State]
)
