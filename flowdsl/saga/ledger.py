"""What a call left in the world, as far as anybody can know: read from the facts, decided nowhere else."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.plan.address import (
    ON_FAILURE,
    Address,
    CallId,
    answer,
    is_below,
    probe,
    second_probe,
    undo,
)
from flowdsl.plan.nodes import Call
from flowdsl.plan.unfold import within
from flowdsl.saga.events import Failure, Ok, Refused, Unknown
from flowdsl.saga.state import NO_CALL, CallState, State
from flowdsl.saga.unfolding import Unfolded

Effect: TypeAlias = Literal["none", "ok", "unknown"]

UNSETTLED = "an answer was lost, and no later one says what became of it: in the end"


def standing(plan: Unfolded, state: State, call: Call) -> Effect:
    """Whether the call's effect is there: surely, surely not, or nobody knows."""
    entry = state.calls.get(call.address)
    if entry is None:
        return "none"
    if entry.answer is not None:
        return "ok"
    if entry.resolved is not None:
        return "ok" if entry.resolved.ok else "none"
    if not entry.unsure and not entry.flying:
        return "none"
    if found(state, call) is not None or _asked_again(state, call) is not None:
        return "ok"
    if is_absent(plan, state, call):
        return "none"
    return "unknown"


def result_of(state: State, call: Call) -> Ok | None:
    """What the steps after it see: its own answer, a person's, or what a probe found in its stead."""
    entry = state.calls.get(call.address, NO_CALL)
    if entry.answer is not None:
        return entry.answer
    if entry.resolved is not None:
        return Ok(0, {}, entry.resolved.body) if entry.resolved.ok else None
    return found(state, call)


def answer_of(state: State, call: Call) -> Ok | None:
    """What its undo sees: also an answer that was only asked for because the undo needs it, or that was kept for it."""
    known = result_of(state, call) or _asked_again(state, call)
    if known is not None:
        return known
    outcome = state.calls.get(call.address, NO_CALL).outcome
    return outcome.answer if isinstance(outcome, Unknown) else None


def answer_on_record(state: State, call: Call) -> Ok | None:
    """What the services said of it, if anything: nothing that only a person said."""
    entry = state.calls.get(call.address, NO_CALL)
    kept = entry.outcome.answer if isinstance(entry.outcome, Unknown) else None
    return entry.answer or found(state, call) or _asked_again(state, call) or kept


def found(state: State, call: Call) -> Ok | None:
    """What a probe found."""
    for address in (probe(call.address), second_probe(call.address)):
        entry = state.calls.get(address)
        if entry is not None and entry.answer is not None:
            return entry.answer
    return None


def is_absent(plan: Unfolded, state: State, call: Call) -> bool:
    """Whether it is known by now that an unknown call never happened."""
    second = state.calls.get(second_probe(call.address), NO_CALL)
    if isinstance(second.outcome, Refused) and second.outcome.absent:
        return True
    again = state.calls.get(answer(call.address), NO_CALL)
    keyed = plan.services[call.action.service].idempotency is not None
    return keyed and isinstance(again.outcome, Refused) and again.outcome.definite


def effects(plan: Unfolded, state: State, scope: Address) -> tuple[Address, ...]:
    """Every changing call of the scope that is ok or unknown and not undone yet, in the order of the plan."""
    return tuple(
        node.address
        for node in within(plan.nodes[scope])
        if isinstance(node, Call)
        and not is_below(node.address, ON_FAILURE)
        and not node.action.is_read
        and standing(plan, state, node) != "none"
        and state.calls.get(undo(node.address), NO_CALL).answer is None
    )


def undone_by(state: State, address: Address) -> CallId | None:
    """The call that left nothing to undo: the undo that was answered, or what a person took upon them."""
    made = state.calls.get(undo(address), NO_CALL)
    if made.answer is not None or made.waived is not None or made.resolved is not None:
        return undo(address)
    return address if state.calls.get(address, NO_CALL).waived is not None else None


def outcome_failure(entry: CallState) -> Failure | None:
    """Why the call is not ok, if it is not."""
    if entry.answer is not None:
        return None
    if entry.failed is not None:
        return entry.failed
    match entry.outcome:
        case Refused(failure=failure) if entry.unsure:
            # A "no" to this attempt is none to the one before.
            return replace(
                failure, code=Code.UNKNOWN_OUTCOME, message=f"{UNSETTLED}, {failure.message}"
            )
        case Refused(failure=failure) | Unknown(failure=failure):
            return failure
        case Ok() | None:
            return None


def said_by_service(entry: CallState) -> tuple[int | None, dict[str, str] | None]:
    """Status and headers of an answer that was not a success."""
    match entry.outcome:
        case Unknown(answer=Ok(status=status, headers=headers)):
            return status, headers
        case Refused(failure=failure, headers=said) | Unknown(failure=failure, headers=said):
            return failure.status, said
        case Ok() | None:
            return None, None


def _asked_again(state: State, call: Call) -> Ok | None:
    entry = state.calls.get(answer(call.address))
    return entry.answer if entry is not None else None
