"""Which paths an expression reads: a variable of a comprehension stands for the first item of the list it goes through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from flowdsl.plan.expression.paths import path_of
from flowdsl.plan.expression.tree import Comprehension, FunctionCall, Path, Tree, children

Bound = Mapping[str, "Path | None"]  # what a variable stands for; None where that is not known
NOTHING_BOUND: Bound = MappingProxyType({})


def reads(tree: Tree, bound: Bound = NOTHING_BOUND) -> Iterator[Path]:
    """Every path in it, to its end."""
    path = path_of(tree)
    if path is not None:
        known = _placed(path, bound)
        if known is not None:
            yield known
        return
    if not isinstance(tree, Comprehension):
        for part in children(tree):
            yield from reads(part, bound)
        return
    for loop in tree.loops:
        yield from reads(loop.items, bound)
        item = first_item(loop.items, bound)
        bound = {**bound, loop.name: item}
        if item is not None:
            yield item
        for condition in loop.conditions:
            yield from reads(condition, bound)
    yield from reads(tree.element, bound)


def first_item(items: Tree, bound: Bound = NOTHING_BOUND) -> Path | None:
    """The path of the first item of a list: one that is read, or one that a function made of it (`sorted(a.seats)`)."""
    if isinstance(items, FunctionCall) and items.arguments:
        return first_item(items.arguments[0], bound)
    path = path_of(items)
    known = _placed(path, bound) if path is not None else None
    return None if known is None else (*known, 0)


def _placed(path: Path, bound: Bound) -> Path | None:
    name = path[0]
    if not isinstance(name, str) or name not in bound:
        return path
    stands_for = bound[name]
    return None if stands_for is None else (*stands_for, *path[1:])
