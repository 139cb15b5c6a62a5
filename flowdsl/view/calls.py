"""How steps and calls are named in pictures: short names, and `POST flights/reservations` for a request."""

from __future__ import annotations

from collections import Counter

from flowdsl.plan.address import CONFIRMS, Address, CallId, direction_of, is_below, step_of
from flowdsl.plan.evaluate import EvaluationError
from flowdsl.plan.expression import Expression
from flowdsl.plan.nodes import Action, Confirm, Plan, Service
from flowdsl.plan.request import Request
from flowdsl.plan.template import Constant, Template, Text
from flowdsl.saga.intent import action_of
from flowdsl.saga.local import text as local_text
from flowdsl.saga.state import State
from flowdsl.view.brief import scalar

NAME_MAX = 20  # columns of a step's name


def short_names(plan: Plan) -> dict[Address, str]:
    """The last part of each address, or all of it where two steps end alike."""
    steps = [
        address
        for address, node in plan.nodes.items()
        if not isinstance(node, Confirm) and not is_below(address, CONFIRMS)
    ]
    ends = Counter(_last(address) for address in steps)
    return {address: _last(address) if ends[_last(address)] == 1 else address for address in steps}


def name_of(names: dict[Address, str], call: CallId) -> str:
    """The short name of the step that a call belongs to."""
    return names.get(step_of(call), step_of(call))


def action_text(action: Action) -> str:
    """`DELETE flights/reservations/‹flight.id›`: as written, what is not known in angle quotes."""
    return f"{action.method} {action.service}{template_text(action.path)}"


def template_text(template: Template) -> str:
    match template:
        case Text(parts=parts):
            return "".join(part if isinstance(part, str) else open_text(part) for part in parts)
        case Expression():
            return open_text(template)
        case Constant(value=value):
            return scalar(value)
        case _:
            return "‹…›"


def call_text(plan: Plan, state: State, call: CallId) -> str:
    """The request of a call, as sent if it was sent: `DELETE flights/reservations/F-1`."""
    action = action_of(plan, call)
    entry = state.calls.get(call)
    if entry is None or entry.request is None:
        return action_text(action)
    return request_text(plan, state, action, entry.request)


def request_text(plan: Plan, state: State, action: Action, request: Request) -> str:
    base = base_url(state, plan, plan.services[action.service])
    if base is None or not request.url.startswith(base):
        return action_text(action)
    return f"{request.method} {action.service}{request.url.removeprefix(base)}"


def base_url(state: State, plan: Plan, service: Service) -> str | None:
    """Where the service is, for this run."""
    if state.created is None:
        return None
    replaced = state.created.services.get(service.name)
    try:
        return (replaced or local_text(plan, state, service.url)).rstrip("/")
    except EvaluationError:
        return None


def direction_word(call: CallId) -> str:
    """What a call in a direction is called in prose: nothing for the step itself."""
    direction = direction_of(call)
    return "" if direction == "do" else direction


def _last(address: Address) -> str:
    return address.rpartition("/")[2]


def open_text(expression: Expression) -> str:
    """`‹flight.id›`: what is not known yet."""
    return f"‹{expression.text.strip()}›"
