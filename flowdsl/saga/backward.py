"""Undoing a scope that has turned: let land what is in flight, write down what took effect, undo it in reverse."""

from __future__ import annotations

from typing import assert_never

from flowdsl.codes import Code
from flowdsl.plan.address import (
    ROOT,
    Address,
    confirm,
    directions_of,
    enclosing,
    item,
    items_around,
    undo,
)
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Compensation,
    Confirm,
    Detach,
    ForEach,
    Local,
    NothingToUndo,
    Switch,
    WaitFor,
)
from flowdsl.plan.tolerance import may_fail
from flowdsl.plan.unfold import inside
from flowdsl.saga.commands import Decide
from flowdsl.saga.events import Failure, Planned
from flowdsl.saga.ledger import effects, outcome_failure, standing, undone_by
from flowdsl.saga.stand import OVER_OK, RANKED, RUNNING, SKIPPED, STUCK, Stand, StepState
from flowdsl.saga.state import NO_CALL
from flowdsl.saga.undoing import Undo, undoing
from flowdsl.saga.walk import MAY_HAVE_HAPPENED, STANDS, WAITS_FOR_LATER, Form, Residue, Walk, leave


def backward(walk: Walk, node: AnyNode, scope: Address) -> bool:
    """True when nothing of the scope, which `node` is all of, is left. Until a plan is kept, the walk only looks."""
    stand = _node_backward(walk, node, scope, held=False)
    if node.address != ROOT:
        walk.stands[node.address] = stand
    if scope in walk.state.planned:
        return stand.over
    _land(walk, scope)
    return False


PENDING_BACKWARD = Stand("pending", over=True)


# --- draining ----------------------------------------------------------------------------------------


def _land(walk: Walk, scope: Address) -> None:
    """What is in flight ends by itself; then, and only then, the plan of what to undo is made."""
    plan, state = walk.plan, walk.state
    if state.flying_in.get(scope, 0):
        if any(call in state.flying for call in directions_of(scope)):
            walk.stands[scope] = RUNNING
    else:
        stays = state.committed and not _is_one_of_several(walk, scope)
        left = () if stays else effects(plan, state, scope)
        walk.commands.append(Decide(Planned(scope, left)))


def _is_one_of_several(walk: Walk, scope: Address) -> bool:
    """An item that was not chosen was never part of what is committed: it is undone below the line as well."""
    around = items_around(scope)
    if not around or item(*around[-1]) != scope:
        return False
    each = walk.plan.nodes[around[-1][0]]
    return isinstance(each, ForEach) and each.quorum > 0


# --- undoing -----------------------------------------------------------------------------------------


def _children_backward(
    walk: Walk,
    holder: AnyNode,
    children: tuple[AnyNode, ...],
    scope: Address,
    *,
    held: bool,
) -> bool:
    """The graph reversed: what ran later is undone first. True when nothing is left."""
    if walk.memory is not None:
        form = Form("backward", scope, held, scope in walk.state.planned)
        row = walk.memory.children(
            holder.address,
            children,
            form,
            lambda inner, node, is_open: (
                SKIPPED
                if _is_passed_over(inner, holder, node)
                else _node_backward(inner, node, scope, held=not is_open)
            ),
        )
        walk.hear(row)
        return row.count("open") == 0
    waiting_for_later: set[int] = set()
    over = True
    for position in reversed(range(len(children))):
        node = children[position]
        if _is_passed_over(walk, holder, node):
            walk.stands[node.address] = SKIPPED
            continue
        is_held = held or position in waiting_for_later
        stand = _node_backward(walk, node, scope, held=is_held)
        walk.stands[node.address] = stand
        over = over and stand.over
        if is_held or not stand.over:
            waiting_for_later.update(node.needs)
    return over


def _node_backward(walk: Walk, node: AnyNode, scope: Address, *, held: bool) -> Stand:
    state = walk.state
    if node.address in state.skipped:
        return SKIPPED
    match node:
        case ForEach(branches=None):
            return PENDING_BACKWARD
        case Block():
            over = _children_backward(walk, node, node.children, scope, held=held)
            return Stand(group_state(walk, node), over)
        case Switch() | ForEach():
            over = _children_backward(walk, node, inside(node), scope, held=held)
            return Stand(_state_of_many(walk, node), over)
        case Call(fallback=Block() as fallback):
            # The call was settled before its fallback ran, so it is undone after it.
            later = _children_backward(walk, node, fallback.children, scope, held=held)
            stand = _one_call(walk, node, scope, held=held or not later)
            return Stand(stand.state, later and stand.over)
        case Call():
            return _one_call(walk, node, scope, held=held)
        case Confirm() if state.committed:
            return _confirm_left(walk, node)
        case Confirm() | Detach() | Local():
            here = node.address
            # The timer of a WaitFor is its timeout: fired, it says nothing of how the WaitFor ended.
            waited = here in state.fired and not isinstance(node, WaitFor)
            reached = waited or here in state.done or here in state.detached
            failed = state.calls.get(here, NO_CALL).failed is not None
            return Stand("refused" if failed else "ok" if reached else "pending", over=True)
        case _:
            assert_never(node)


def _confirm_left(walk: Walk, node: Confirm) -> Stand:
    """Of a part that was given up below the commit line: one that is out lands, and no other is sent."""
    entry = walk.state.calls.get(node.address, NO_CALL)
    if entry.flying:
        return Stand("running", over=True)
    return OVER_OK if entry.answer is not None else SKIPPED


def _state_of_many(walk: Walk, node: Switch | ForEach) -> StepState:
    """That no branch was taken, no item was there, or that those failed which may, was not a failure."""
    state = group_state(walk, node)
    reached = node.address in walk.state.done or node.address in walk.state.expanded
    settled = isinstance(node, ForEach) and node.collect == "settled"
    settled = settled or node.address in walk.state.chosen
    nothing = state == "pending" or (settled and state == "refused")
    return "kept" if reached and nothing else state


def _is_passed_over(walk: Walk, holder: AnyNode, node: AnyNode) -> bool:
    """Whether it is a branch that was not taken, or an item that was not needed any more."""
    state, here = walk.state, holder.address
    if isinstance(holder, Switch) and here in state.done:
        taken = state.done[here]
        return not isinstance(taken, int) or holder.branches[taken].address != node.address
    return isinstance(holder, ForEach) and here in state.chosen and node.address not in state.items


def _one_call(walk: Walk, call: Call, scope: Address, *, held: bool) -> Stand:
    here, planned = call.address, walk.state.planned
    if here in planned.get(scope, ()):
        return _call_backward(walk, call, held=held)
    if any(here in planned.get(around, ()) for around in (*enclosing(here), ROOT)):
        is_held = held or scope not in planned
        return _call_backward(walk, call, held=is_held)  # it turned with less, before all of it did
    return _call_left(walk, call, scope)


def _call_backward(walk: Walk, call: Call, *, held: bool) -> Stand:
    back = undoing(walk.plan, walk.state, call)
    match back.standing:
        case "undone" | "kept" | "absent":
            return nothing_left(back)
        case "stuck" if may_fail(walk.plan, call.address):
            return _given_up(walk, call, back)
        case "stuck" | "undoing" if held:
            walk.waiting.append(Residue(call.address, back.call, WAITS_FOR_LATER))
            is_out = walk.state.calls.get(undo(call.address), NO_CALL).flying
            return Stand("undoing" if is_out else _seen(walk, call), over=False)
        case "undoing":
            walk.commands += back.commands
            return Stand("undoing", over=False)
        case "stuck":
            return _cannot_undo(walk, back)


def nothing_left(back: Undo) -> Stand:
    """How a call looks whose undo has nothing more to do."""
    return Stand("refused" if back.standing == "absent" else back.standing, over=True)


def _cannot_undo(walk: Walk, back: Undo) -> Stand:
    walk.stuck.append(back.call)
    leave(walk, back.call, back.why)
    return STUCK


def _given_up(walk: Walk, call: Call, back: Undo) -> Stand:
    """What may fail holds nobody up, also where its undo does: it is named, with a warning, and the run goes on."""
    failure = outcome_failure(walk.state.calls.get(back.call, NO_CALL))
    if standing(walk.plan, walk.state, call) == "unknown":
        leave(walk, back.call, MAY_HAVE_HAPPENED)
        failure = outcome_failure(walk.state.calls[call.address]) or failure
        seen: StepState = "unknown"
    else:
        leave(walk, back.call, STANDS)
        why = f"{back.why}: {failure.message}" if failure is not None else back.why
        status = None if failure is None else failure.status
        response = None if failure is None else failure.response
        failure = Failure(Code.NOT_UNDONE, f"it stands: {why}", call.address, status, response)
        seen = "kept"
    walk.warnings += [] if failure is None else [failure]
    return Stand(seen, over=True)


def _call_left(walk: Walk, call: Call, scope: Address) -> Stand:
    """A call that is not undone: there is nothing, or it ran after commit, where nothing is undone."""
    is_unknown = standing(walk.plan, walk.state, call) == "unknown" and not call.action.is_read
    if is_unknown and scope in walk.state.planned:
        leave(walk, call.address, MAY_HAVE_HAPPENED)
    seen = _seen(walk, call)
    given_up = walk.state.committed and scope in walk.state.planned
    if seen == "ok" and given_up and _is_only_held(walk, call):
        leave(walk, call.address, STANDS)
        return Stand("kept", over=True)
    return Stand(seen, over=True)


def _is_only_held(walk: Walk, call: Call) -> bool:
    """Whether it would have been undone or confirmed in a part that was given up below the commit line."""
    confirmed = walk.state.calls.get(confirm(call.address), NO_CALL).answer is not None
    return isinstance(call.compensation, Compensation) and not confirmed


def _seen(walk: Walk, call: Call) -> StepState:
    """How a call looks that is not being undone now."""
    state = walk.state
    entry = state.calls.get(call.address)
    if entry is None:
        return "pending"
    if entry.flying:
        return "running"
    if undone_by(state, call.address) is not None:
        return "undone"
    effect = standing(walk.plan, state, call)
    match effect:
        case "none":
            return "refused"
        case _ if isinstance(call.compensation, NothingToUndo):
            return "kept"  # from the turn on: nothing will be done about it any more
        case "ok":
            return "kept" if call.action.is_read else "ok"
        case "unknown":
            return "unknown" if not call.action.is_read else "refused"


def group_state(walk: Walk, group: AnyNode) -> StepState:
    """A group looks like the furthest of what is in it; what sends nothing leaves nothing to say."""
    if walk.row is not None:
        return walk.row.looks()
    stands = ((node, walk.stands[node.address].state) for node in inside(group))
    states = {"kept" if seen == "ok" and isinstance(node, Local) else seen for node, seen in stands}
    return next((state for state in RANKED if state in states), "pending")
