"""Reading one step of a path in JSON data, and what to say when there is nothing to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from flowdsl.plan.expression.fault import EvaluationError
from flowdsl.plan.expression.operations import kind
from flowdsl.plan.expression.tree import Field, Subscript, Tree
from flowdsl.plan.words import did_you_mean, listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowdsl.plan.expression.budget import Value


class DataPath(Struct, frozen=True):
    """A path in the text of its expression."""

    text: str
    tree: Field | Subscript

    @property
    def source(self) -> str:
        return source_of(self.text, self.tree.value)

    def key_error(self, message: str) -> EvaluationError:
        tree = self.tree
        if isinstance(tree, Subscript):
            return EvaluationError(message, tree.index.start, tree.index.length)
        return EvaluationError(message, tree.key_start, tree.key_length)

    def value_error(self, message: str) -> EvaluationError:
        return EvaluationError(message, self.tree.value.start, self.tree.value.length)


def read_field(value: Value, key: str, place: DataPath) -> Value:
    """`value.key`, or an error that names the fields there are."""
    match value:
        case dict() if key in value:
            return value[key]
        case dict():
            raise place.key_error(no_such_field(place.source, key, value))
        case None:
            raise place.value_error(f"`{place.source}` is null, so it has no `{key}`")
        case list():
            message = f"`{place.source}` is a list; a field of an item is read as `{place.source}[0].{key}`"
            raise place.value_error(message)
    _refuse_secret(value, place)
    raise place.value_error(f"`{place.source}` is {kind(value)} and has no fields")


def read_index(value: Value, index: Value, place: DataPath) -> Value:
    """`value[index]`: an item of a list, counted from the end if negative, or a field of an object."""
    match value:
        case list() if type(index) is int:
            if -len(value) <= index < len(value):
                return value[index]
            count = f"{len(value)} item{'' if len(value) == 1 else 's'}"
            raise place.key_error(f"`{place.source}` has {count}, there is no item {_short(index)}")
        case list() | dict() if isinstance(index, str):
            return read_field(value, index, place)
        case None:
            raise place.value_error(f"`{place.source}` is null, so it has no items")
        case list():
            raise place.key_error(
                f"an item of a list is counted by a whole number, not {kind(index)}"
            )
        case dict():
            raise place.key_error(f"a field of an object is named by text, not by {kind(index)}")
    _refuse_secret(value, place)
    raise place.value_error(f"`{place.source}` is {kind(value)} and has no items")


def lookup(value: Value, key: str | int | None) -> Value:
    """One step of a path where missing is null."""
    match value, key:
        case dict(), str():
            return value.get(key)
        case list(), int() if -len(value) <= key < len(value):
            return value[key]
    return None


def key_of(index: Value) -> str | int | None:
    return index if type(index) is int or isinstance(index, str) else None


def no_such_field(source: str, key: str, fields: Iterable[str]) -> str:
    names = list(dict.fromkeys(fields))
    if not names:
        return f"`{source}` has no field `{key}`; it is empty"
    hint = did_you_mean(key, names)
    return f"`{source}` has no field `{key}`; it has {listed(names)}{hint and f'; {hint}'}"


def source_of(text: str, tree: Tree) -> str:
    """The tree as it was written; shortened, because it goes into a message."""
    source = " ".join(text[tree.start : tree.start + tree.length].split())
    return source if len(source) <= 60 else source[:59] + "…"


def _short(index: int) -> str:
    return str(index) if index.bit_length() < 64 else "of such a number"


def _refuse_secret(value: Value, place: DataPath) -> None:
    if kind(value) == "a secret":
        message = f"`{place.source}` is a secret, which has no fields"
        raise place.value_error(message)
