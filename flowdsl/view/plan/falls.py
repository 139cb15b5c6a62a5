"""The column IF IT FAILS: what follows from the failure of each step, for good.

What may have taken effect by then is everything but what can only run later; of a list, what other items have done.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

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
from flowdsl.view.plan.run_order import Bits, Leaves, RunOrder, run_order

FallKind: TypeAlias = Literal["undo", "stuck", "retried", "warning", "nothing"]
First: TypeAlias = Literal["", "fallback", "others", "null"]
Steps: TypeAlias = "tuple[Address, ...] | Leaves"


class Fall(Struct, frozen=True):
    """What follows if a step fails. `left`: changes that nothing undoes, which makes the run stuck but for those that may
    fail; `goes_on`: only its group is undone.

    `first` comes before all that, and may be the end of it: its fallback (`then`) runs, the other items of its list
    are tried (then `own` is what its item undoes), or its item comes to null.
    """

    kind: FallKind
    undone: Steps = ()
    left: Steps = ()
    goes_on: bool = False
    first: First = ""
    then: tuple[Address, ...] = ()
    own: Steps = ()


class Stakes(Struct, frozen=True):
    """What each step does to the world, as sets: `undoable`, `left` (nothing undoes it), `grave` (nor may it fail).

    `never`: what will not have run when a step above the commit line fails. `level`: the leaves with the same before them.
    """

    plan: Plan
    order: RunOrder
    below: Bits  # the commit line
    never: Bits
    undoable: Bits
    left: Bits
    grave: Bits
    level: dict[Bits, Bits]


def falls(ahead: Forecast) -> dict[Address, Fall]:
    """For everything that can fail: what happens if it does, for good."""
    stakes = _stakes(ahead)
    found: dict[Address, Fall] = {}
    for address in reversed(stakes.order.leaves):
        node = stakes.plan.nodes[address]
        if isinstance(node, Commit | Detach) or (isinstance(node, Wait) and node.until is None):
            continue
        if address in ahead.skipped:
            continue
        is_after = stakes.below & stakes.order.bit[address]
        found[address] = (_after_commit if is_after else _before_commit)(stakes, node)
    return found


def _stakes(ahead: Forecast) -> Stakes:
    plan, order = ahead.plan, run_order(ahead.plan)
    undoable = left = grave = never = 0
    level: dict[Bits, Bits] = defaultdict(int)
    for address, bit in order.bit.items():
        node = plan.nodes[address]
        level[order.before[address]] |= bit
        never |= bit if address in ahead.skipped else 0
        if not isinstance(node, Call) or node.action.is_read:
            continue
        if isinstance(node.compensation, Compensation):
            undoable |= bit
        elif node.compensation is None:
            left |= bit
            grave |= 0 if may_fail(plan, address) else bit
    below = order.after.get(COMMIT, 0)
    return Stakes(plan, order, below, never | below, undoable, left, grave, dict(level))


def _after_commit(stakes: Stakes, node: AnyNode) -> Fall:
    if isinstance(node, Call) and node.fallback is not None:
        return Fall("stuck", first="fallback", then=_steps_of(node.fallback))
    if isinstance(
        node, Confirm
    ):  # of whatever it is: what stands and is not confirmed needs a person
        resent = may_resend(node.action, stakes.plan.services[node.action.service])
        return Fall("retried" if resent else "stuck")
    kind = _turns_in(stakes.plan, node)[1]
    if not node.critical or kind == "group":
        return Fall("warning")
    if kind == "settled":
        return Fall("warning", first="null")
    if kind:
        return Fall("stuck", first="others")
    if not isinstance(node, Call):
        return Fall("stuck")
    resent = may_resend(node.action, stakes.plan.services[node.action.service])
    return Fall("retried" if resent else "stuck")


def _before_commit(stakes: Stakes, node: AnyNode) -> Fall:
    if isinstance(node, Call) and node.fallback is not None:
        return Fall("nothing", first="fallback", then=_steps_of(node.fallback))
    if not node.critical:
        return Fall("warning")
    scope, kind = _turns_in(stakes.plan, node)
    fall = _turning(stakes, node.address, scope)
    match kind:
        case "settled":
            return replace(fall, goes_on=True, first="null")
        case "first_success" | "quorum":
            each = stakes.plan.nodes[scope[: scope.rindex("[")]]
            if not each.critical:
                return Fall("warning", first="others", own=fall.undone)
            outer, outer_kind = _turns_in(stakes.plan, each)
            last = _turning(stakes, node.address, outer, beside=scope)
            goes_on = bool(outer) and outer_kind != ""
            return replace(last, first="others", own=fall.undone, goes_on=goes_on)
        case _:
            return fall


def _steps_of(block: Block) -> tuple[Address, ...]:
    return tuple(node.address for node in block.children)


def _turning(stakes: Stakes, address: Address, scope: Address, beside: Address = "") -> Fall:
    """What is undone when this fails, and what is not. `beside`: a list whose items have failed as well."""
    order = stakes.order
    others = ~(order.after[address] | order.bit[address] | stakes.never)
    others &= ~_ruled_out(stakes, address)
    if scope:
        others &= order.inside[scope]
    if beside:
        others &= ~order.inside[beside[: beside.rindex("[")]]
    others |= _of_other_items(stakes, address, scope)
    grave = others & stakes.grave
    undone = Leaves(order, others & stakes.undoable & ~_held(stakes, grave))
    left = Leaves(order, others & stakes.left)
    kind: FallKind = "stuck" if grave else "undo" if undone else "warning" if scope else "nothing"
    return Fall(kind, undone, left, bool(scope))


def _held(stakes: Stakes, grave: Bits) -> Bits:
    """What ran before a change that stays is not undone behind its back."""
    held = 0
    while grave:
        before = stakes.order.before[stakes.order.last(grave)]
        held |= before
        grave &= ~(before | stakes.level[before])
    return held


def _ruled_out(stakes: Stakes, address: Address) -> Bits:
    """What cannot have happened if this step runs: other branches, and the call whose fallback it is in."""
    order = stakes.order
    out = 0
    branch = order.inside[address]
    for around in enclosing(address)[1:]:
        node = stakes.plan.nodes.get(around)
        if isinstance(node, Switch):
            out |= order.inside[around] & ~branch
        elif isinstance(node, Call):
            out |= order.bit[around]
        branch = order.inside[around]
    return out


def _of_other_items(stakes: Stakes, address: Address, scope: Address) -> Bits:
    """All that other items may have done, where a list is a template: they are not further or less far than this one."""
    for around in reversed(enclosing(address)):
        each = stakes.plan.nodes.get(around.removesuffix("[]"))
        if around.endswith("[]") and isinstance(each, ForEach) and each.collect == "all":
            if scope and not is_below(around, scope):
                continue
            return stakes.order.inside[around]
    return 0


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
