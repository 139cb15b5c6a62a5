"""The plan as rows from top to bottom: what `run`, `status` and `plan` all draw, each in its own columns.

Children of a `parallel` are bracketed (`┌ │ └`); a group inside shows as a row of its own with its children indented.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from flowdsl.plan.address import CONFIRMS, Address, is_below
from flowdsl.plan.nodes import AnyNode, Block, Commit, Confirm, Label, Plan

RowKind: TypeAlias = Literal["heading", "step", "group", "commit", "confirm", "on_failure"]


@dataclass(frozen=True, slots=True)
class Row:
    """`gutter` is what stands before the mark: brackets and indentation."""

    kind: RowKind
    node: AnyNode
    gutter: str = ""


def outline(plan: Plan) -> list[Row]:
    """Every step of the plan once, its confirm below the commit line."""
    rows = list(_children(plan, plan.root))
    if plan.on_failure is not None:
        rows.append(Row("on_failure", plan.on_failure))
        rows += _children(plan, plan.on_failure)
    return rows


def steps(plan: Plan) -> list[AnyNode]:
    """Every step in the order of the file: no root, no commit line, no confirms."""
    return [row.node for row in _all(plan) if not isinstance(row.node, Commit | Confirm)]


def optional_steps(plan: Plan) -> frozenset[Address]:
    """What may be passed over, or fail harmlessly: because of itself, or of a group around it."""
    reasons = [
        node.address
        for node in plan.nodes.values()
        if node.address and (node.when is not None or not node.critical)
    ]
    return frozenset(
        address
        for address in plan.nodes
        if any(address == reason or is_below(address, reason) for reason in reasons)
    )


def commit_is_shown(plan: Plan) -> bool:
    """A commit that nobody wrote and nothing follows is no line in a picture."""
    children = plan.root.children
    at = next((i for i, node in enumerate(children) if isinstance(node, Commit)), None)
    if at is None:
        return False
    commit = children[at]
    assert isinstance(commit, Commit)
    return commit.written or any(not _is_empty(node) for node in children[at + 1 :])


def _children(plan: Plan, block: Block) -> Iterator[Row]:
    for node in block.children:
        yield from _rows(plan, node)


def _rows(plan: Plan, node: AnyNode, base: str = "  ") -> Iterator[Row]:
    """`base` keeps the place of a bracket where there is none."""
    match node:
        case Block(kind="parallel", children=children):
            yield from _bracketed([row for child in children for row in _rows(plan, child, "")])
        case Block(children=children) if _holds_confirms(node):
            for child in children:
                yield from _rows(plan, child, base)
        case Block(children=children):
            yield Row("group", node, base)
            for child in children:
                for row in _rows(plan, child, base):
                    yield replace(row, gutter="  " + row.gutter)
        case Label():
            yield Row("heading", node)
        case Commit():
            if commit_is_shown(plan):
                yield Row("commit", node)
        case Confirm():
            yield Row("confirm", node, base)
        case _:
            yield Row("step", node, base)


def _holds_confirms(block: Block) -> bool:
    return block.kind == CONFIRMS or is_below(block.address, CONFIRMS)


def _bracketed(rows: list[Row]) -> Iterator[Row]:
    last = len(rows) - 1
    for index, row in enumerate(rows):
        bracket = "  " if last == 0 else "┌ " if index == 0 else "└ " if index == last else "│ "
        yield replace(row, gutter=bracket + row.gutter)


def _all(plan: Plan) -> Iterator[Row]:
    """As `outline`, with the blocks that have no row there."""
    waiting: list[AnyNode] = list(reversed(plan.root.children))
    if plan.on_failure is not None:
        waiting = [*reversed(plan.on_failure.children), *waiting]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Block):
            if node.kind == CONFIRMS:
                continue
            waiting += reversed(node.children)
        yield Row("step", node)


def _is_empty(node: AnyNode) -> bool:
    return isinstance(node, Block) and all(_is_empty(child) for child in node.children)
