"""Going on: an interpreter that walks the plan and remembers what every node came to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_never

from flowdsl.codes import Code
from flowdsl.plan.address import ON_FAILURE, ROOT, Address, is_below, step_of
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Commit,
    Confirm,
    Detach,
    Fail,
    ForEach,
    Set,
    Status,
    Switch,
    Wait,
    WaitFor,
)
from flowdsl.plan.unfold import inside
from flowdsl.saga.attempt import Standing, attempt
from flowdsl.saga.backward import backward, nothing_left
from flowdsl.saga.collecting import Collector, collect
from flowdsl.saga.commands import Decide
from flowdsl.saga.deciding import (
    decide_branch,
    decide_detached,
    decide_items,
    decide_value,
    decide_when,
)
from flowdsl.saga.events import Committed, Failure, Skipped, Turned
from flowdsl.saga.ledger import outcome_failure, standing
from flowdsl.saga.stand import OVER_OK, PENDING, RUNNING, SKIPPED, STUCK, Stand, StepState
from flowdsl.saga.state import NO_CALL
from flowdsl.saga.undoing import probing, undoing
from flowdsl.saga.waiting import wait, wait_for
from flowdsl.saga.walk import MAY_HAVE_HAPPENED, Form, Walk, leave

Asked: TypeAlias = Callable[[Walk, AnyNode, Address], Stand]
Inside: TypeAlias = Callable[[Address], Stand]  # walks what is in a node, in the scope it is given


def forward(walk: Walk, block: Block, scope: Address) -> bool:
    """Walk the children whose needs are over. True when all are."""
    return _children_forward(walk, block.address, block.children, scope, _node_forward)


def _children_forward(
    walk: Walk, holder: Address, children: tuple[AnyNode, ...], scope: Address, ask: Asked
) -> bool:
    if walk.memory is not None:
        form = Form("forward", scope)
        row = walk.memory.children(
            holder,
            children,
            form,
            lambda inner, node, is_open: ask(inner, node, scope) if is_open else None,
        )
        walk.hear(row)
        cause = row.cause()
        if cause is not None:
            walk.causes.setdefault(scope, cause)
        return row.count("open") == 0
    stands: list[Stand] = []
    for node in children:
        ready = all(stands[position].over for position in node.needs)
        stand = ask(walk, node, scope) if ready else _not_ready(walk, node)
        walk.stands[node.address] = stand
        stands.append(stand)
    return all(stand.over for stand in stands)


def _not_ready(walk: Walk, node: AnyNode) -> Stand:
    for lower in inside(node):
        walk.stands[lower.address] = _not_ready(walk, lower)
    return PENDING


def _node_forward(walk: Walk, node: AnyNode, scope: Address) -> Stand:
    state = walk.state
    if node.address in state.skipped:
        return SKIPPED
    entry = state.calls.get(node.address, NO_CALL)
    if entry.waived is not None:
        return SKIPPED
    if entry.resolved is not None and entry.answer is None and entry.resolved.ok:
        return OVER_OK
    if entry.resolved is not None and entry.answer is None and not _falls_back(node):
        return _failed(walk, node, scope, _failure_of(walk, node))
    if entry.failed is not None and entry.attempt == 0 and not _falls_back(node):
        return _failed(walk, node, scope, entry.failed)
    if entry.attempt == 0 and node.when is not None and not _has_begun(walk, node):
        decision = decide_when(walk.plan, state, node)
        if decision is not None:
            walk.commands.append(Decide(decision))
            return SKIPPED if isinstance(decision, Skipped) else RUNNING
    match node:
        case Call():
            return _call_forward(walk, node, scope)
        case Confirm():
            return _confirm_forward(walk, node)
        case Block() if node.critical:
            return _over(forward(walk, node, scope))
        case Block():
            return _turns_alone(walk, node, lambda inner: _over(forward(walk, node, inner)))
        case Switch():
            return _switch_forward(walk, node, scope)
        case ForEach():
            return _each_forward(walk, node, scope)
        case Commit() if not state.committed:
            walk.commands.append(Decide(Committed()))
            return RUNNING
        case Commit():
            return OVER_OK
        case Wait():
            return wait(walk, node)
        case WaitFor():
            return wait_for(walk, node)
        case Detach():
            return _detach_forward(walk, node)
        case Set() | Status() | Fail():
            if node.address in state.done:
                return OVER_OK
            walk.commands.append(Decide(decide_value(walk.plan, state, node)))
            return RUNNING
        case _:
            assert_never(node)


def _falls_back(node: AnyNode) -> bool:
    return isinstance(node, Call) and node.fallback is not None


def _has_begun(walk: Walk, node: AnyNode) -> bool:
    """Whether its `when` was looked at before: what is decided is not asked again."""
    state, here = walk.state, node.address
    return (
        here in state.done
        or here in state.expanded
        or here in state.received
        or here in state.detached
    )


def _over(over: bool) -> Stand:
    return OVER_OK if over else RUNNING


def _turns_alone(walk: Walk, node: AnyNode, walk_inside: Inside) -> Stand:
    """A group marked `critical: false` turns alone, and what comes after it goes on."""
    turned = walk.state.turned.get(node.address)
    if turned is None:
        stand = walk_inside(node.address)
        if node.address in walk.causes:
            cause = Turned(node.address, "refused", walk.causes[node.address])
            walk.commands.append(Decide(cause))
        return stand
    if not backward(walk, node, node.address):
        return Stand("undoing", over=False)
    walk.warnings.append(turned.failure)
    return Stand(walk.stands[node.address].state, over=True)


# --- lists, branches, other runs ---------------------------------------------------------------------


def _each_forward(walk: Walk, each: ForEach, scope: Address) -> Stand:
    if each.mirrors is not None:
        return _confirms_forward(walk, each, each.branches or (), scope)
    if each.branches is None:
        walk.commands.append(Decide(decide_items(walk.plan, walk.state, each)))
        return RUNNING
    if each.critical:
        return _items_forward(walk, each, scope)
    return _turns_alone(walk, each, lambda inner: _items_forward(walk, each, inner))


def _confirms_forward(
    walk: Walk, each: ForEach, items: tuple[AnyNode, ...], scope: Address
) -> Stand:
    """The confirms of the items that there were: all at once."""
    if not items:
        return SKIPPED
    return _over(_children_forward(walk, each.address, items, scope, _node_forward))


def _items_forward(walk: Walk, each: ForEach, scope: Address) -> Stand:
    stand, failure = collect(Collector(walk, each, scope, _node_forward, _item_backward))
    if failure is None:
        return stand
    if not each.critical:
        walk.causes.setdefault(scope, failure)
        return RUNNING
    return _failed(walk, each, scope, failure)


def _item_backward(walk: Walk, item: AnyNode) -> Stand:
    over = backward(walk, item, item.address)
    return Stand(walk.stands[item.address].state, over)


def _switch_forward(walk: Walk, switch: Switch, scope: Address) -> Stand:
    if switch.address not in walk.state.done:
        walk.commands.append(Decide(decide_branch(walk.plan, walk.state, switch)))
        return RUNNING
    taken = walk.state.done[switch.address]
    branch = switch.branches[taken] if isinstance(taken, int) else None

    def branch_forward(walk: Walk, node: AnyNode, inner: Address) -> Stand:
        return (
            SKIPPED if branch is None or node is not branch else _over(forward(walk, branch, inner))
        )

    def branches_forward(inner: Address) -> Stand:
        here, branches = switch.address, switch.branches
        return _over(_children_forward(walk, here, branches, inner, branch_forward))

    if switch.critical or branch is None:
        return branches_forward(scope)
    return _turns_alone(walk, switch, branches_forward)


def _detach_forward(walk: Walk, node: Detach) -> Stand:
    if node.address not in walk.state.detached:
        walk.commands.append(Decide(decide_detached(walk.plan, walk.state, node)))
        return RUNNING
    return _over(node.address in walk.state.begun)


# --- calls -------------------------------------------------------------------------------------------


def _call_forward(walk: Walk, call: Call, scope: Address) -> Stand:
    if call.fallback is not None and not call.critical:
        return _turns_alone(walk, call, lambda inner: _attempted(walk, call, inner))
    return _attempted(walk, call, scope)


def _attempted(walk: Walk, call: Call, scope: Address) -> Stand:
    plan, state = walk.plan, walk.state
    now = attempt(state, call.address, call.action, plan.services[call.action.service])
    if now.landing == "unknown":
        now = probing(plan, state, call)
    if now.landing in ("ok", "running"):
        return _on_its_way(walk, now)
    if call.fallback is not None:
        return _fall_back(walk, call, call.fallback, scope, unknown=now.landing == "unknown")
    if now.landing == "unknown" and not call.critical:
        return _tolerate_unknown(walk, call)
    seen: StepState = "unknown" if now.landing == "unknown" else "refused"
    return _failed(walk, call, scope, _failure_of(walk, call), seen)


def _fall_back(walk: Walk, call: Call, fallback: Block, scope: Address, *, unknown: bool) -> Stand:
    """What runs in its stead. Before that, the call itself must be settled: nothing may be left of it."""
    settled = Stand("refused", over=True)
    if unknown:
        back = undoing(walk.plan, walk.state, call)
        match back.standing:
            case "undone" | "kept" | "absent":
                settled = nothing_left(back)
            case "undoing" if not walk.state.committed:
                walk.commands += back.commands
                return Stand("undoing", over=False)
            case "undoing" | "stuck" if not call.critical:
                return _tolerate_unknown(walk, call)
            case "undoing" | "stuck":
                return _failed(walk, call, scope, _failure_of(walk, call), "unknown")
            case _:
                assert_never(back.standing)
    return settled if forward(walk, fallback, scope) else RUNNING


def _on_its_way(walk: Walk, now: Standing) -> Stand:
    if now.command is None:
        return OVER_OK
    walk.commands.append(now.command)
    return RUNNING


def _tolerate_unknown(walk: Walk, call: Call) -> Stand:
    """A step that may fail, and nobody knows whether it did: not left lying about while it can be undone."""
    failure = _failure_of(walk, call)
    if not is_below(call.address, ON_FAILURE):
        back = undoing(walk.plan, walk.state, call)
        if back.standing == "undoing" and not walk.state.committed:
            walk.commands += back.commands
            return Stand("undoing", over=False)
        if back.standing in ("undone", "kept", "absent"):
            walk.warnings.append(failure)
            return nothing_left(back)
        leave(walk, call.address, MAY_HAVE_HAPPENED)
    walk.warnings.append(failure)
    return Stand("unknown", over=True)


def _confirm_forward(walk: Walk, node: Confirm) -> Stand:
    plan, state = walk.plan, walk.state
    call = plan.nodes[node.of]
    assert isinstance(call, Call)
    if standing(plan, state, call) != "ok" or not _is_ok(walk, call):
        return SKIPPED
    now = attempt(state, node.address, node.action, plan.services[node.action.service])
    if now.landing in ("ok", "running"):
        return _on_its_way(walk, now)
    walk.stuck.append(node.address)
    leave(walk, node.address, "not confirmed")
    return STUCK


def _is_ok(walk: Walk, call: Call) -> bool:
    stand = walk.stand(call.address)
    return stand is not None and stand.state == "ok"


def _failed(
    walk: Walk, node: AnyNode, scope: Address, failure: Failure, seen: StepState = "refused"
) -> Stand:
    """It is not going to be ok: a warning, a reason to turn, or, past the point of no return, stuck."""
    if not node.critical:
        walk.warnings.append(failure)
        return Stand(seen, over=True)
    if walk.state.committed and scope == ROOT:
        walk.stuck.append(node.address)
        leave(walk, node.address, MAY_HAVE_HAPPENED if seen == "unknown" else "not done")
        return STUCK
    walk.causes.setdefault(scope, failure)
    return Stand(seen, over=False)


def _failure_of(walk: Walk, node: AnyNode) -> Failure:
    failure = outcome_failure(walk.state.calls.get(node.address, NO_CALL))
    return failure or Failure(Code.REFUSED, "it did not happen", step_of(node.address))
