"""The explorer's world: services that know which effects they hold, and a network that may deliver late.

A service with `idempotency` plays back what a key was answered, as long as it remembers the key; one without does the
work once more. One with `tombstone` refuses what it has undone. Every call of the same step answers the same, so that
the run's values do not multiply the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import networkx
from msgspec import Struct
from msgspec.structs import replace

from flowdsl.explorer.bodies import bodies
from flowdsl.language.lower.flatten import flatten
from flowdsl.plan.address import Address, CallId, direction_of, probe, step_of, to_template
from flowdsl.plan.nodes import RESENDABLE, Call, Plan
from flowdsl.plan.values import Json
from flowdsl.saga.intent import action_of
from flowdsl.saga.observation import Answer
from flowdsl.saga.outcome import is_keyed
from flowdsl.saga.run import Run
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import Unfolded, unfolded


class Effect(Struct, frozen=True):
    """What one step did to its service."""

    held: bool = False  # it is there now
    count: int = 0  # how often it was carried out
    undone: int = 0
    confirmed: int = 0
    keys: frozenset[str] = frozenset()  # remembered, with the answer they got
    late: str = ""  # the key of a request that is still in the network
    barred: bool = False  # undone for good: the service takes no such request any more


NO_EFFECT = Effect()


class Services(Struct, frozen=True):
    """Every effect by step. Hashable, so that states can be told apart."""

    effects: tuple[tuple[Address, Effect], ...] = ()

    def effect(self, step: Address) -> Effect:
        return dict(self.effects).get(step, NO_EFFECT)

    def put(self, step: Address, effect: Effect) -> Services:
        return Services(tuple(sorted({**dict(self.effects), step: effect}.items(), key=_step)))


@dataclass(frozen=True, slots=True)
class Model:
    """A plan, and what its services answer: by call, and by `STEP!absent` for a probe that finds nothing.

    `at`: the same for a run that has expanded its lists.
    """

    plan: Unfolded
    bodies: Mapping[CallId, Json]
    later: Mapping[Address, frozenset[Address]] = field(default_factory=dict)
    made: dict[int, Model] = field(
        default_factory=dict, compare=False
    )  # by the identity of the plan

    def at(self, run: Run) -> Model:
        plan = run.plan
        if plan is self.plan:
            return self
        if id(plan) not in self.made:
            spread = {
                call: self.bodies[said]
                for node in plan.nodes.values()
                for call in (node.address, probe(node.address), f"{node.address}!absent")
                if (said := to_template(call)) in self.bodies
            }
            self.made[id(plan)] = Model(plan, spread, _later_effects(plan))
        return self.made[id(plan)]


def model_of(plan: Plan) -> Model:
    return Model(unfolded(plan, State()), bodies(plan), _later_effects(plan))


def arrive(model: Model, services: Services, call: CallId, key: str) -> tuple[Services, Answer]:
    """A request reaches its service and is carried out: what the services hold then, and the answer."""
    step = step_of(call)
    effect = services.effect(step)
    if plays_back(model, services, call, key):
        return services, Answer(200, (), model.bodies[step] if direction_of(call) == "do" else None)
    remembered = effect.keys | {key} if is_keyed(model.plan, call) else effect.keys
    match direction_of(call):
        case "undo" if effect.undone and action_of(model.plan, call).method not in RESENDABLE:
            return services.put(step, replace(effect, undone=effect.undone + 1)), Answer(200)
        case "undo":
            barred = model.plan.services[action_of(model.plan, step).service].tombstone
            gone = replace(effect, held=False, barred=barred, keys=remembered)
            if not effect.held:
                return services.put(step, replace(gone, keys=effect.keys)), Answer(404)
            return services.put(step, replace(gone, undone=effect.undone + 1)), Answer(204)
        case "confirm" if not effect.held:
            return services, Answer(409)
        case "confirm":
            confirmed = replace(effect, confirmed=effect.confirmed + 1, keys=remembered)
            return services.put(step, confirmed), Answer(200)
        case "probe":
            said = probe(step) if effect.held else f"{step}!absent"
            if said not in model.bodies:  # no body could be thought of that says so
                return services, Answer(500)
            return services, Answer(200, (), model.bodies[said])
        case _:
            return _carry_out(model, services, step, remembered)


def _carry_out(
    model: Model, services: Services, step: Address, remembered: frozenset[str]
) -> tuple[Services, Answer]:
    action, effect = action_of(model.plan, step), services.effect(step)
    done = Answer(200, (), model.bodies[step])
    if action.is_read:
        return services, done
    if effect.barred:
        return services, Answer(409)
    count = max(effect.count, 1) if action.method in RESENDABLE else effect.count + 1
    return services.put(step, replace(effect, held=True, count=count, keys=remembered)), done


def plays_back(model: Model, services: Services, call: CallId, key: str) -> bool:
    """Whether the service only says again what it said to this key before."""
    return is_keyed(model.plan, call) and key in services.effect(step_of(call)).keys


def refuse(model: Model, services: Services, call: CallId) -> Services:
    """A service says no. One that honours keys says so to a late arrival with the same key as well."""
    if direction_of(call) != "do" or not is_keyed(model.plan, call):
        return services
    return without_late(services, step_of(call))


def delay(services: Services, call: CallId, key: str) -> Services:
    """The request is stuck in the network, and may come out of it at any time within the settle window."""
    step = step_of(call)
    return services.put(step, replace(services.effect(step), late=key))


def deliver_late(model: Model, services: Services, step: Address) -> Services:
    """The network hands over what everybody had given up on."""
    key = services.effect(step).late
    return arrive(model, without_late(services, step), step, key)[0]


def without_late(services: Services, step: Address) -> Services:
    effect = services.effect(step)
    return services.put(step, replace(effect, late="")) if effect.late else services


def forget(services: Services) -> Services:
    """So long a time that no service remembers a key, and no network a request."""
    empty = [
        (step, replace(effect, keys=frozenset(), late="")) for step, effect in services.effects
    ]
    return Services(tuple(empty))


def _later_effects(plan: Plan) -> dict[Address, frozenset[Address]]:
    """For each call, the calls that ran after it and so are undone before it."""
    graph = flatten(plan)
    calls = {node for node in graph if isinstance(plan.nodes.get(node), Call)}
    return {node: frozenset(networkx.descendants(graph, node) & calls) for node in calls}


def _step(pair: tuple[Address, Effect]) -> Address:
    return pair[0]
