"""Going on: an interpreter that walks the plan and remembers what every node came to."""

from __future__ import annotations

from flowdsl.plan.address import ON_FAILURE, ROOT, Address, is_below, step_of
from flowdsl.plan.nodes import (
    AnyNode,
    Assign,
    Block,
    Call,
    Commit,
    Confirm,
    Fail,
    Label,
    Wait,
)
from flowdsl.saga.attempt import Standing, attempt
from flowdsl.saga.backward import backward, group_state, nothing_left
from flowdsl.saga.commands import Decide, Sleep
from flowdsl.saga.events import Committed, Failure, Skipped, Turned
from flowdsl.saga.ledger import outcome_failure, standing
from flowdsl.saga.local import decide_value, decide_when
from flowdsl.saga.state import NO_CALL
from flowdsl.saga.undoing import probing, undoing
from flowdsl.saga.walk import (
    MAY_HAVE_HAPPENED,
    OVER_OK,
    PENDING,
    RUNNING,
    SKIPPED,
    STUCK,
    Residue,
    Stand,
    StepState,
    Walk,
    leave,
)


def forward(walk: Walk, block: Block, scope: Address) -> bool:
    """Walk the children whose needs are over. True when all are."""
    stands: list[Stand] = []
    for node in block.children:
        ready = all(stands[position].over for position in node.needs)
        stand = _node_forward(walk, node, scope) if ready else _not_ready(walk, node)
        walk.stands[node.address] = stand
        stands.append(stand)
    return all(stand.over for stand in stands)


def _not_ready(walk: Walk, node: AnyNode) -> Stand:
    """What a stuck run leaves unconfirmed is named too."""
    match node:
        case Block(children=children):
            for child in children:
                walk.stands[child.address] = _not_ready(walk, child)
        case Confirm(of=step) if walk.state.committed and walk.stands[step].state == "ok":
            why = "not confirmed: what comes before it is stuck"
            walk.waiting.append(Residue(step, node.address, why))
    return PENDING


def _node_forward(walk: Walk, node: AnyNode, scope: Address) -> Stand:
    state = walk.state
    if node.address in state.skipped:
        return SKIPPED
    entry = state.calls.get(node.address, NO_CALL)
    if entry.waived is not None:
        leave(walk, node.address)
        return SKIPPED
    if entry.resolved is not None and entry.answer is None:
        failure = _failure_of(walk, node)
        return OVER_OK if entry.resolved.ok else _failed(walk, node, scope, failure)
    if entry.failed is not None and entry.attempt == 0:
        return _failed(walk, node, scope, entry.failed)
    if entry.attempt == 0 and node.when is not None and node.address not in state.done:
        decision = decide_when(walk.plan, state, node)
        if decision is not None:
            walk.commands.append(Decide(decision))
            return SKIPPED if isinstance(decision, Skipped) else RUNNING
    match node:
        case Call():
            return _call_forward(walk, node, scope)
        case Confirm():
            return _confirm_forward(walk, node)
        case Block():
            return _block_forward(walk, node, scope)
        case Wait():
            if node.address in state.fired:
                return OVER_OK
            walk.commands.append(Sleep(node.address, node.seconds))
            return Stand("waiting", over=False)
        case Commit():
            if not state.committed:
                walk.commands.append(Decide(Committed()))
                return RUNNING
            return OVER_OK
        case Assign() | Label() | Fail():
            if node.address in state.done:
                return OVER_OK
            walk.commands.append(Decide(decide_value(walk.plan, state, node)))
            return RUNNING
        case _:
            raise NotImplementedError


def _call_forward(walk: Walk, call: Call, scope: Address) -> Stand:
    plan, state = walk.plan, walk.state
    now = attempt(state, call.address, call.action, plan.services[call.action.service])
    if now.landing == "unknown":
        now = probing(plan, state, call)
    if now.landing in ("ok", "running"):
        return _on_its_way(walk, now)
    if now.landing == "unknown" and not call.critical:
        return _tolerate_unknown(walk, call)
    seen: StepState = "unknown" if now.landing == "unknown" else "refused"
    return _failed(walk, call, scope, _failure_of(walk, call), seen)


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
    if standing(plan, state, call) != "ok" or walk.stands[call.address].state != "ok":
        return SKIPPED
    now = attempt(state, node.address, node.action, plan.services[node.action.service])
    if now.landing in ("ok", "running"):
        return _on_its_way(walk, now)
    walk.stuck.append(node.address)
    leave(walk, node.address, "not confirmed")
    return STUCK


def _block_forward(walk: Walk, block: Block, scope: Address) -> Stand:
    """A group marked `critical: false` turns alone, and what comes after it goes on."""
    state = walk.state
    if block.critical:
        return OVER_OK if forward(walk, block, scope) else RUNNING
    turned = state.turned.get(block.address)
    if turned is None:
        over = forward(walk, block, block.address)
        if block.address in walk.causes:
            cause = Turned(block.address, "refused", walk.causes[block.address])
            walk.commands.append(Decide(cause))
        return OVER_OK if over else RUNNING
    if not backward(walk, block, block.address):
        return Stand("undoing", over=False)
    walk.warnings.append(turned.failure)
    return Stand(group_state(walk, block), over=True)


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
    return failure or Failure("F110", "it did not happen", step_of(node.address))
