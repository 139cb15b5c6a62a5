"""Expressions: the small, safe part of Python's syntax that stands in `${…}` and after `when:`.

`parse` reads a text once and for all: into a checked tree, the data it refers to, and a closure that
`evaluate` runs. Nothing here evaluates anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowdsl.plan.expression.closures import compile_tree
from flowdsl.plan.expression.fault import ExpressionError
from flowdsl.plan.expression.grammar import read_tree
from flowdsl.plan.expression.paths import Reference, references_in
from flowdsl.plan.expression.tree import Tree, cost
from flowdsl.plan.span import NOWHERE, Span

if TYPE_CHECKING:
    from flowdsl.plan.expression.budget import Closure

__all__ = ["Expression", "ExpressionError", "Reference", "parse"]


@dataclass(frozen=True, slots=True)
class Expression:
    """`secrets`: the names X that are used as `secrets.X`. `cost`: operations, the data aside."""

    text: str
    span: Span
    references: tuple[Reference, ...]
    secrets: tuple[str, ...]
    tree: Tree = field(compare=False, repr=False)
    cost: int = field(compare=False, repr=False)
    run: Closure = field(compare=False, repr=False)


def parse(text: str, *, span: Span = NOWHERE) -> Expression:
    """The expression `text` is, or an `ExpressionError` with offsets into `text`."""
    tree = read_tree(text)
    references = references_in(tree)
    secrets = {str(item.path[1]): None for item in references if item.path[0] == "secrets"}
    return Expression(
        text, span, references, tuple(secrets), tree, cost(tree), compile_tree(tree, text)
    )
