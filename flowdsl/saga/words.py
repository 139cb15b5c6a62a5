"""What only a person said: it is named for ever, with who said it and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from flowdsl.plan.address import CallId, direction_of, step_of
from flowdsl.plan.nodes import Call, Confirm
from flowdsl.saga.attempt import may_resend
from flowdsl.saga.events import Resolved, Waived
from flowdsl.saga.intent import action_of
from flowdsl.saga.state import CallState, State
from flowdsl.saga.unfolding import Unfolded
from flowdsl.saga.walk import Residue

SKIPPED_BY_HAND = "skipped on a person's word"
HAPPENED: Mapping[str, str] = MappingProxyType(
    {"do": "it happened", "undo": "it is undone", "confirm": "it is confirmed"}
)
ABSENT: Mapping[str, str] = MappingProxyType(
    {
        "do": "it never happened",
        "undo": "there was nothing to undo",
        "confirm": "it was not confirmed",
    }
)


def words_of_people(plan: Unfolded, state: State) -> Iterator[Residue]:
    """Every skip, every answer and every "it never happened" that no service has said since."""
    for call, entry in state.calls.items():
        word = _word(plan, call, entry)
        if word is not None:
            yield Residue(step_of(call), call, _said(call, word), word.actor, word.reason)


def _word(plan: Unfolded, call: CallId, entry: CallState) -> Waived | Resolved | None:
    if entry.waived is not None:
        return entry.waived
    if entry.answer is None and entry.resolved is not None:
        return entry.resolved
    return None if entry.absent is None or _was_heard(plan, call, entry) else entry.absent


def _was_heard(plan: Unfolded, call: CallId, entry: CallState) -> bool:
    """Whether the service has answered for the attempts that a person called absent as well: it did the work once."""
    node = plan.nodes.get(step_of(call))
    if entry.answer is None or not isinstance(node, Call | Confirm):
        return False
    action = action_of(plan, call)
    return may_resend(action, plan.services[action.service])


def _said(call: CallId, word: Waived | Resolved) -> str:
    match word:
        case Waived():
            return SKIPPED_BY_HAND
        case Resolved(ok=ok):
            said = (HAPPENED if ok else ABSENT)[direction_of(call)]
            return f"{said}, on a person's word"
