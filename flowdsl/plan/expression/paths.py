"""Which data an expression reads, and under which tests.

A path that was found true, or not null, is proven: reading on from it cannot meet null. The same two
functions, `proven_if_true` and `proven_if_false`, serve the references and the types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from flowdsl.plan.expression.tree import (
    Choice,
    Compare,
    Comprehension,
    Field,
    FunctionCall,
    LiteralValue,
    Logic,
    Not,
    Path,
    SecretName,
    Subscript,
    Tree,
    Variable,
    children,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Paths = frozenset[Path]
NO_PATHS: Paths = frozenset()


class Reference(Struct, frozen=True):
    """The longest path that is known without data: `('steps', 'flight', 'price')`.

    `guarded`: null or a missing field on the way is provided for, by `default(…)`, `or` or a test.
    """

    path: Path
    start: int
    length: int
    guarded: bool


def path_of(tree: Tree) -> Path | None:
    """The path a tree is, if it is nothing else."""
    keys: list[str | int] = []
    while True:
        match tree:
            case Variable(name=name):
                return (name, *reversed(keys))
            case SecretName(name=name):
                return ("secrets", name, *reversed(keys))
            case Field(value=value, key=key):
                keys.append(key)
                tree = value
            case Subscript(value=value, index=LiteralValue(value=int() as key)) if not isinstance(
                key, bool
            ):
                keys.append(key)
                tree = value
            case _:
                return None


def proven_if_true(tree: Tree) -> Paths:
    """The paths that are not null when the tree is true."""
    match tree:
        case Not(value=value):
            return proven_if_false(value)
        case Logic(operator="and", values=values):
            return NO_PATHS.union(*(proven_if_true(value) for value in values))
        case Logic(operator="or", values=values):
            return frozenset.intersection(*(proven_if_true(value) for value in values))
        case Compare(first=first, rest=((("!=", second),))):
            return _only_path(first, second, null=True)
        case Compare(first=first, rest=((("==", second),))):
            return _only_path(first, second, null=False)
        case Compare(first=first, rest=rest) if all(word in _ORDERINGS for word, _ in rest):
            return _paths((first, *(value for _, value in rest)))
    return _paths((tree,))


def proven_if_false(tree: Tree) -> Paths:
    """The paths that are not null when the tree is false."""
    match tree:
        case Not(value=value):
            return proven_if_true(value)
        case Logic(operator="or", values=values):
            return NO_PATHS.union(*(proven_if_false(value) for value in values))
        case Compare(first=first, rest=((("==", second),))):
            return _only_path(first, second, null=True)
    return NO_PATHS


_ORDERINGS = frozenset({"<", "<=", ">", ">="})


def _only_path(one: Tree, other: Tree, *, null: bool) -> Paths:
    """The path in a comparison of a path with null (or with a literal that is not null)."""
    for tree, literal in ((one, other), (other, one)):
        if isinstance(literal, LiteralValue) and (literal.value is None) is null:
            return _paths((tree,))
    return NO_PATHS


def _paths(trees: tuple[Tree, ...]) -> Paths:
    return frozenset(path for tree in trees if (path := path_of(tree)) is not None)


def references_in(tree: Tree) -> tuple[Reference, ...]:
    return tuple(_walk(tree, _Here()))


class _Here(Struct, frozen=True):
    """Where the walk stands: variables of comprehensions, proven paths, and whether null is fine."""

    variables: frozenset[str] = frozenset()
    proven: Paths = NO_PATHS
    tolerant: bool = False

    def under(self, proven: Paths) -> _Here:
        return _Here(self.variables, self.proven | proven)

    def strict(self) -> _Here:
        return _Here(self.variables, self.proven)

    def lenient(self) -> _Here:
        return _Here(self.variables, self.proven, tolerant=True)

    def guards(self, path: Path) -> bool:
        return self.tolerant or any(path[:end] in self.proven for end in range(1, len(path) + 1))


def _walk(tree: Tree, here: _Here) -> Iterator[Reference]:
    match tree:
        case Variable() | SecretName() | Field() | Subscript():
            yield from _path(tree, here)
        case Logic():
            yield from _logic(tree, here)
        case Choice():
            yield from _walk(tree.then, here.under(proven_if_true(tree.condition)))
            yield from _walk(tree.condition, here.strict())
            yield from _walk(tree.otherwise, here.under(proven_if_false(tree.condition)))
        case FunctionCall(function="default", arguments=(first, *others)):
            yield from _walk(first, here.lenient())
            for other in others:
                yield from _walk(other, here.strict())
        case Comprehension():
            yield from _comprehension(tree, here.strict())
        case _:
            for child in children(tree):
                yield from _walk(child, here.strict())


def _path(tree: Tree, here: _Here) -> Iterator[Reference]:
    """The static beginning of a path, then whatever its computed indexes read."""
    path = path_of(tree)
    if path is not None:
        if path[0] not in here.variables:
            yield Reference(path, tree.start, tree.length, here.guards(path))
        return
    if isinstance(tree, Field):
        yield from _path_or_value(tree.value, here)
    elif isinstance(tree, Subscript):
        yield from _path_or_value(tree.value, here)
        yield from _walk(tree.index, here.strict())


def _path_or_value(tree: Tree, here: _Here) -> Iterator[Reference]:
    is_path = isinstance(tree, Variable | SecretName | Field | Subscript)
    yield from _path(tree, here) if is_path else _walk(tree, here.strict())


def _logic(tree: Logic, here: _Here) -> Iterator[Reference]:
    inside = here.strict()
    for position, value in enumerate(tree.values):
        last = position == len(tree.values) - 1
        yield from _walk(value, inside if last or tree.operator == "and" else inside.lenient())
        proves = proven_if_true if tree.operator == "and" else proven_if_false
        inside = inside.under(proves(value))


def _comprehension(tree: Comprehension, here: _Here) -> Iterator[Reference]:
    inside = here
    loops: list[Reference] = []
    for loop in tree.loops:
        loops += _walk(loop.items, inside)
        inside = _Here(inside.variables | {loop.name}, inside.proven)
        for condition in loop.conditions:
            loops += _walk(condition, inside)
            inside = inside.under(proven_if_true(condition))
    yield from _walk(tree.element, inside)
    yield from loops
