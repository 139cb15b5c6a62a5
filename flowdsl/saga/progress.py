"""The heart: given the plan and all facts, where does every node stand, and what should be in flight right now?

Theory of operation
    `progress` is level-triggered. It never asks what just happened, so starting, going on, resuming after a crash and
    undoing after a crash are one and the same call. It walks the plan like an interpreter that remembers results:
    `forward` where the run goes on, `backward` where it is undone. A half-finished parallel block needs no case of
    its own: each node says for itself "never started", "land me first", "undo me", "nothing is left".

    A scope is what turns as one: the whole run, or a group marked `critical: false`. It turns on the first critical
    failure inside it. Three facts mark the way, each kept before anything follows from it:
        Turned     nothing new starts; what is in flight is let finish (draining)
        Planned    nothing is in flight: what is ok or unknown now is what will be undone, and nothing else
        Ended      all of it is undone
    Committed closes the other door: from there nothing turns, and what still fails is stuck.

    An undo waits for the undos of all that ran after it (`held`), and for its own step to be settled: landed,
    asked again where its answer is needed, and past the window in which the network might still deliver it.

    Facts only accumulate, and no node that is over ever becomes un-over. The explorer checks that on every edge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flowdsl.plan.address import ROOT, Address, CallId, is_below, step_of, undo
from flowdsl.plan.nodes import (
    AnyNode,
    Assign,
    Block,
    Call,
    Commit,
    Confirm,
    Fail,
    Label,
    Plan,
    Wait,
)
from flowdsl.saga.attempt import attempt, invoke
from flowdsl.saga.commands import Command, Decide, Invoke, Sleep
from flowdsl.saga.events import (
    Alerted,
    Committed,
    Decision,
    Ended,
    Failure,
    Parked,
    Planned,
    Skipped,
    Turned,
)
from flowdsl.saga.intent import action_of
from flowdsl.saga.ledger import effects, outcome_failure, standing
from flowdsl.saga.local import decide_value, decide_when
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.undoing import Undo, probing, undoing

StepState: TypeAlias = Literal[
    "pending", "skipped", "running", "waiting", "ok", "refused",
    "unknown", "undoing", "undone", "kept", "stuck",
]  # fmt: skip
RunState: TypeAlias = Literal[
    "running", "waiting", "compensating", "succeeded", "compensated", "cancelled", "stuck"
]

DEADLINE = "deadline"
CRASHES_MAX = 10


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a node stands. `over`: what needs it may start (forward), what it held up may be undone (backward)."""

    state: StepState
    over: bool


@dataclass(frozen=True, slots=True)
class Residue:
    """Something a person should know is, or may be, left behind."""

    step: Address
    call: CallId
    why: str
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    state: RunState
    stands: dict[Address, Stand]
    commands: tuple[Command, ...] = ()
    stuck: tuple[CallId, ...] = ()  # what a person must resolve, in the direction that is stuck
    residue: tuple[Residue, ...] = ()
    warnings: tuple[Failure, ...] = ()

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return tuple(command.event for command in self.commands if isinstance(command, Decide))

    @property
    def at_rest(self) -> bool:
        """Nothing is in flight and nothing will be: the run has ended, or a person is needed."""
        return not self.commands


@dataclass(slots=True)
class Walk:
    """One ask: the question, and the answer as it grows."""

    plan: Plan
    state: State
    stands: dict[Address, Stand] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    causes: dict[Address, Failure] = field(default_factory=dict)  # by scope, the first one wins
    stuck: list[CallId] = field(default_factory=list)
    residue: list[Residue] = field(default_factory=list)
    waiting: list[Residue] = field(default_factory=list)  # left behind too, if the run gets stuck
    warnings: list[Failure] = field(default_factory=list)


PENDING = Stand("pending", over=False)
RUNNING = Stand("running", over=False)
OVER_OK = Stand("ok", over=True)
SKIPPED = Stand("skipped", over=True)
STUCK = Stand("stuck", over=False)


def progress(plan: Plan, state: State) -> Progress:
    """Where everything stands, and every command that should be in flight."""
    walk = Walk(plan, state)
    if state.crashes >= CRASHES_MAX and state.parked is None:
        message = f"the run took its process down {state.crashes} times without getting on"
        walk.commands.append(Decide(Parked(Failure("F121", message))))
    over = _backward_run(walk) if state.turning else _forward_run(walk)
    if state.parked is not None:
        walk.commands.clear()
        walk.stuck.append("")
    name = _conclude(walk, over=over)
    return Progress(
        name,
        walk.stands,
        tuple(walk.commands),
        tuple(walk.stuck),
        tuple(walk.residue),
        tuple(walk.warnings),
    )


def _forward_run(walk: Walk) -> bool:
    state = walk.state
    cause = _call_to_turn(state)
    if cause is not None and not state.committed:
        walk.commands.append(Decide(cause))
    over = _children_forward(walk, walk.plan.root, ROOT)
    if ROOT in walk.causes:
        walk.commands.append(Decide(Turned(ROOT, "refused", walk.causes[ROOT])))
    if cause is not None and state.committed and cause.cause == "deadline":
        walk.warnings.append(Failure("F117", "the run went past its timeout after commit"))
    return over


def _call_to_turn(state: State) -> Turned | None:
    """A cancel or the deadline, whichever a person or the clock brought first."""
    if state.cancel is not None:
        reason = state.cancel.reason or "cancelled"
        return Turned(ROOT, "cancelled", Failure("F119", reason))
    if DEADLINE in state.fired:
        return Turned(ROOT, "deadline", Failure("F117", "the run's timeout passed"))
    return None


def _backward_run(walk: Walk) -> bool:
    if ROOT not in walk.state.planned:
        _backward_block(
            walk, walk.plan.root, ROOT, held=False
        )  # nothing is planned yet: it only looks
        _land(walk, ROOT)
        return False
    return _backward_block(walk, walk.plan.root, ROOT, held=False)


def _conclude(walk: Walk, *, over: bool) -> RunState:
    """The run's state by name, and the decisions that close it."""
    state = walk.state
    if state.ended:
        walk.commands.clear()
        return state.ended  # type: ignore[return-value]
    turned = state.turning
    end: RunState = "succeeded"
    if turned is not None:
        end = "compensated" if turned.cause == "refused" else "cancelled"
    busy = bool(walk.commands)
    if not busy:
        outcome: RunState = end if over else "stuck"
        alerting = _alert(walk, outcome)
        if over and not alerting:
            walk.commands.append(Decide(Ended(end)))
        if not over:
            walk.residue += walk.waiting
            return "stuck"
    elif turned is None and DEADLINE not in state.fired:
        _watch_deadline(walk)
    if turned is not None:
        return "compensating"
    return "waiting" if busy and _only_waits(walk) else "running"


def _watch_deadline(walk: Walk) -> None:
    seconds, created = walk.plan.timeout_seconds, walk.state.created
    if seconds is not None and created is not None:
        walk.commands.append(Sleep(DEADLINE, seconds, created.at))


def _alert(walk: Walk, outcome: RunState) -> bool:
    """Run `on_failure`, once, when the run first is undone or stuck. True while it runs."""
    handlers = walk.plan.on_failure
    if handlers is None or outcome == "succeeded":
        return False
    if not walk.state.alerted:
        walk.commands.append(Decide(Alerted(outcome)))
        return True
    return not _children_forward(walk, handlers, handlers.address)


def _only_waits(walk: Walk) -> bool:
    waits = [stand for stand in walk.stands.values() if stand.state == "waiting"]
    sleeps = [c for c in walk.commands if isinstance(c, Sleep) and c.timer != DEADLINE]
    return bool(waits) and len(sleeps) == len(waits) and not _invokes(walk)


def _invokes(walk: Walk) -> bool:
    return any(not isinstance(command, Sleep) for command in walk.commands)


# --- forward -----------------------------------------------------------------------------------------


def _children_forward(walk: Walk, block: Block, scope: Address) -> bool:
    """Walk the children whose needs are over. True when all are."""
    stands: list[Stand] = []
    for node in block.children:
        ready = all(stands[position].over for position in node.needs)
        stand = _forward(walk, node, scope) if ready else _not_ready(walk, node)
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


def _forward(walk: Walk, node: AnyNode, scope: Address) -> Stand:
    state = walk.state
    if node.address in state.skipped:
        return SKIPPED
    entry = state.calls.get(node.address, NO_CALL)
    if entry.waived is not None:
        return _waived(walk, node.address)
    if entry.failed is not None and entry.attempt == 0:
        return _failed(walk, node, scope, entry.failed)
    if entry.attempt == 0 and node.when is not None and node.address not in state.done:
        decision = decide_when(walk.plan, state, node)
        if decision is not None:
            walk.commands.append(Decide(decision))
            return SKIPPED if isinstance(decision, Skipped) else RUNNING
    match node:
        case Call():
            return _forward_call(walk, node, scope)
        case Confirm():
            return _forward_confirm(walk, node)
        case Block():
            return _forward_block(walk, node, scope)
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


def _forward_call(walk: Walk, call: Call, scope: Address) -> Stand:
    plan, state = walk.plan, walk.state
    entry = state.calls.get(call.address, NO_CALL)
    if entry.resolved is not None and entry.answer is None:
        return OVER_OK if entry.resolved.ok else _failed(walk, call, scope, _failure_of(walk, call))
    now = attempt(state, call.address, call.action, plan.services[call.action.service])
    if now.landing == "unknown":
        now = probing(plan, state, call)
    match now.landing:
        case "ok":
            return OVER_OK
        case "running":
            assert now.command is not None
            walk.commands.append(now.command)
            return RUNNING
        case "refused":
            return _failed(walk, call, scope, _failure_of(walk, call))
        case "unknown":
            if call.critical:
                return _failed(walk, call, scope, _failure_of(walk, call), "unknown")
            return _tolerate_unknown(walk, call)


def _tolerate_unknown(walk: Walk, call: Call) -> Stand:
    """A step that may fail, and nobody knows whether it did: not left lying about while it can be undone."""
    failure = _failure_of(walk, call)
    if is_below(call.address, "on_failure"):
        walk.warnings.append(failure)
        return Stand("unknown", over=True)
    back = undoing(walk.plan, walk.state, call)
    if back.standing in ("undone", "kept", "absent"):
        walk.warnings.append(failure)
        return Stand("undone" if back.standing == "undone" else "refused", over=True)
    if walk.state.committed or back.standing == "stuck":
        return _may_have_happened(walk, call, failure)
    walk.commands += back.commands
    return Stand("undoing", over=False)


def _may_have_happened(walk: Walk, call: Call, failure: Failure) -> Stand:
    walk.warnings.append(failure)
    walk.residue.append(Residue(call.address, call.address, "may have happened"))
    return Stand("unknown", over=True)


def _forward_confirm(walk: Walk, node: Confirm) -> Stand:
    plan, state = walk.plan, walk.state
    call = plan.nodes[node.of]
    assert isinstance(call, Call)
    entry = state.calls.get(node.address, NO_CALL)
    if entry.resolved is not None and entry.resolved.ok:
        return OVER_OK
    if standing(plan, state, call) != "ok" or walk.stands[call.address].state != "ok":
        return SKIPPED
    now = attempt(state, node.address, node.action, plan.services[node.action.service])
    match now.landing:
        case "ok":
            return OVER_OK
        case "running":
            assert now.command is not None
            walk.commands.append(now.command)
            return RUNNING
        case _:
            walk.stuck.append(node.address)
            walk.residue.append(Residue(node.of, node.address, "not confirmed"))
            return STUCK


def _forward_block(walk: Walk, block: Block, scope: Address) -> Stand:
    state = walk.state
    if block.critical:
        return OVER_OK if _children_forward(walk, block, scope) else RUNNING
    turned = state.turned.get(block.address)
    if turned is None:
        over = _children_forward(walk, block, block.address)
        if block.address in walk.causes:
            cause = Turned(block.address, "refused", walk.causes[block.address])
            walk.commands.append(Decide(cause))
        return OVER_OK if over else RUNNING
    if block.address not in state.planned:
        _land(walk, block.address)
        return Stand("undoing", over=False)
    if not _backward_block(walk, block, block.address, held=False):
        return Stand("undoing", over=False)
    walk.warnings.append(turned.failure)
    return Stand("undone" if state.planned[block.address] else "refused", over=True)


def _failed(
    walk: Walk, node: AnyNode, scope: Address, failure: Failure, seen: StepState = "refused"
) -> Stand:
    """It is not going to be ok: a warning, a reason to turn, or, past the point of no return, stuck."""
    if not node.critical:
        walk.warnings.append(failure)
        return Stand(seen, over=True)
    if walk.state.committed and scope == ROOT:
        walk.stuck.append(node.address)
        why = "may have happened" if seen == "unknown" else "not done"
        walk.residue.append(Residue(step_of(node.address), node.address, why))
        return STUCK
    walk.causes.setdefault(scope, failure)
    return Stand(seen, over=False)


def _failure_of(walk: Walk, call: Call) -> Failure:
    failure = outcome_failure(walk.state.calls.get(call.address, NO_CALL))
    return failure or Failure("F110", "it did not happen", call.address)


def _waived(walk: Walk, call: CallId) -> Stand:
    waived = walk.state.calls[call].waived
    assert waived is not None
    why = "skipped on a person's word"
    walk.residue.append(Residue(step_of(call), call, why, waived.actor, waived.reason))
    return SKIPPED


# --- the turn ----------------------------------------------------------------------------------------


def _land(walk: Walk, scope: Address) -> None:
    """Draining: what is in flight ends by itself; then, and only then, the plan of what to undo is made."""
    plan, state = walk.plan, walk.state
    for call in state.flying:
        if is_below(step_of(call), scope):
            action = action_of(plan, call)
            entry = state.calls[call]
            service = plan.services[action.service]
            walk.commands.append(invoke(call, entry.attempt, entry, action, service))
            walk.stands[step_of(call)] = RUNNING
    if not any(_is_landing(command, scope) for command in walk.commands):
        left = () if state.committed else effects(plan, state, scope)
        walk.commands.append(Decide(Planned(scope, left)))


def _is_landing(command: Command, scope: Address) -> bool:
    return isinstance(command, Invoke) and is_below(step_of(command.call), scope)


# --- backward ----------------------------------------------------------------------------------------


def _backward_block(walk: Walk, block: Block, scope: Address, *, held: bool) -> bool:
    """The same walk on the graph reversed: what ran later is undone first. True when nothing is left."""
    waiting_for_later: set[int] = set()
    over = True
    for position in reversed(range(len(block.children))):
        node = block.children[position]
        is_held = held or position in waiting_for_later
        stand = _backward(walk, node, scope, held=is_held)
        walk.stands[node.address] = stand
        over = over and stand.over
        if is_held or not stand.over:
            waiting_for_later.update(node.needs)
    return over


def _backward(walk: Walk, node: AnyNode, scope: Address, *, held: bool) -> Stand:
    state = walk.state
    match node:
        case Block():
            over = _backward_block(walk, node, scope, held=held)
            return Stand(_group_state(walk, node), over)
        case Call() if node.address in _to_undo(walk, scope):
            return _backward_call(walk, node, held=held)
        case Call():
            return Stand(_seen(walk, node), over=True)
        case _:
            reached = node.address in state.done or node.address in state.fired
            failed = state.calls.get(node.address, NO_CALL).failed is not None
            seen: StepState = "ok" if reached else "refused" if failed else "pending"
            return Stand("skipped" if node.address in state.skipped else seen, over=True)


def _backward_call(walk: Walk, call: Call, *, held: bool) -> Stand:
    back = undoing(walk.plan, walk.state, call)
    match back.standing:
        case "undone" | "kept" | "absent":
            _note_waiver(walk, back)
            return Stand("refused" if back.standing == "absent" else back.standing, over=True)
        case _ if held:
            why = "not undone: what ran after it comes first, and is stuck"
            walk.waiting.append(Residue(call.address, back.call, why))
            return Stand(_seen(walk, call), over=False)
        case "undoing":
            walk.commands += back.commands
            return Stand("undoing", over=False)
        case "stuck":
            return _cannot_undo(walk, call, back)


def _cannot_undo(walk: Walk, call: Call, back: Undo) -> Stand:
    if not call.critical and standing(walk.plan, walk.state, call) == "unknown":
        walk.residue.append(Residue(call.address, back.call, "may have happened"))
        return Stand("unknown", over=True)
    walk.stuck.append(back.call)
    walk.residue.append(Residue(call.address, back.call, back.why))
    return STUCK


def _note_waiver(walk: Walk, back: Undo) -> None:
    if walk.state.calls.get(back.call, NO_CALL).waived is not None:
        _waived(walk, back.call)


def _to_undo(walk: Walk, scope: Address) -> tuple[Address, ...]:
    return walk.state.planned.get(scope, ())


def _seen(walk: Walk, call: Call) -> StepState:
    """How a call looks that is not being undone now."""
    state = walk.state
    if call.address in state.skipped:
        return "skipped"
    if call.address not in state.calls:
        return "pending"
    if state.calls.get(undo(call.address), NO_CALL).answer is not None:
        return "undone"
    match standing(walk.plan, state, call):
        case "ok":
            return "kept" if call.action.is_read else "ok"
        case "unknown":
            return "unknown" if not call.action.is_read else "refused"
        case "none":
            return "refused"


def _group_state(walk: Walk, block: Block) -> StepState:
    """A group looks like the furthest of its children."""
    states = {walk.stands[child.address].state for child in block.children}
    order: tuple[StepState, ...] = (
        "stuck",
        "undoing",
        "unknown",
        "ok",
        "undone",
        "refused",
        "kept",
    )
    return next((state for state in order if state in states), "pending")
