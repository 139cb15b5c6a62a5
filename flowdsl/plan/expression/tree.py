"""The checked tree of an expression: what is left of Python's syntax once everything else is refused.

`start` and `length` are character offsets into the expression's text. Chains (`a + b - c`) are kept
flat, so that the depth of a tree is the depth a reader sees, and nothing here recurses without bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

Scalar: TypeAlias = "bool | int | Decimal | str | None"
Arithmetic: TypeAlias = Literal["+", "-", "*", "/", "//", "%"]
Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
Path: TypeAlias = "tuple[str | int, ...]"


class LiteralValue(Struct, frozen=True):
    value: Scalar
    start: int
    length: int


class Variable(Struct, frozen=True):
    name: str
    start: int
    length: int


class SecretName(Struct, frozen=True):
    """`secrets.NAME`."""

    name: str
    start: int
    length: int


class Field(Struct, frozen=True):
    """`value.key` or `value['key']`; `key_start` and `key_length` are the place of the key alone."""

    value: Tree
    key: str
    key_start: int
    key_length: int
    start: int
    length: int


class Subscript(Struct, frozen=True):
    """`value[index]`, where the index is a number, or known only when it is evaluated."""

    value: Tree
    index: Tree
    start: int
    length: int


class ListDisplay(Struct, frozen=True):
    items: tuple[Tree, ...]
    start: int
    length: int


class ObjectOf(Struct, frozen=True):
    fields: tuple[tuple[str, Tree], ...]
    start: int
    length: int


class Sign(Struct, frozen=True):
    operator: Literal["+", "-"]
    value: Tree
    start: int
    length: int


class Not(Struct, frozen=True):
    value: Tree
    start: int
    length: int


class Term(Struct, frozen=True):
    """One more operand of a chain; `start` and `length` span the chain from its beginning to here."""

    operator: Arithmetic
    value: Tree
    start: int
    length: int


class Chain(Struct, frozen=True):
    """`a + b - c`, evaluated from the left."""

    first: Tree
    terms: tuple[Term, ...]
    start: int
    length: int


class Compare(Struct, frozen=True):
    """`a < b <= c`."""

    first: Tree
    rest: tuple[tuple[Comparison, Tree], ...]
    start: int
    length: int


class Logic(Struct, frozen=True):
    operator: Literal["and", "or"]
    values: tuple[Tree, ...]
    start: int
    length: int


class Choice(Struct, frozen=True):
    condition: Tree
    then: Tree
    otherwise: Tree
    start: int
    length: int


class Loop(Struct, frozen=True):
    name: str
    name_start: int
    items: Tree
    conditions: tuple[Tree, ...]


class Comprehension(Struct, frozen=True):
    element: Tree
    loops: tuple[Loop, ...]
    start: int
    length: int


class FunctionCall(Struct, frozen=True):
    function: str
    arguments: tuple[Tree, ...]
    start: int
    length: int


Tree: TypeAlias = (
    "LiteralValue | Variable | SecretName | Field | Subscript | ListDisplay | ObjectOf | Sign | Not | Chain"
    " | Compare | Logic | Choice | Comprehension | FunctionCall"
)


def children(tree: Tree) -> Iterator[Tree]:
    """The trees directly below, in the order of the text."""
    match tree:
        case LiteralValue() | Variable() | SecretName():
            return
        case Field(value=value) | Sign(value=value) | Not(value=value):
            yield value
        case Subscript():
            yield tree.value
            yield tree.index
        case ListDisplay():
            yield from tree.items
        case ObjectOf():
            yield from (value for _, value in tree.fields)
        case Chain():
            yield tree.first
            yield from (term.value for term in tree.terms)
        case Compare():
            yield tree.first
            yield from (value for _, value in tree.rest)
        case Logic():
            yield from tree.values
        case Choice():
            yield tree.then
            yield tree.condition
            yield tree.otherwise
        case Comprehension():
            yield tree.element
            for loop in tree.loops:
                yield loop.items
                yield from loop.conditions
        case FunctionCall():
            yield from tree.arguments


def cost(tree: Tree) -> int:
    """How many operations one evaluation is, not counting what depends on the data."""
    return 1 + sum(cost(child) for child in children(tree))
