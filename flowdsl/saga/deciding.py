"""Nodes that send nothing: `when`, `set`, `status`, `fail`, and what a list, a branch or a detached run is decided by.

Each is settled once, and the result is a fact.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from flowdsl.codes import Code
from flowdsl.plan.address import Address
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.nodes import (
    AnyNode,
    Detach,
    Fail,
    ForEach,
    Set,
    Status,
    Switch,
    WaitFor,
)
from flowdsl.plan.template import Template, expressions, render_text
from flowdsl.plan.values import Json
from flowdsl.saga.events import Detached, Done, Expanded, Failed, Failure, Ok, Skipped
from flowdsl.saga.scope import ANYWHERE, Vantage, scope, value
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import Unfolded

ITEMS_MAX = 10_000  # of one `for_each`; `chunks()` makes fewer of them
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"
ID_CHARACTERS = 10


def decide_when(plan: Unfolded, state: State, node: AnyNode) -> Skipped | Failed | None:
    """Whether a node with a `when` is passed over; None where it is not."""
    assert node.when is not None
    try:
        holds = _evaluated(plan, state, node.when, node.address)
    except EvaluationError as error:
        return _raised(node.address, f"`when: {node.when.text}` failed: {error}")
    return None if holds else Skipped(node.address)


def decide_value(plan: Unfolded, state: State, node: Set | Status | Fail) -> Done | Failed:
    """The value of a node that sends nothing, or why it has none."""
    vantage = Vantage(node.address)
    try:
        match node:
            case Set():
                named = {name: value(plan, state, item, vantage) for name, item in node.values}
                return Done(node.address, named)
            case Status():
                return Done(node.address, text(plan, state, node.text, vantage))
            case Fail():
                message = text(plan, state, node.message, vantage)
                return Failed(node.address, Failure(Code.FAIL_STEP, message, node.address))
    except EvaluationError as error:
        return _raised(node.address, str(error))


def decide_items(plan: Unfolded, state: State, each: ForEach) -> Expanded | Failed:
    """The items of a `for_each`."""
    assert each.items is not None, "confirms have no items of their own"
    what = f"`for_each: {each.variable} in {each.items.text}`"
    try:
        items = _evaluated(plan, state, each.items, each.address)
    except EvaluationError as error:
        return _raised(each.address, f"{what} failed: {error}")
    if not isinstance(items, list):
        return _raised(each.address, f"{what} is not a list")
    if len(items) > ITEMS_MAX:
        message = f"{what} has {len(items):,} items, and {ITEMS_MAX:,} is the most: make `chunks(…)` of them"
        return Failed(each.address, Failure(Code.TOO_MANY_ITEMS, message, each.address))
    return Expanded(each.address, tuple(items))


def decide_branch(plan: Unfolded, state: State, switch: Switch) -> Done | Failed:
    """Which branch is taken: the first whose condition holds, or none."""
    for position, branch in enumerate(switch.branches):
        if branch.when is None:
            return Done(switch.address, position, is_place=True)
        try:
            if _evaluated(plan, state, branch.when, switch.address):
                return Done(switch.address, position, is_place=True)
        except EvaluationError as error:
            return _raised(switch.address, f"`when: {branch.when.text}` failed: {error}")
    return Done(switch.address, None)


def decide_payload(plan: Unfolded, state: State, node: WaitFor, payload: Json) -> Done | Failed:
    """What a signal comes to: its payload is the value, unless `expect` says no."""
    if node.expect is not None:
        # The payload stands where a call has its answer: under the step's own id.
        vantage = Vantage(node.address, Ok(0, {}, payload))
        what = f"`expect: {node.expect.text}`"
        try:
            if not evaluate(node.expect, scope(plan, state, [node.expect], vantage)):
                message = f"`{node.signal}` was answered, and {what} does not hold"
                failure = Failure(Code.NOT_EXPECTED, message, node.address, None, payload)
                return Failed(node.address, failure)
        except EvaluationError as error:
            return _raised(node.address, f"{what} failed: {error}")
    return Done(node.address, payload)


def decide_detached(plan: Unfolded, state: State, node: Detach) -> Detached | Failed:
    """The run of its own that a detached `uses` starts: its id follows from this run and the place of the step."""
    vantage = Vantage(node.address)
    try:
        inputs = {name: value(plan, state, item, vantage) for name, item in node.arguments}
    except EvaluationError as error:
        return _raised(node.address, f"`with` failed: {error}")
    assert state.created is not None
    run = detached_id(state.created.run, node.address, node.workflow)
    return Detached(node.address, run, node.digest, inputs)


def detached_id(parent: str, address: Address, workflow: str) -> str:
    """`<workflow>-<10 of a-z2-7>`: always the same for the same step of the same run."""
    digest = sha256(f"{parent} {address}".encode()).digest()
    letters = "".join(LETTERS[byte % 32] for byte in digest[:ID_CHARACTERS])
    return f"{workflow[: 63 - ID_CHARACTERS]}-{letters}"


def text(plan: Unfolded, state: State, template: Template, vantage: Vantage = ANYWHERE) -> str:
    """A template that is text for people. Raises EvaluationError."""
    names = scope(plan, state, expressions(template), vantage)
    return "".join(str(part) for part in render_text(template, names))


def _evaluated(plan: Unfolded, state: State, expression: Expression, step: Address) -> Json:
    names = scope(plan, state, [expression], Vantage(step))
    return evaluate(expression, names)  # type: ignore[return-value]  # no secret stands here


def _raised(address: Address, message: str) -> Failed:
    return Failed(address, Failure(Code.FAILED_EXPRESSION, message, address))
