"""A signal at the door: whether the run waits for it, or will, and whether it says what the wait asks for."""

from __future__ import annotations

from collections.abc import Sequence

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.language.inputs import problems_of
from flowdsl.plan.nodes import Input, WaitFor
from flowdsl.plan.values import Json
from flowdsl.saga.events import Signalled
from flowdsl.saga.run import Run
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.unfolding import Unfolded


def waits_for(plan: Unfolded, name: str) -> list[WaitFor]:
    """Every step of the run that waits for this signal, wherever it is. Raises InputError where there is none."""
    found = [n for n in plan.nodes.values() if isinstance(n, WaitFor) and n.signal == name]
    if not found:
        names = sorted({n.signal for n in plan.nodes.values() if isinstance(n, WaitFor)})
        hint = f"it waits for: {', '.join(names)}" if names else "it has no `wait_for`"
        raise InputError(f"no step of this run waits for `{name}`", code=Code.NO_WAIT, help=hint)
    return found


def accept(run: Run, signal: Signalled) -> list[Signalled]:
    """The fact it adds, none where it is a repetition. Raises InputError where nobody wants it."""
    state, waits = run.state, waits_for(run.plan, signal.name)
    if signal.id and signal.id in state.signals:
        return []
    if state.ended or state.turning is not None:
        what = f"it is over: {state.ended}" if state.ended else "it is being undone"
        message = f"`{signal.name}` comes too late for this run: {what}"
        raise InputError(
            message, code=Code.RUN_IS_OVER, help="`flowdsl status` shows where it stands"
        )
    still = [wait for wait in waits if _may_take(state, wait)]
    kept = [s for s in state.signals.values() if s.name == signal.name]
    if len(kept) - _taken(state, kept) >= len(still):
        message = (
            f"`{signal.name}` has been answered"
            if kept
            else f"`{signal.name}` is not waited for any more"
        )
        raise InputError(message, code=Code.ANSWERED_BEFORE, help="the first answer counts")
    _check(waits, signal)
    return [signal]


def _may_take(state: State, wait: WaitFor) -> bool:
    """Whether it may still come to it, and take a signal then."""
    here = wait.address
    failed = state.calls.get(here, NO_CALL).failed is not None
    return not (here in state.received or here in state.skipped or failed)


def _taken(state: State, kept: Sequence[Signalled]) -> int:
    taken = set(state.received.values())
    return sum(one.id in taken for one in kept)


def _check(waits: Sequence[WaitFor], signal: Signalled) -> None:
    for wait in waits:
        problems = payload_problems(wait, signal.payload)
        if problems:
            message = f"`{signal.name}` does not say what is asked for: {'; '.join(problems)}"
            raise InputError(
                message, code=Code.ILL_TYPED_SIGNAL, help="`flowdsl status` shows what is asked for"
            )


def payload_problems(wait: WaitFor, payload: Json) -> list[str]:
    """Where a payload does not fit the `schema` of a wait."""
    if wait.schema is None:
        return []
    declared = Input(wait.signal, wait.schema)
    return [problem.message for problem in problems_of(declared, payload)]
