"""The plan as rows from top to bottom: what `run`, `status` and `plan` all draw, each in its own columns.

Children of a `parallel` are bracketed (`┌ │ └`); what is in a group, a list or a branch is indented below its row. Of a
long list, and of a branch not taken, only what `Excerpt` lets through has rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import (
    Literal,
    Protocol,
    TypeAlias,
    assert_never,
)

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.plan.address import CONFIRMS, Address, enclosing
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Commit,
    Confirm,
    Detach,
    ForEach,
    Local,
    Plan,
    Status,
    Switch,
)
from flowdsl.plan.unfold import inside

RowKind: TypeAlias = Literal[
    "heading", "step", "group", "branch", "more", "commit", "confirm", "on_failure"
]


class Row(Struct, frozen=True):
    """`gutter` is what stands before the mark: brackets and indentation. `hidden`: the items that a `more` counts."""

    kind: RowKind
    node: AnyNode
    gutter: str = ""
    hidden: tuple[AnyNode, ...] = ()


Items: TypeAlias = tuple[AnyNode, ...]


class Excerpt(Protocol):
    """Which part of a run is worth a row."""

    def items(self, each: ForEach) -> tuple[Items, Items]:
        """The items that are shown, and those that are only counted."""

    def is_open(self, node: AnyNode) -> bool:
        """Whether what is in a branch, or in the fallback of a call, is shown."""


class Everything:
    def items(self, each: ForEach) -> tuple[Items, Items]:
        return each.branches or (), ()

    def is_open(self, node: AnyNode) -> bool:  # noqa: ARG002
        return True


EVERYTHING = Everything()


def outline(plan: Plan, excerpt: Excerpt = EVERYTHING) -> list[Row]:
    """Every step of the plan once, its confirm below the commit line."""
    rows = list(_children(plan, plan.root, excerpt))
    if plan.on_failure is not None:
        rows.append(Row("on_failure", plan.on_failure))
        rows += _children(plan, plan.on_failure, excerpt)
    return rows


def steps(plan: Plan, *, templates: bool = False) -> list[AnyNode]:
    """Every step in the order of the file: no root, no commit line, no confirms.

    `templates`: also what stands for the items of a list that are not known.
    """
    return [node for node in walked(plan, templates=templates) if not isinstance(node, Commit)]


def walked(plan: Plan, *, templates: bool = True) -> Iterator[AnyNode]:
    """Every node below the root but the confirms, those of `on_failure` last."""
    waiting: list[AnyNode] = list(reversed(plan.root.children))
    if plan.on_failure is not None:
        waiting = [*reversed(plan.on_failure.children), *waiting]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Confirm) or (isinstance(node, Block) and node.kind == CONFIRMS):
            continue
        yield node
        if templates or not isinstance(node, ForEach) or node.branches is not None:
            waiting += reversed(inside(node))


def optional_steps(plan: Plan) -> frozenset[Address]:
    """What may be passed over, or fail harmlessly: because of itself, or of a group around it."""
    reasons = {
        node.address
        for node in plan.nodes.values()
        if node.address and (node.when is not None or not node.critical)
    }
    for node in plan.nodes.values():  # what a branch hangs on is said at the branch
        if isinstance(node, Switch):
            reasons -= {branch.address for branch in node.branches}
    return frozenset(
        address for address in plan.nodes if any(around in reasons for around in enclosing(address))
    )


def commit_is_shown(plan: Plan) -> bool:
    """A commit that nobody wrote and nothing follows is not a line in a picture."""
    children = plan.root.children
    at = next((i for i, node in enumerate(children) if isinstance(node, Commit)), None)
    if at is None:
        return False
    commit = children[at]
    assert isinstance(commit, Commit)
    return commit.written or any(not _is_empty(node) for node in children[at + 1 :])


def past_commit(plan: Plan) -> frozenset[Address]:
    """The steps of the top level below the commit line: nothing in them is undone, whatever a used file says."""
    children = plan.root.children
    at = next((i for i, node in enumerate(children) if isinstance(node, Commit)), len(children))
    return frozenset(node.address for node in children[at:])


def _children(plan: Plan, block: Block, excerpt: Excerpt) -> Iterator[Row]:
    for node in block.children:
        yield from _rows(plan, node, excerpt)


def _rows(plan: Plan, node: AnyNode, excerpt: Excerpt, base: str = "  ") -> Iterator[Row]:
    """`base` keeps the place of a bracket where there is none."""
    match node:
        case Block(kind="parallel", children=children):
            rows = [row for child in children for row in _rows(plan, child, excerpt, "")]
            yield from _bracketed(rows)
        case Block(kind="confirms", children=children):
            for child in children:
                yield from _confirms(child, excerpt, base)
        case Block(children=children):
            yield Row("group", node, base)
            yield from _indented(plan, children, excerpt, base)
        case Status():
            yield Row("heading", node)
        case Commit():
            if commit_is_shown(plan):
                yield Row("commit", node)
        case Switch(branches=branches):
            yield Row("group", node, base)
            for branch in branches:
                yield Row("branch", branch, base + "  ")
                if excerpt.is_open(branch):
                    yield from _indented(plan, branch.children, excerpt, base + "  ")
        case ForEach():
            yield from _list(plan, node, excerpt, base)
        case Call(fallback=fallback):
            yield Row("step", node, base)
            if fallback is not None and excerpt.is_open(node):
                yield from _fallback(plan, fallback.children, excerpt, base)
        case Confirm() | Local() | Detach():
            yield Row("step", node, base)
        case _:
            assert_never(node)


def _list(plan: Plan, each: ForEach, excerpt: Excerpt, base: str) -> Iterator[Row]:
    """The items below the list; where they are not known, what each of them is."""
    if each.branches is None:
        body = each.body
        yield Row("step" if isinstance(body, Call) else "group", each, base)
        if isinstance(body, Block) and body.kind == "parallel":
            yield from _indented(plan, (body,), excerpt, base)
        elif isinstance(body, Call):
            yield from _fallback(plan, inside(body), excerpt, base)
        else:
            yield from _indented(plan, inside(body), excerpt, base)
        return
    yield Row("group", each, base)
    shown, hidden = excerpt.items(each)
    yield from _indented(plan, shown, excerpt, base)
    if hidden:
        yield Row("more", each, base + "  ", hidden)


def _indented(plan: Plan, nodes: tuple[AnyNode, ...], excerpt: Excerpt, base: str) -> Iterator[Row]:
    for node in nodes:
        for row in _rows(plan, node, excerpt, base):
            yield replace(row, gutter="  " + row.gutter)


def _fallback(
    plan: Plan, children: tuple[AnyNode, ...], excerpt: Excerpt, base: str
) -> Iterator[Row]:
    """Below its call, at the end of an arrow."""
    for index, row in enumerate(_indented(plan, children, excerpt, base)):
        yield replace(row, gutter=f"{base}↳ {row.gutter[len(base) + 2 :]}") if index == 0 else row


def _confirms(node: AnyNode, excerpt: Excerpt, base: str) -> Iterator[Row]:
    """The confirms below a commit line, as their steps are ordered; without a row for what they are in."""
    match node:
        case Confirm():
            yield Row("confirm", node, base)
        case Block(kind="parallel", children=children):
            yield from _bracketed(
                [row for child in children for row in _confirms(child, excerpt, "")]
            )
        case ForEach(branches=tuple()):
            shown, hidden = excerpt.items(node)
            for item in shown:
                yield from _confirms(item, excerpt, base)
            if hidden:
                yield Row("more", node, base, hidden)
        case Call() | Local() | Block() | Switch() | ForEach() | Detach():
            for child in inside(node):
                yield from _confirms(child, excerpt, base)
        case _:
            assert_never(node)


def _bracketed(rows: list[Row]) -> Iterator[Row]:
    last = len(rows) - 1
    for index, row in enumerate(rows):
        bracket = "  " if last == 0 else "┌ " if index == 0 else "└ " if index == last else "│ "
        yield replace(row, gutter=bracket + row.gutter)


def _is_empty(node: AnyNode) -> bool:
    return isinstance(node, Block) and all(_is_empty(child) for child in node.children)
