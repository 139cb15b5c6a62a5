"""The names an expression can see, as JSON: built for each one from the facts, only what it reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flowdsl.plan.address import ROOT, Address, is_below
from flowdsl.plan.expression import Expression
from flowdsl.plan.nodes import Assign, Block, Call, Plan
from flowdsl.plan.values import Json, Secret
from flowdsl.saga.events import Failure, Ok
from flowdsl.saga.ledger import outcome_failure, result_of
from flowdsl.saga.state import NO_CALL, State


@dataclass(frozen=True, slots=True)
class Vantage:
    """From where an expression looks: its own step's answer, the recorded error, the probe's answer."""

    step: Address = ""
    answer: Ok | None = None
    failure: Failure | None = None
    probe: Ok | None = None


ANYWHERE = Vantage()


def scope(
    plan: Plan, state: State, expressions: Iterable[Expression], vantage: Vantage = ANYWHERE
) -> dict[str, Json]:
    """The scope that these expressions need, by root name."""
    names: dict[str, Json] = {}
    for expression in expressions:
        for reference in expression.references:
            root = str(reference.path[0])
            if root == "steps" and len(reference.path) > 1:
                steps = names.setdefault("steps", {})
                assert isinstance(steps, dict)
                steps[str(reference.path[1])] = _exchange(
                    plan, state, str(reference.path[1]), vantage
                )
            elif root not in names and root != "secrets":
                names[root] = _value(plan, state, root, vantage)
    return names


def _value(plan: Plan, state: State, name: str, vantage: Vantage) -> Json:
    created = state.created
    assert created is not None
    match name:
        case "inputs":
            return _inputs(plan, created.inputs)
        case "env":
            return dict(created.env)
        case "run":
            return {"id": created.run, "name": created.workflow, "started": created.started}
        case "error":
            alerted = state.alerted.failure if state.alerted else None
            return failure_value(vantage.failure or alerted)
        case "steps":
            return {}
        case "probe" if vantage.probe is not None:
            return vantage.probe.body
    address = plan.names[name]
    node = plan.nodes[address]
    if is_given_up(state, address, vantage.step):
        return None
    if isinstance(node, Assign) and any(name == key for key, _ in node.values):
        values = state.done.get(address)
        return values.get(name) if isinstance(values, dict) else None
    if address == vantage.step:
        return vantage.answer.body if vantage.answer else None
    return value_of(plan, state, address)


def value_of(plan: Plan, state: State, address: Address) -> Json:
    """A step's value: a call its body, a group the value of its last step, anything else null."""
    match plan.nodes[address]:
        case Call() as call:
            known = result_of(state, call)
            return known.body if known else None
        case Block(kind="steps", children=(*_, last)):
            return value_of(plan, state, last.address)
        case _:
            return None


def is_given_up(state: State, address: Address, viewer: Address) -> bool:
    """Whether the address lies in a group that was undone on its own; whoever stands outside sees null there."""
    return any(
        scope != ROOT and is_below(address, scope) and not is_below(viewer, scope)
        for scope in state.turned
    )


def failure_value(failure: Failure | None) -> Json:
    """A failure as `error` in expressions and in reports: its fields are a promise."""
    if failure is None:
        return None
    return {
        "code": failure.code,
        "step": failure.step,
        "message": failure.message,
        "status": failure.status,
        "response": failure.response,
    }


def _exchange(plan: Plan, state: State, name: str, vantage: Vantage) -> Json:
    """`steps.ID`: the rest of the exchange beside the body."""
    address = plan.names[name]
    node = plan.nodes[address]
    entry = state.calls.get(address, NO_CALL)
    known = vantage.answer if address == vantage.step else None
    if known is None and isinstance(node, Call) and not is_given_up(state, address, vantage.step):
        known = result_of(state, node)
    return {
        "status": known.status if known else None,
        "headers": dict(known.headers) if known else None,
        "key": entry.key or None,
        "error": failure_value(outcome_failure(entry)),
    }


def _inputs(plan: Plan, given: dict[str, Json]) -> Json:
    values = dict(given)
    for declared in plan.inputs:
        if declared.secret:
            values[declared.name] = Secret(f"inputs.{declared.name}")  # type: ignore[assignment]
        else:
            values.setdefault(declared.name, declared.default)
    return values
