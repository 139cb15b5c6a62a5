"""The confirms of what stands above the commit line, mirrored below it: in the order of their steps, in their shape."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from flowdsl.plan import address, nodes
from flowdsl.plan.address import Address


def mirrored(
    children: tuple[nodes.AnyNode, ...], kind: str, above: Address
) -> tuple[nodes.AnyNode, ...]:
    """The confirms of `children`, ordered as they are; what confirms nothing is left out, its order kept."""
    kept: list[nodes.AnyNode] = []
    # For each child, the positions in `kept` that must have ended when it has.
    through: list[tuple[int, ...]] = []
    for child in children:
        before = tuple(sorted({item for need in child.needs for item in through[need]}))
        if kind in ("steps", "uses"):
            before = through[-1] if through else ()
        confirm = _confirm_of(child, above)
        if confirm is None:
            through.append(before)
        else:
            kept.append(replace(confirm, needs=before))
            through.append((len(kept) - 1,))
    return tuple(kept)


def _confirm_of(node: nodes.AnyNode, above: Address) -> nodes.AnyNode | None:
    """`above` is the block that it will stand in."""
    here = address.child(above, node.address.rpartition("/")[2])
    match node:
        case nodes.Call(fallback=fallback):
            own = _of_call(node)
            inside = mirrored(fallback.children, "steps", here) if fallback is not None else ()
            if own is None or not inside:
                return own or _block(here, "steps", inside)
            return _block(here, "parallel", (*inside, own))
        case nodes.Block(kind=kind, children=children):
            shape = "steps" if kind == "uses" else kind
            return _block(here, shape, mirrored(children, kind, here))
        case nodes.Switch(branches=branches):
            return _block(here, "parallel", mirrored(branches, "parallel", here))
        case nodes.ForEach(body=body):
            return _of_each(node, body, here)
        case nodes.Confirm() | nodes.Detach() | nodes.Local():
            return None
        case _:
            assert_never(node)


def _of_call(call: nodes.Call) -> nodes.Confirm | None:
    if call.confirm is None:
        return None
    return nodes.Confirm(
        address=address.confirm(call.address),
        of=call.address,
        action=call.confirm,
        span=call.confirm.span,
    )


def _of_each(each: nodes.ForEach, body: nodes.AnyNode, here: Address) -> nodes.ForEach | None:
    """Its items are those of the steps above. `first_success` and the like confirm what won: the others are not ok."""
    confirm = _confirm_of(body, here.rpartition("/")[0])
    if confirm is None:
        return None
    return nodes.ForEach(address=here, body=confirm, mirrors=each.address)


def _block(here: Address, kind: str, inside: tuple[nodes.AnyNode, ...]) -> nodes.Block | None:
    if not inside:
        return None
    return nodes.Block(
        address=here, kind="parallel" if kind == "parallel" else "steps", children=inside
    )
