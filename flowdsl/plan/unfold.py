"""The items of every `for_each` put into the plan, as nodes like any other.

How many items there are is a fact of the run. Everything else of an item follows from its template, so the reader
of a run first unfolds its plan, and from there on knows nothing of templates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import assert_never

from msgspec.structs import replace

from flowdsl.plan.address import (
    CONFIRMS,
    ON_FAILURE,
    ROOT,
    Address,
    child,
    enclosing,
    is_below,
    item,
    items_around,
    located,
    to_template,
)
from flowdsl.plan.kept import put_all, without
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Child,
    Confirm,
    Detach,
    ForEach,
    Local,
    Plan,
    Switch,
)

UNFOLDED_MAX = 64  # of one plan, kept because the next question is likely to be about the same


def unfold(plan: Plan, counts: Mapping[Address, int]) -> Plan:
    """The plan with `counts` items in each `for_each` that has been expanded. Cheap when asked again."""
    base = plan.folded or plan
    if not counts:
        return base
    key = frozenset(counts.items())
    known = base.unfolded.get(key)
    if known is None:
        if len(base.unfolded) >= UNFOLDED_MAX:
            base.unfolded.clear()
        known = base.unfolded[key] = _unfolded(base, counts)
    return known


def _unfolded(plan: Plan, counts: Mapping[Address, int]) -> Plan:
    root = _block(plan.root, (), counts)
    on_failure = _block(plan.on_failure, (), counts) if plan.on_failure else None
    return dataclasses.replace(
        plan, root=root, on_failure=on_failure, nodes=by_address(root, on_failure), folded=plan
    )


def grown(plan: Plan, each: Address, count: int) -> Plan:
    """The plan with the items of one more list, and the confirms of them. Whatever is not around these is shared, so that
    a list costs its own items, however many others there are.
    """
    nodes = plan.nodes
    for at in (each, *mirrors_of(plan, each)):
        node = nodes[at]
        if isinstance(node, ForEach):
            changed = {one.address: one for one in within(_each(node, (), {each: count}))}
            _change_around(nodes[ON_FAILURE if is_below(at, ON_FAILURE) else ROOT], at, changed)
            for template in within(node.body):
                nodes = without(nodes, template.address)
            nodes = put_all(nodes, changed)
    root, on_failure = nodes[ROOT], nodes.get(ON_FAILURE)
    assert isinstance(root, Block)
    assert isinstance(on_failure, Block | None)
    return dataclasses.replace(
        plan, root=root, on_failure=on_failure, nodes=nodes, folded=plan.folded or plan
    )


def mirrors_of(plan: Plan, each: Address) -> Iterator[Address]:
    """The lists of the confirms of its items: below the commit line of the run, or of a workflow that it uses."""
    for around in (ROOT, *enclosing(each)):
        at = child(child(around, CONFIRMS), each[len(around) :].removeprefix("/"))
        node = plan.nodes.get(at)
        if isinstance(node, ForEach) and node.mirrors == each:
            yield at


def _change_around(node: AnyNode, at: Address, changed: dict[Address, AnyNode]) -> AnyNode:
    """A node again, with what has changed at an address below it; noted as changed itself."""
    if node.address == at:
        return changed[at]
    lower = inside(node)
    if isinstance(node, ForEach):
        place = dict(items_around(at))[node.address]
    else:
        place = next(place for place, one in enumerate(lower) if is_below(at, one.address))
    lower = (*lower[:place], _change_around(lower[place], at, changed), *lower[place + 1 :])
    changed[node.address] = again = _with_inside(node, lower)
    return again


def _with_inside(node: AnyNode, lower: tuple[AnyNode, ...]) -> AnyNode:
    match node:
        case Block():
            return replace(node, children=lower)
        case Switch() | ForEach():
            return replace(node, branches=lower)
        case Call(fallback=Block() as fallback):
            return replace(node, fallback=replace(fallback, children=lower))
        case Call() | Confirm() | Detach() | Local():
            raise AssertionError(f"nothing is in {node.address}")
        case _:
            assert_never(node)


def _node(node: AnyNode, viewers: tuple[Address, ...], counts: Mapping[Address, int]) -> AnyNode:
    """`viewers` are the items that the node is in: they say what the `[]` of its address mean."""
    here = _at(node.address, viewers)
    match node:
        case Block():
            return _block(node, viewers, counts)
        case Switch():
            branches = tuple(_block(branch, viewers, counts) for branch in node.branches)
            return replace(node, address=here, branches=branches)
        case ForEach():
            return _each(replace(node, address=here), viewers, counts)
        case Call(fallback=Block() as fallback):
            return replace(node, address=here, fallback=_block(fallback, viewers, counts))
        case Confirm():
            return replace(node, address=here, of=_at(node.of, viewers))
        case Call() | Detach() | Local():
            return node if here == node.address else replace(node, address=here)
        case _:
            assert_never(node)


def _block(block: Block, viewers: tuple[Address, ...], counts: Mapping[Address, int]) -> Block:
    return replace(
        block,
        address=_at(block.address, viewers),
        children=tuple(_node(node, viewers, counts) for node in block.children),
    )


def _each(each: ForEach, viewers: tuple[Address, ...], counts: Mapping[Address, int]) -> ForEach:
    """Confirms have addresses of their own, but the items they belong to are those of the steps they confirm."""
    of = _at(each.mirrors, viewers) if each.mirrors is not None else each.address
    if each.mirrors is not None:
        each = replace(each, mirrors=of)
    each = replace(each, body=_node(each.body, viewers, counts))
    if of not in counts:
        return each
    items = range(counts[of])
    branches = tuple(
        _node(each.body, (item(of, index), item(each.address, index)), counts) for index in items
    )
    return replace(each, branches=branches)


def _at(template: Address, viewers: tuple[Address, ...]) -> Address:
    for viewer in viewers:
        template = located(template, viewer)
    return template


def by_address(root: Block, on_failure: Block | None) -> dict[Address, AnyNode]:
    """Every node, in the order of the plan: blocks, templates and items included."""
    found: dict[Address, AnyNode] = {}
    still_open: list[AnyNode] = [*([on_failure] if on_failure else []), root]
    while still_open:
        node = still_open.pop()
        assert node.address not in found, node.address
        found[node.address] = node
        still_open.extend(reversed(inside(node)))
    return found


def inside(node: AnyNode) -> tuple[AnyNode, ...]:
    """What is one level below a node: children, branches, items or, while they are not known, their template."""
    match node:
        case Block(children=children):
            return children
        case Switch(branches=branches):
            return branches
        case Call(fallback=Block() as fallback):
            return fallback.children
        case ForEach(body=body, branches=items):
            return (body,) if items is None else items
        case Call() | Confirm() | Detach() | Local():
            return ()
        case _:
            assert_never(node)


def home_of(plan: Plan, address: Address) -> tuple[Address, Child] | None:
    """The used workflow that an address is in, the innermost, and where it stands; None in the file of the run itself."""
    for around in enclosing(address)[1:] if plan.children else ():
        used = plan.children.get(to_template(around))
        if used is not None:
            return around, used
    return None


def source_of(plan: Plan, address: Address) -> tuple[str, str]:
    """The path and the text of the file that the step at this address is written in."""
    home = home_of(plan, address)
    return (home[1].path, home[1].source) if home is not None else (plan.path, plan.source)


def within(node: AnyNode) -> Iterator[AnyNode]:
    """A node and everything below it, in the order of the plan."""
    yield node
    for lower in inside(node):
        yield from within(lower)
