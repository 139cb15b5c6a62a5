"""What a person orders of a run: cancel, retry, resolve, skip. Each becomes facts, and is safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from flowdsl.codes import Code
from flowdsl.engine.signals import accept
from flowdsl.errors import InputError
from flowdsl.plan.address import (
    Address,
    CallId,
    answer,
    direction_of,
    probe,
    second_probe,
    step_of,
)
from flowdsl.plan.nodes import Call
from flowdsl.plan.values import Json
from flowdsl.saga.events import CancelRequested, Event, Resolved, Retried, Signalled, Waived
from flowdsl.saga.ledger import answer_on_record, standing
from flowdsl.saga.run import Run
from flowdsl.saga.state import CallState, State
from flowdsl.saga.unfolding import Unfolded

Kind: TypeAlias = Literal["cancel", "retry", "resolve", "skip", "signal"]


class Order(Struct, frozen=True):
    """`step` is an address or a unique id; empty for all that are stuck; of a `signal` its name.

    `ok` is of a `resolve`, `body` of that and of a `signal`. `id` tells a repetition from a second order.
    """

    kind: Kind
    step: str = ""
    ok: bool = False
    body: Json = None
    actor: str = ""
    reason: str = ""
    id: str = ""

    def to_json(self) -> dict[str, Json]:
        return asdict(self)

    @staticmethod
    def from_json(value: Json) -> Order:
        """Raises ValueError for what is not an order: anybody may leave a file in an inbox. What it says besides is passed over."""
        match {**asdict(Order("cancel")), **value} if isinstance(value, dict) else None:
            case {
                "kind": ("cancel" | "retry" | "resolve" | "skip" | "signal") as kind,
                "step": str(step),
                "ok": bool(ok),
                "body": body,
                "actor": str(actor),
                "reason": str(reason),
                "id": str(order_id),
            }:
                return Order(kind, step, ok, body, actor, reason, order_id)
            case _:
                raise ValueError("this is not an order")


def judged(
    run: Run, sequence: int, order: Order, if_sequence: int | None, at: float
) -> list[Event]:
    """The facts that an order adds to a run whose last fact is `sequence`, if that is the one it was given for."""
    if if_sequence not in (None, sequence):
        raise InputError(
            f"{run.id} has moved on: its last fact is {sequence}, and not {if_sequence}",
            code=Code.MOVED_ON,
            help=f"look at it again: flowdsl status {run.id}",
        )
    return to_event(run, order, at)


def to_event(run: Run, order: Order, at: float) -> list[Event]:
    """The facts that an order adds. Raises InputError where it makes no sense for this run."""
    if run.state.ended and order.kind != "signal":  # which says so itself
        raise _over(run)
    match order.kind:
        case "cancel":
            return _cancel(run, order, at)
        case "retry":
            calls = [_stuck_call(run, order.step)] if order.step else list(run.progress.stuck)
            return [Retried(call, at, order.actor) for call in _with_answers(run.state, calls)]
        case "resolve" | "skip" if is_repetition(run, order):
            return []
        case "resolve":
            return _resolve(run, _stuck_call(run, order.step), order, at)
        case "skip":
            return [Waived(_stuck_call(run, order.step), at, order.actor, order.reason)]
        case "signal":
            signal = Signalled(order.id, order.step, order.body, at, order.actor)
            return [*accept(run, signal)]


def is_repetition(run: Run, order: Order) -> bool:
    """Whether this very order, of the same step for the same reason, was given before, and nothing is stuck there since."""
    if order.kind not in ("resolve", "skip"):
        return False
    step = find_step(run.plan, step_of(order.step))
    if any(step_of(call) == step for call in run.progress.stuck):
        return False
    calls = run.state.calls.items()
    return any(_obeys(entry, order) for call, entry in calls if step_of(call) == step)


def _obeys(entry: CallState, order: Order) -> bool:
    if order.kind == "skip":
        return entry.waived is not None and entry.waived.reason == order.reason
    said = entry.resolved if order.ok else entry.absent
    if said is None or said.reason != order.reason or said.ok != order.ok:
        return False
    return not order.ok or said.body == order.body


def with_orders(run: Run, ordered: Iterable[tuple[str, Json]], at: float) -> Run:
    """The run as it is once these orders have been heard; those that make no sense are passed over, as by its driver."""
    for order_id, command in ordered:
        with suppress(ValueError, InputError):
            order = replace(Order.from_json(command), id=order_id)
            run = run.with_facts(to_event(run, order, at))
    return run


def find_step(plan: Unfolded, name: str) -> Address:
    """The address that a person means: an address, or an id."""
    address = plan.names.get(name, name)
    if address in plan.nodes:
        return address
    known = ", ".join(sorted(n.address for n in plan.nodes.values() if n.name)[:8])
    raise InputError(f"no step `{name}`", code=Code.NO_STEP, help=f"the steps are: {known}")


def _over(run: Run) -> InputError:
    state = run.progress.state
    why = "everything in it is final" if state == "succeeded" else "nothing is left to do"
    return InputError(
        f"{run.id} is over: it {'has ' if state == 'succeeded' else 'was '}{state}; {why}",
        code=Code.RUN_IS_OVER,
        help=f"flowdsl rerun {run.id}",
    )


def _cancel(run: Run, order: Order, at: float) -> list[Event]:
    state, stuck = run.state, list(run.progress.stuck)
    if state.committed and not state.ended:
        raise InputError(
            "this run is past its commit line: it can only go forward",
            code=Code.PAST_COMMIT,
            help="`flowdsl resume` goes on with it",
        )
    retried = [Retried(call, at, order.actor) for call in _with_answers(state, stuck)]
    if state.turning is not None:
        return [*retried]
    return [*retried, CancelRequested(at, order.actor, order.reason)]


def _resolve(run: Run, call: CallId, order: Order, at: float) -> list[Event]:
    """A person's word about the direction that is stuck. It never contradicts what a service has said."""
    step, direction = step_of(call), direction_of(call)
    node = run.plan.nodes.get(step)
    if isinstance(node, Call) and direction in ("do", "undo"):
        answered = answer_on_record(run.state, node)
        is_sure = direction == "do" and standing(run.plan, run.state, node) == "ok"
        if answered is not None and (is_sure or not order.ok):
            said = f"answered {answered.status}: " if answered.status else ""
            raise InputError(
                f"`{step}` {said}it is known that it happened"
                + (", so there is something to undo" if direction == "undo" else ""),
                code=Code.NOT_STUCK,
                help=f'if it was undone by hand, say so: --skip {step} --reason "…"',
            )
    said_so = Resolved(call, at, order.ok, order.body, order.actor, order.reason)
    if order.ok or direction == "undo" or not run.state.committed:
        return [said_so]
    return [said_so, Retried(call, at, order.actor)]  # it never happened: so it is done now


def _stuck_call(run: Run, name: str) -> CallId:
    step = find_step(run.plan, step_of(name))
    for call in run.progress.stuck:
        if step_of(call) == step:
            return call
    stuck = ", ".join(step_of(call) for call in run.progress.stuck) or "nothing is"
    raise InputError(f"`{name}` is not stuck", code=Code.NOT_STUCK, help=f"stuck: {stuck}")


def _with_answers(state: State, calls: list[CallId]) -> list[CallId]:
    """An unknown call is retried by asking for its answer once more, where that had been tried."""
    also = [asks(call) for call in calls for asks in (answer, probe, second_probe)]
    return calls + [call for call in also if call in state.calls]
