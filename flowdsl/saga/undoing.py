"""Undoing one call, and finding out what became of one: the order is landing, answer, settling, undo.

Nothing is undone while it may still arrive, and no undo is sent that lacks what it has to say.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from flowdsl.plan.address import CallId, answer, probe, second_probe, settle, undo
from flowdsl.plan.nodes import Call, Compensation, NothingToUndo
from flowdsl.saga.attempt import REFUSED, UNKNOWN, Standing, attempt, may_resend
from flowdsl.saga.commands import Command, Sleep
from flowdsl.saga.events import Refused
from flowdsl.saga.intent import action_of
from flowdsl.saga.ledger import answer_of, is_absent, standing, undone_by
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.unfolding import Unfolded

UndoStanding: TypeAlias = Literal["undoing", "undone", "kept", "absent", "stuck"]


class Undo(Struct, frozen=True):
    """`call` is the direction that a person would act on."""

    standing: UndoStanding
    call: CallId
    commands: tuple[Command, ...] = ()
    why: str = ""


def undoing(plan: Unfolded, state: State, call: Call) -> Undo:
    """Where the undo of a call that is ok or unknown stands."""
    back = undo(call.address)
    done = undone_by(state, call.address)
    if done is not None:
        return Undo("undone", done)
    if standing(plan, state, call) == "none":
        return Undo("absent", back)
    match call.compensation:
        case NothingToUndo():
            return Undo("kept", back)
        case None:
            return Undo("stuck", call.address, why="nothing undoes it: it has no `compensate`")
        case Compensation():
            return _settle_then_undo(plan, state, call, call.compensation)


def probing(plan: Unfolded, state: State, call: Call) -> Standing:
    """What the probe of an unknown call says: ok (found), refused (it never happened), or still unknown.

    "Not there" counts only once nothing can arrive late any more, so a first such answer is asked for again.
    """
    if call.probe is None:
        return UNKNOWN
    service = plan.services[call.probe.action.service]
    first = probe(call.address)
    now = attempt(state, first, call.probe.action, service)
    if now.landing != "refused" or not _says_absent(state, first):
        return now if now.landing in ("ok", "running") else UNKNOWN
    window = _window(plan, state, call)
    if window is not None:
        return Standing("running", window)
    second = second_probe(call.address)
    now = attempt(state, second, call.probe.action, service)
    if now.landing == "refused":
        return REFUSED if is_absent(plan, state, call) else UNKNOWN
    return now


def _settle_then_undo(plan: Unfolded, state: State, call: Call, compensation: Compensation) -> Undo:
    back = undo(call.address)
    if compensation.needs_answer and answer_of(state, call) is None:
        learned = _learn_answer(plan, state, call)
        if learned.landing == "running":
            assert learned.command is not None
            return Undo("undoing", back, (learned.command,))
        if learned.landing == "refused":
            return Undo("absent", back)
        if learned.landing == "unknown":
            why = "its answer was lost, and the undo needs it"
            return Undo("stuck", call.address, why=why)
    window = _window(plan, state, call) if _may_still_arrive(plan, state, call) else None
    if window is not None:
        return Undo("undoing", back, (window,))
    now = attempt(state, back, compensation.action, plan.services[compensation.action.service])
    match now.landing:
        case "ok":
            return Undo("undone", back)
        case "running":
            assert now.command is not None
            return Undo("undoing", back, (now.command,))
        case "refused":
            return Undo("stuck", back, why="its undo was refused")
        case "unknown":
            return Undo("stuck", back, why="its undo may not have happened")


def _learn_answer(plan: Unfolded, state: State, call: Call) -> Standing:
    """Ask again with the same key, where that is harmless; then ask the probe."""
    service = plan.services[call.action.service]
    entry = state.calls[call.address]
    if may_resend(call.action, service) and not entry.expired:
        again = answer(call.address)
        now = attempt(state, again, action_of(plan, again), service)
        if now.landing in ("ok", "running"):
            return now
        if is_absent(plan, state, call):
            return REFUSED
    return probing(plan, state, call)


def _may_still_arrive(plan: Unfolded, state: State, call: Call) -> bool:
    """Whether an attempt we gave up on could still take effect after its undo.

    Once a service that honours keys has answered, a late request with that key is played back, and does nothing. On
    another service a lost PUT may arrive after the one that was answered, and after the undo of both. A service that
    refuses what it has undone makes that harmless; only of a probe, which leaves no such mark, it is no help.
    """
    service = plan.services[call.action.service]
    if service.tombstone:
        return False
    if standing(plan, state, call) == "unknown":
        return True
    return state.calls[call.address].unsure and service.idempotency is None


def _says_absent(state: State, call: CallId) -> bool:
    outcome = state.calls.get(call, NO_CALL).outcome
    return isinstance(outcome, Refused) and outcome.absent


def _window(plan: Unfolded, state: State, call: Call) -> Sleep | None:
    """The time in which the network may still deliver what we gave up on; None once it has passed.

    It begins when we gave up. Counted from the send, a timeout would leave nothing of a window as long as itself.
    """
    service = plan.services[call.action.service]
    sends = [state.calls[call.address], state.calls.get(answer(call.address), NO_CALL)]
    given_up = max(entry.ended_at for entry in sends)
    timer = settle(call.address, sum(entry.attempt for entry in sends))
    if timer in state.fired:
        return None
    seconds = service.settle_seconds
    return Sleep(timer, call.action.timeout_seconds if seconds is None else seconds, given_up)
