"""The checked tree of an expression: what is left of Python's syntax once everything else is refused.

`start` and `length` are character offsets into the expression's text. Chains (`a + b - c`) are kept
flat, so that the depth of a tree is the depth a reader sees, and nothing here recurses without bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

Scalar: TypeAlias = "bool | int | Decimal | str | None"
Arithmetic: TypeAlias = Literal["+", "-", "*", "/", "//", "%"]
Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class LiteralValue:
    value: Scalar
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class SecretName:
    """`secrets.NAME`."""

    name: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Field:
    """`value.key` or `value['key']`; `key_start` and `key_length` are the place of the key alone."""

    value: Tree
    key: str
    key_start: int
    key_length: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Subscript:
    """`value[index]`, where the index is a number, or known only when it is evaluated."""

    value: Tree
    index: Tree
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ListDisplay:
    items: tuple[Tree, ...]
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ObjectOf:
    fields: tuple[tuple[str, Tree], ...]
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Sign:
    operator: Literal["+", "-"]
    value: Tree
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Not:
    value: Tree
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Term:
    """One more operand of a chain; `start` and `length` span the chain from its beginning to here."""

    operator: Arithmetic
    value: Tree
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Chain:
    """`a + b - c`, evaluated from the left."""

    first: Tree
    terms: tuple[Term, ...]
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`a < b <= c`."""

    first: Tree
    rest: tuple[tuple[Comparison, Tree], ...]
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Logic:
    operator: Literal["and", "or"]
    values: tuple[Tree, ...]
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Choice:
    condition: Tree
    then: Tree
    otherwise: Tree
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Loop:
    name: str
    name_start: int
    items: Tree
    conditions: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Comprehension:
    element: Tree
    loops: tuple[Loop, ...]
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class FunctionCall:
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
