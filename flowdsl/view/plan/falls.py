"""The column IF IT FAILS: what follows from the failure of each step, for good.

What may have taken effect by then is everything but what can only run later; of a list, what other items have done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.language.lower.flatten import flatten
from flowdsl.plan.address import COMMIT, Address, enclosing, is_below
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Commit,
    Compensation,
    Confirm,
    Detach,
    ForEach,
    Plan,
    Switch,
    Wait,
)
from flowdsl.plan.tolerance import may_fail
from flowdsl.saga.attempt import may_resend
from flowdsl.view.plan.forecast import Forecast

FallKind: TypeAlias = Literal["undo", "stuck", "retried", "warning", "nothing"]
First: TypeAlias = Literal["", "fallback", "others", "null"]
Neighbours: TypeAlias = Callable[[Address], Iterable[Address]]


class Fall(Struct, frozen=True):
    """What follows if a step fails. `left`: changes that nothing undoes, which makes the run stuck but for those that may
    fail; `goes_on`: only its group is undone.

    `first` comes before all that, and may be the end of it: its fallback (`then`) runs, the other items of its list
    are tried (then `own` is what its item undoes), or its item comes to null.
    """

    kind: FallKind
    undone: tuple[Address, ...] = ()
    left: tuple[Address, ...] = ()
    goes_on: bool = False
    first: First = ""
    then: tuple[Address, ...] = ()
    own: tuple[Address, ...] = ()


class RunOrder(Struct, frozen=True):
    """What runs before what: for each leaf a bit, and all that comes after and before it as one number."""

    plan: Plan
    bit: dict[Address, int]
    after: dict[Address, int]
    before: dict[Address, int]
    backward: tuple[Address, ...]  # every leaf in the order of the way back
    skipped: int
    below: int  # the commit line

    def addresses(self, but: int) -> list[Address]:
        return [address for address in self.backward if not but >> self.bit[address] & 1]


def falls(ahead: Forecast) -> dict[Address, Fall]:
    """For everything that can fail: what happens if it does, for good."""
    order = _order(ahead)
    found: dict[Address, Fall] = {}
    for address in order.backward:
        node = order.plan.nodes[address]
        if isinstance(node, Commit | Detach) or (isinstance(node, Wait) and node.until is None):
            continue
        if address in ahead.skipped:
            continue
        if order.below >> order.bit[address] & 1:
            found[address] = _after_commit(order, node)
        else:
            found[address] = _before_commit(order, node)
    return found


def _order(ahead: Forecast) -> RunOrder:
    import networkx

    plan = ahead.plan
    graph = flatten(plan)
    generations = enumerate(networkx.topological_generations(graph))
    age = {address: index for index, members in generations for address in members}
    leaves = [address for address in plan.nodes if address in age]
    backward = tuple(sorted(leaves, key=lambda address: -age[address]))
    bit = {address: index for index, address in enumerate(leaves)}
    forward = list(reversed(backward))
    after = _reached(graph.successors, backward, bit)
    before = _reached(graph.predecessors, forward, bit)
    skipped = sum(1 << bit[address] for address in leaves if address in ahead.skipped)
    return RunOrder(plan, bit, after, before, backward, skipped, after.get(COMMIT, 0))


def _reached(
    neighbours: Neighbours, ordered: Iterable[Address], bit: dict[Address, int]
) -> dict[Address, int]:
    """For each leaf, all that can be reached from it. `ordered`: what is reached comes first."""
    reached: dict[Address, int] = {}
    for address in ordered:
        total = 0
        for other in neighbours(address):
            total |= reached[other] | 1 << bit[other]
        reached[address] = total
    return reached


def _after_commit(order: RunOrder, node: AnyNode) -> Fall:
    if isinstance(node, Call) and node.fallback is not None:
        return Fall("stuck", first="fallback", then=_steps_of(node.fallback))
    if isinstance(
        node, Confirm
    ):  # of whatever it is: what stands and is not confirmed needs a person
        resent = may_resend(node.action, order.plan.services[node.action.service])
        return Fall("retried" if resent else "stuck")
    kind = _turns_in(order.plan, node)[1]
    if not node.critical or kind == "group":
        return Fall("warning")
    if kind == "settled":
        return Fall("warning", first="null")
    if kind:
        return Fall("stuck", first="others")
    if not isinstance(node, Call):
        return Fall("stuck")
    resent = may_resend(node.action, order.plan.services[node.action.service])
    return Fall("retried" if resent else "stuck")


def _before_commit(order: RunOrder, node: AnyNode) -> Fall:
    if isinstance(node, Call) and node.fallback is not None:
        return Fall("nothing", first="fallback", then=_steps_of(node.fallback))
    if not node.critical:
        return Fall("warning")
    scope, kind = _turns_in(order.plan, node)
    fall = _turning(order, node.address, scope)
    match kind:
        case "settled":
            return replace(fall, goes_on=True, first="null")
        case "first_success" | "quorum":
            each = order.plan.nodes[scope[: scope.rindex("[")]]
            if not each.critical:
                return Fall("warning", first="others", own=fall.undone)
            outer, outer_kind = _turns_in(order.plan, each)
            last = _turning(order, node.address, outer, beside=scope)
            goes_on = bool(outer) and outer_kind != ""
            return replace(last, first="others", own=fall.undone, goes_on=goes_on)
        case _:
            return fall


def _steps_of(block: Block) -> tuple[Address, ...]:
    return tuple(node.address for node in block.children)


def _turning(order: RunOrder, address: Address, scope: Address, beside: Address = "") -> Fall:
    """What is undone when this fails, and what is not. `beside`: a list whose items have failed as well."""
    plan = order.plan
    gone = order.after[address] | 1 << order.bit[address] | order.below | order.skipped
    gone |= _ruled_out(order, address)
    others = [other for other in order.addresses(gone) if not scope or is_below(other, scope)]
    if beside:
        each = beside[: beside.rindex("[")]
        others = [other for other in others if not is_below(other, each)]
    beside_it = _of_other_items(order, address, scope)
    if beside_it:
        both = {*others, *beside_it}
        others = [other for other in order.backward if other in both]
    changes = [
        node
        for other in others
        if isinstance(node := plan.nodes[other], Call) and not node.action.is_read
    ]
    left = tuple(node.address for node in changes if node.compensation is None)
    grave = [other for other in left if not may_fail(plan, other)]
    held = 0  # what ran before a change that stays is not undone behind its back
    for other in grave:
        held |= order.before[other]
    undone = tuple(
        node.address
        for node in changes
        if isinstance(node.compensation, Compensation) and not held >> order.bit[node.address] & 1
    )
    kind: FallKind = "stuck" if grave else "undo" if undone else "warning" if scope else "nothing"
    return Fall(kind, undone, left, bool(scope))


def _ruled_out(order: RunOrder, address: Address) -> int:
    """What cannot have happened if this step runs: other branches, and the call whose fallback it is in."""
    out = 0
    within = address
    for around in enclosing(address)[1:]:
        node = order.plan.nodes.get(around)
        if isinstance(node, Switch):
            for other, bit in order.bit.items():
                if is_below(other, around) and not is_below(other, within):
                    out |= 1 << bit
        elif isinstance(node, Call) and around in order.bit:
            out |= 1 << order.bit[around]
        within = around
    return out


def _of_other_items(order: RunOrder, address: Address, scope: Address) -> list[Address]:
    """All that other items may have done, where a list is a template: they are not further or less far than this one."""
    for around in reversed(enclosing(address)):
        each = order.plan.nodes.get(around.removesuffix("[]"))
        if around.endswith("[]") and isinstance(each, ForEach) and each.collect == "all":
            if scope and not is_below(around, scope):
                continue
            return [other for other in order.backward if is_below(other, around)]
    return []


def _turns_in(plan: Plan, node: AnyNode) -> tuple[Address, str]:
    """The innermost scope that turns on its own and how: the kind of its list, `group`, or nothing for the run."""
    for around in enclosing(node.address):
        if around.endswith("]"):
            each = plan.nodes.get(around[: around.rindex("[")])
            if isinstance(each, ForEach) and each.collect != "all":
                return around, each.collect
        group = plan.nodes.get(around)
        is_around = around != node.address and group is not None and not group.critical
        if is_around and isinstance(group, Block | Switch | ForEach | Call):
            return around, "group"
    return "", ""
