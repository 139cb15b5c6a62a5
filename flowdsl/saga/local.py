"""Nodes that send nothing: `when`, `set`, `status`, `fail`. Each is settled once, and the result is a fact."""

from __future__ import annotations

from flowdsl.plan.evaluate import EvaluationError, evaluate
from flowdsl.plan.nodes import AnyNode, Assign, Fail, Label, Plan
from flowdsl.plan.template import Template, references, render, render_text
from flowdsl.plan.values import Json
from flowdsl.saga.events import Done, Failed, Failure, Skipped
from flowdsl.saga.scope import scope
from flowdsl.saga.state import State


def decide_when(plan: Plan, state: State, node: AnyNode) -> Skipped | Failed | None:
    """Whether a node with a `when` is passed over; None where it is not."""
    assert node.when is not None
    try:
        holds = evaluate(node.when, scope(plan, state, [node.when]))
    except EvaluationError as error:
        message = f"`when: {node.when.text}` failed: {error}"
        return Failed(node.address, Failure("F114", message, node.address))
    return None if holds else Skipped(node.address)


def decide_value(plan: Plan, state: State, node: Assign | Label | Fail) -> Done | Failed:
    """The value of a node that sends nothing, or why it has none."""
    try:
        match node:
            case Assign():
                return Done(node.address, _assigned(plan, state, node))
            case Label():
                return Done(node.address, text(plan, state, node.text))
            case Fail():
                message = text(plan, state, node.message)
                return Failed(node.address, Failure("F115", message, node.address))
    except EvaluationError as error:
        return Failed(node.address, Failure("F114", str(error), node.address))


def text(plan: Plan, state: State, template: Template) -> str:
    """A template that is text for people. Raises EvaluationError."""
    names = scope(plan, state, [expression for expression, _ in references(template)])
    return "".join(str(part) for part in render_text(template, names))


def value(plan: Plan, state: State, template: Template) -> Json:
    """A template's value where no secret can stand. Raises EvaluationError."""
    names = scope(plan, state, [expression for expression, _ in references(template)])
    return render(template, names)  # type: ignore[return-value]


def _assigned(plan: Plan, state: State, node: Assign) -> Json:
    return {name: value(plan, state, template) for name, template in node.values}
