"""The explorer's world: services that know which effects they hold, and a network that may deliver late.

A service with `idempotency` plays back what a key was answered; one without does the work once more. Every call of
the same step answers the same, so that the run's values do not multiply the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import networkx

from flowdsl.language.flatten import flatten
from flowdsl.plan.address import Address, CallId, direction_of, step_of
from flowdsl.plan.nodes import RESENDABLE, Action, Block, Call, Compensation, Confirm, Plan
from flowdsl.plan.template import Template, references
from flowdsl.plan.values import Json
from flowdsl.saga.intent import action_of
from flowdsl.saga.observation import Answer, Observation


@dataclass(frozen=True, slots=True)
class Effect:
    """What one step did to its service. `late`: a request of it is still in the network."""

    count: int = 0
    undone: int = 0
    confirmed: int = 0
    late: bool = False

    @property
    def held(self) -> bool:
        return self.count > 0 and not self.undone


NO_EFFECT = Effect()


@dataclass(frozen=True, slots=True)
class Services:
    """Every effect by step. Hashable, so that states can be told apart."""

    effects: tuple[tuple[Address, Effect], ...] = ()

    def effect(self, step: Address) -> Effect:
        return dict(self.effects).get(step, NO_EFFECT)

    def put(self, step: Address, effect: Effect) -> Services:
        return Services(tuple(sorted({**dict(self.effects), step: effect}.items())))


def arrive(
    plan: Plan, services: Services, call: CallId, values: Mapping[Address, Json]
) -> tuple[Services, Observation]:
    """A request reaches its service and is carried out: what the services hold then, and the answer."""
    step = step_of(call)
    node = plan.nodes[step]
    effect = services.effect(step)
    match direction_of(call):
        case "undo" if effect.undone and is_keyed(plan, call):
            return services, Answer(204)
        case "confirm" if effect.confirmed and is_keyed(plan, call):
            return services, Answer(200)
        case "undo":
            if not effect.held:
                return services, Answer(404)
            return services.put(step, replace(effect, undone=effect.undone + 1)), Answer(204)
        case "confirm":
            if not effect.held:
                return services, Answer(409)
            return services.put(step, replace(effect, confirmed=effect.confirmed + 1)), Answer(200)
        case "probe":
            assert isinstance(node, Call)
            return services, Answer(200, (), values[f"{step}!probe"] if effect.held else None)
        case _:
            return _do(plan, services, step, values)


def refuse(plan: Plan, services: Services, call: CallId) -> Services:
    """A service says no. One that honours keys says so to a late arrival with the same key as well."""
    step = step_of(call)
    if direction_of(call) != "do" or not is_keyed(plan, call):
        return services
    return services.put(step, replace(services.effect(step), late=False))


def is_keyed(plan: Plan, call: CallId) -> bool:
    return plan.services[action_of(plan, call).service].idempotency is not None


def deliver_late(plan: Plan, services: Services, step: Address) -> Services:
    """The network hands over what everybody had given up on."""
    effect = services.effect(step)
    services = services.put(step, replace(effect, late=False))
    return _do(plan, services, step, {step: None})[0]


def _do(
    plan: Plan, services: Services, step: Address, values: Mapping[Address, Json]
) -> tuple[Services, Observation]:
    action = action_of(plan, step)
    effect = services.effect(step)
    done = Answer(200, (), values[step])
    if action.is_read:
        return services, done
    if effect.count and (is_keyed(plan, step) or action.method in RESENDABLE):
        return services, done  # played back, or the same once more
    return services.put(step, replace(effect, count=effect.count + 1)), done


def answers(plan: Plan) -> dict[CallId, Json]:
    """A body for every call that has the fields the workflow reads, each of them 1."""
    values: dict[CallId, Json] = {}
    for node in plan.nodes.values():
        if isinstance(node, Call):
            values[node.address] = {}
            if node.probe is not None:
                values[f"{node.address}!probe"] = [{}]
    for template in _templates(plan):
        for _, reference in references(template):
            name = str(reference.path[0])
            address = plan.names.get(name)
            if address in values and len(reference.path) > 1:
                values[address] = _grown(values[address], reference.path[1:])
    for node in plan.nodes.values():
        if isinstance(node, Call) and node.probe is not None:
            values[f"{node.address}!probe"] = [values[node.address]]
    return values


def later_effects(plan: Plan) -> dict[Address, frozenset[Address]]:
    """For each call, the calls that ran after it and so are undone before it."""
    graph = flatten(plan)
    return {
        node: frozenset(
            other
            for other in networkx.descendants(graph, node)
            if isinstance(plan.nodes.get(other), Call)
        )
        for node in graph
        if isinstance(plan.nodes.get(node), Call)
    }


def _templates(plan: Plan) -> list[Template]:
    found: list[Template] = [template for _, template in plan.outputs]
    for node in plan.nodes.values():
        if node.when is not None:
            found.append(node.when)
        match node:
            case Call():
                found += _of_call(node)
            case Confirm():
                found += _of_action(node.action)
            case Block():
                pass
            case _:
                found += [
                    t for t in (getattr(node, "text", None), getattr(node, "message", None)) if t
                ]
                found += [template for _, template in getattr(node, "values", ())]
    return found


def _of_call(call: Call) -> list[Template]:
    found = _of_action(call.action)
    if isinstance(call.compensation, Compensation):
        found += _of_action(call.compensation.action)
    return found


def _of_action(action: Action) -> list[Template]:
    found: list[Template] = [action.path]
    found += [value for _, value in action.query + action.headers]
    found += [template for template in (action.body, action.expect) if template is not None]
    return found


def _grown(value: Json, path: tuple[str | int, ...]) -> Json:
    """The value with something at the path: an object where a name is read, a list where a position is."""
    if not path:
        return value if value not in ({}, None) else 1
    head, rest = path[0], path[1:]
    if isinstance(head, str):
        fields = dict(value) if isinstance(value, dict) else {}
        fields[head] = _grown(fields.get(head), rest)
        return fields
    items = list(value) if isinstance(value, list) else []
    items += [None] * (abs(head) + 1 - len(items))
    items[head] = _grown(items[head], rest)
    return items
