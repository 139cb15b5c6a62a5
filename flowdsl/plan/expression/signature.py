"""What the functions of expressions take and give, as types."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from flowdsl.plan.expression.types import (
    ANYTHING,
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    Group,
    ListOf,
    Object,
    ScalarType,
    Type,
    groups,
    join,
    members,
    widen,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Wanted(Struct, frozen=True):
    """The groups an argument may be of; for a list, those its items may be of. Empty: any."""

    groups: frozenset[Group]
    words: str
    items: frozenset[Group] = frozenset()

    def fits(self, given: Type) -> bool:
        if not _may_be(given, self.groups):
            return False
        lists = [member for member in members(given) if isinstance(member, ListOf)]
        return not lists or not self.items or any(_may_be(one.item, self.items) for one in lists)


def _may_be(given: Type, wanted: frozenset[Group]) -> bool:
    found = groups(given)
    return found is None or bool(found & wanted)


class Signature(Struct, frozen=True):
    """`arguments`: the last one stands for all that follow. `result` is made from their types."""

    arguments: tuple[Wanted, ...]
    result: Callable[[Sequence[Type]], Type]

    def wanted(self, position: int) -> Wanted:
        return self.arguments[min(position, len(self.arguments) - 1)]


def item_of(given: Type) -> Type:
    """What the items are of what may be a list."""
    return join(
        member.item if isinstance(member, ListOf) else ANYTHING
        for member in members(given)
        if isinstance(member, ListOf) or groups(member) is None
    )


def number_from(given: Type) -> Type:
    """The number an operation on these gives: whole if they all are."""
    whole = all(
        isinstance(member, ScalarType) and member.kind == "integer" for member in members(given)
    )
    return INTEGER if whole else NUMBER


def _always(given: Type) -> Callable[[Sequence[Type]], Type]:
    return lambda _: given


def _extreme(given: Sequence[Type]) -> Type:
    return widen(item_of(given[0]) if len(given) == 1 else join(given))


def _values(given: Sequence[Type]) -> Type:
    objects = [member for member in members(given[0]) if isinstance(member, Object)]
    if len(objects) != 1 or not objects[0].closed:
        return ListOf(ANYTHING)
    return ListOf(widen(join(kept for _, kept in objects[0].fields)))


_ANY_LIST = Wanted(frozenset({"list"}), "a list")
_ORDERED = Wanted(frozenset({"list"}), "a list of numbers or texts", frozenset({"number", "text"}))
_NUMBER = Wanted(frozenset({"number"}), "a number")
_TEXT = Wanted(frozenset({"text"}), "text")
_NUMERAL = Wanted(frozenset({"number", "text"}), "a number or text")
_OBJECT = Wanted(frozenset({"object"}), "an object")
_SIZED = Wanted(frozenset({"text", "list", "object"}), "text, a list or an object")
_OPEN = Wanted(frozenset({"null", "boolean", "number", "text", "list", "object"}), "no secret")
_EXTREME = Wanted(
    frozenset({"number", "text", "list"}), "numbers or texts", frozenset({"number", "text"})
)

SIGNATURES: MappingProxyType[str, Signature] = MappingProxyType(
    {
        "len": Signature((_SIZED,), _always(INTEGER)),
        "sum": Signature(
            (Wanted(frozenset({"list"}), "a list of numbers", frozenset({"number"})),),
            lambda given: number_from(item_of(given[0])),
        ),
        "min": Signature((_EXTREME,), _extreme),
        "max": Signature((_EXTREME,), _extreme),
        "abs": Signature((_NUMBER,), lambda given: number_from(given[0])),
        "round": Signature(
            (_NUMBER,), lambda given: INTEGER if len(given) == 1 else number_from(given[0])
        ),
        "str": Signature((_OPEN,), _always(TEXT)),
        "int": Signature((_NUMERAL,), _always(INTEGER)),
        "number": Signature((_NUMERAL,), _always(NUMBER)),
        "any": Signature((_ANY_LIST,), _always(BOOLEAN)),
        "all": Signature((_ANY_LIST,), _always(BOOLEAN)),
        "sorted": Signature((_ORDERED,), lambda given: ListOf(item_of(given[0]))),
        "keys": Signature((_OBJECT,), _always(ListOf(TEXT))),
        "values": Signature((_OBJECT,), _values),
        "chunks": Signature((_ANY_LIST, _NUMBER), lambda given: ListOf(ListOf(item_of(given[0])))),
        "lower": Signature((_TEXT,), _always(TEXT)),
        "upper": Signature((_TEXT,), _always(TEXT)),
        "join": Signature(
            (Wanted(frozenset({"list"}), "a list of texts", frozenset({"text"})), _TEXT),
            _always(TEXT),
        ),
    }
)
