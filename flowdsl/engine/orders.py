"""What a person orders of a run: cancel, retry, resolve, skip. Each becomes facts, and is safe to repeat."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

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
from flowdsl.plan.nodes import Call, Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import CancelRequested, Event, Resolved, Retried, Signalled, Waived
from flowdsl.saga.ledger import answer_on_record, standing
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.state import CallState, State, fold
from flowdsl.saga.unfolding import unfolded

Kind: TypeAlias = Literal["cancel", "retry", "resolve", "skip", "signal"]


@dataclass(frozen=True, slots=True)
class Order:
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
        """Raises ValueError for what is no order: anybody may leave a file in an inbox. What it says besides is passed over."""
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
                raise ValueError("this is no order")


def to_event(plan: Plan, state: State, order: Order, at: float) -> list[Event]:
    """The facts that an order adds. Raises InputError where it makes no sense for this run."""
    plan = unfolded(plan, state)
    now = progress(plan, state)
    match order.kind:
        case "cancel":
            return _cancel(state, now, order, at)
        case "retry":
            calls = [_stuck_call(plan, now, order.step)] if order.step else list(now.stuck)
            return [Retried(call, at, order.actor) for call in _with_answers(state, calls)]
        case "resolve" | "skip" if is_repetition(plan, state, now, order):
            return []
        case "resolve":
            return _resolve(plan, state, _stuck_call(plan, now, order.step), order, at)
        case "skip":
            call = _stuck_call(plan, now, order.step)
            return [Waived(call, at, order.actor, order.reason)]
        case "signal":
            signal = Signalled(order.id, order.step, order.body, at, order.actor)
            return [*accept(plan, state, signal)]


def is_repetition(plan: Plan, state: State, now: Progress, order: Order) -> bool:
    """Whether this very order, of the same step for the same reason, was given before, and nothing is stuck there since."""
    if order.kind not in ("resolve", "skip"):
        return False
    step = find_step(unfolded(plan, state), step_of(order.step))
    if any(step_of(call) == step for call in now.stuck):
        return False
    return any(_obeys(entry, order) for call, entry in state.calls.items() if step_of(call) == step)


def _obeys(entry: CallState, order: Order) -> bool:
    if order.kind == "skip":
        return entry.waived is not None and entry.waived.reason == order.reason
    said = entry.resolved if order.ok else entry.absent
    if said is None or said.reason != order.reason or said.ok != order.ok:
        return False
    return not order.ok or said.body == order.body


def with_orders(plan: Plan, state: State, ordered: Iterable[tuple[str, Json]], at: float) -> State:
    """The state as it is once these orders have been heard; those that make no sense are passed over, as by its driver."""
    for order_id, command in ordered:
        with suppress(ValueError, InputError):
            order = replace(Order.from_json(command), id=order_id)
            state = fold(state, to_event(plan, state, order, at))
    return state


def find_step(plan: Plan, name: str) -> Address:
    """The address that a person means: an address, or an id."""
    address = plan.names.get(name, name)
    if address in plan.nodes:
        return address
    known = ", ".join(sorted(n.address for n in plan.nodes.values() if n.name)[:8])
    raise InputError(f"no step `{name}`", code=Code.NO_STEP, help=f"the steps are: {known}")


def _cancel(state: State, now: Progress, order: Order, at: float) -> list[Event]:
    if state.committed and not state.ended:
        raise InputError(
            "this run is past its commit line: it can only go forward",
            code=Code.PAST_COMMIT,
            help="`flowdsl resume` goes on with it",
        )
    retried = [Retried(call, at, order.actor) for call in _with_answers(state, list(now.stuck))]
    if state.turning is not None:
        return [*retried]
    return [*retried, CancelRequested(at, order.actor, order.reason)]


def _resolve(plan: Plan, state: State, call: CallId, order: Order, at: float) -> list[Event]:
    """A person's word about the direction that is stuck. It never contradicts what a service has said."""
    step, direction = step_of(call), direction_of(call)
    node = plan.nodes.get(step)
    if isinstance(node, Call) and direction in ("do", "undo"):
        answered = answer_on_record(state, node)
        is_sure = direction == "do" and standing(plan, state, node) == "ok"
        if answered is not None and (is_sure or not order.ok):
            said = f"answered {answered.status}: " if answered.status else ""
            raise InputError(
                f"`{step}` {said}it is known that it happened"
                + (", so there is something to undo" if direction == "undo" else ""),
                code=Code.NOT_STUCK,
                help=f'if it was undone by hand, say so: --skip {step} --reason "…"',
            )
    said_so = Resolved(call, at, order.ok, order.body, order.actor, order.reason)
    if order.ok or direction == "undo" or not state.committed:
        return [said_so]
    return [said_so, Retried(call, at, order.actor)]  # it never happened: so it is done now


def _stuck_call(plan: Plan, now: Progress, name: str) -> CallId:
    step = find_step(plan, step_of(name))
    for call in now.stuck:
        if step_of(call) == step:
            return call
    stuck = ", ".join(step_of(call) for call in now.stuck) or "nothing is"
    raise InputError(f"`{name}` is not stuck", code=Code.NOT_STUCK, help=f"stuck: {stuck}")


def _with_answers(state: State, calls: list[CallId]) -> list[CallId]:
    """An unknown call is retried by asking for its answer once more, where that had been tried."""
    also = [asks(call) for call in calls for asks in (answer, probe, second_probe)]
    return calls + [call for call in also if call in state.calls]
