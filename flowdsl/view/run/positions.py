"""Where each step stands, with an answer also for those that `progress` had no reason to look at."""

from __future__ import annotations

from flowdsl.codes import Code
from flowdsl.plan.address import Address, CallId, answer, enclosing, undo
from flowdsl.plan.nodes import AnyNode, Call, Status
from flowdsl.saga.events import Failure
from flowdsl.saga.ledger import outcome_failure
from flowdsl.saga.run import Run
from flowdsl.saga.stand import StepState
from flowdsl.saga.state import NO_CALL, CallState
from flowdsl.saga.walk import STANDS
from flowdsl.view.outline import steps


def state_of(run: Run, address: Address) -> StepState:
    """A step's state. Where `progress` did not look any more, the facts say it."""
    stand = run.progress.stands.get(address)
    if stand is not None:
        return stand.state
    entry = run.state.calls.get(address, NO_CALL)
    if entry.failed is not None and not entry.attempt:
        return "refused"
    if entry.answer is not None or address in run.state.done or address in run.state.fired:
        return "ok"
    if address in run.state.detached:
        return "ok" if address in run.state.begun else "running"
    if entry.attempt:
        return "running" if entry.flying else "unknown" if entry.unsure else "refused"
    around = enclosing(address)
    return "skipped" if any(_is_skipped(run, block) for block in around) else "pending"


def _is_skipped(run: Run, address: Address) -> bool:
    stand = run.progress.stands.get(address)
    return address in run.state.skipped or (stand is not None and stand.state == "skipped")


def undo_state(run: Run, call: CallId, entry: CallState) -> StepState:
    """How far an undo is that was begun."""
    if entry.answer is not None or entry.resolved is not None:
        return "undone"
    if entry.waived is not None:
        return "skipped"
    if call in run.progress.stuck:
        return "stuck"
    if any(one.call == call for one in run.progress.residue):
        return "refused"  # and nobody is held up for it
    return "refused" if entry.failed is not None or run.progress.at_rest else "undoing"


def is_warned(run: Run, node: AnyNode) -> bool:
    """Whether a step that may fail did."""
    failed = [
        warning.step for warning in run.progress.warnings if warning.code != Code.BROKEN_CONTRACT
    ]
    return not node.critical and node.address in failed


def failure_of(run: Run, call: CallId) -> Failure | None:
    """Why a call is not ok."""
    return outcome_failure(run.state.calls.get(call, NO_CALL))


def took_seconds(entry: CallState, now: float | None) -> float | None:
    """From its first send to its last answer; to now, while it is out."""
    if entry.attempt == 0:
        return None
    if entry.flying:
        return None if now is None else now - entry.first_at
    return entry.ended_at - entry.first_at


def tries_of(run: Run, call: CallId) -> int:
    """Every request that was sent for it: also those that asked for its lost answer again."""
    asked = NO_CALL if "!" in call else run.state.calls.get(answer(call), NO_CALL)
    return run.state.calls.get(call, NO_CALL).attempt + asked.attempt


def stands(run: Run, address: Address) -> bool:
    """Whether it took effect and could not be undone, in a run that goes on without it."""
    return any(one.step == address and one.why == STANDS for one in run.progress.residue)


def undone_steps(run: Run) -> list[Address]:
    """The steps whose undo was carried out, in the order of the plan."""
    return [
        node.address
        for node in steps(run.plan)
        if isinstance(node, Call)
        and run.state.calls.get(undo(node.address), NO_CALL).answer is not None
    ]


def label_of(run: Run) -> str | None:
    """The last `status:` that was reached, in the order of the plan."""
    reached = [
        str(run.state.done[node.address])
        for node in steps(run.plan)
        if isinstance(node, Status) and node.address in run.state.done
    ]
    return reached[-1] if reached else None


def cause_of(run: Run) -> Failure | None:
    """What went wrong first: why the run turned, or what stopped it after commit."""
    if run.state.turning is not None:
        return run.state.turning.failure
    if run.state.parked is not None:
        return run.state.parked
    call = cause_call(run)
    return failure_of(run, call) if call else None


def cause_call(run: Run) -> CallId:
    """Which call went wrong first, in its direction; empty where it was none."""
    if run.state.turning is not None:
        return run.state.turning.failure.step
    return next((call for call in run.progress.stuck if call and failure_of(run, call)), "")
