"""What can be said of a run before it starts: values that follow from the inputs, and what a failure would undo.

Nothing here guesses: a value that depends on an answer stays an open `‹expression›`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from flowdsl.language.flatten import flatten
from flowdsl.plan.address import COMMIT, Address, is_below
from flowdsl.plan.evaluate import EvaluationError, evaluate
from flowdsl.plan.expression import Expression
from flowdsl.plan.location import encode_path, encode_query
from flowdsl.plan.nodes import (
    AnyNode,
    Assign,
    Block,
    Call,
    Commit,
    Compensation,
    Confirm,
    Plan,
    Service,
    Wait,
)
from flowdsl.plan.template import Constant, Fields, Items, Rendered, Template, Text
from flowdsl.plan.values import Json, Secret
from flowdsl.saga.attempt import may_resend
from flowdsl.view.brief import MASK, scalar
from flowdsl.view.calls import open_text
from flowdsl.view.outline import steps

if TYPE_CHECKING:
    import networkx


FallKind: TypeAlias = Literal["undo", "stuck", "retried", "warning", "nothing"]


@dataclass(frozen=True, slots=True)
class Fall:
    """What follows if a step fails. `left`: changes that nothing undoes; `goes_on`: only its group is undone."""

    kind: FallKind
    undone: tuple[Address, ...] = ()
    left: tuple[Address, ...] = ()
    goes_on: bool = False


@dataclass(slots=True)
class Forecast:
    """`known` holds the names whose values are certain; `skipped` the steps that will not run."""

    plan: Plan
    known: dict[str, Json]
    skipped: set[Address] = field(default_factory=set)


def forecast(
    plan: Plan, inputs: Mapping[str, Json], env: Mapping[str, str | None] | None = None
) -> Forecast:
    """What follows from the inputs (and the environment, where it is known)."""
    values: dict[str, Json] = {}
    for declared in plan.inputs:
        if declared.secret:
            values[declared.name] = Secret(f"inputs.{declared.name}")  # type: ignore[assignment]
        elif declared.name in inputs:
            values[declared.name] = inputs[declared.name]
        elif declared.has_default or declared.optional:
            values[declared.name] = declared.default
    ahead = Forecast(plan, {"inputs": values})
    if env is not None:
        ahead.known["env"] = dict(env)
    for node in steps(plan):
        _follow(ahead, node)
    return ahead


def value(ahead: Forecast, expression: Expression) -> tuple[bool, Json]:
    """Whether the expression's value is certain, and the value."""
    if any(not _is_known(ahead, reference.path) for reference in expression.references):
        return False, None
    try:
        return True, evaluate(expression, ahead.known)  # type: ignore[return-value]
    except EvaluationError:
        return False, None


def shown(ahead: Forecast, template: Template) -> Json:
    """A template with all that is known in place: text where something is open or secret."""
    match template:
        case Constant(value=known):
            return known
        case Expression():
            is_certain, known = value(ahead, template)
            return _masked(cast("Rendered", known)) if is_certain else open_text(template)
        case Text(parts=parts):
            return "".join(
                part if isinstance(part, str) else scalar(shown(ahead, part)) for part in parts
            )
        case Items(items=items):
            return [shown(ahead, item) for item in items]
        case Fields(fields=fields):
            return {name: shown(ahead, item) for name, item in fields}


def path_text(ahead: Forecast, template: Template) -> str:
    """As `shown`, with certain values encoded as they will be sent."""
    match template:
        case Text(parts=parts):
            return "".join(
                part if isinstance(part, str) else _encoded(ahead, part) for part in parts
            )
        case Expression():
            return _encoded(ahead, template)
        case _:
            return scalar(shown(ahead, template))


def query_text(ahead: Forecast, query: tuple[tuple[str, Template], ...]) -> str:
    """`way=a%2Fb&kind=‹kind.id›`; a null is left out, as it will be."""
    pairs: list[str] = []
    for name, template in query:
        is_certain, known = (
            value(ahead, template) if isinstance(template, Expression) else (False, None)
        )
        if is_certain and known is None:
            continue
        text = scalar(shown(ahead, template))
        try:
            text = encode_query(cast("Rendered", known)) if is_certain else text
        except EvaluationError:
            text = MASK
        pairs.append(f"{name}={text}")
    return "&".join(pairs)


def base_text(ahead: Forecast, service: Service, replaced: Mapping[str, str]) -> str:
    """Where the service will be."""
    return (replaced.get(service.name) or scalar(shown(ahead, service.url))).rstrip("/")


def falls(ahead: Forecast) -> dict[Address, Fall]:
    """For everything that can fail: what happens if it does, for good."""
    import networkx

    plan = ahead.plan
    graph = flatten(plan)
    generations = enumerate(networkx.topological_generations(graph))
    age = {address: index for index, members in generations for address in members}
    backward = sorted((address for address in plan.nodes if address in age), key=lambda a: -age[a])
    below = networkx.descendants(graph, COMMIT) if COMMIT in graph else frozenset()
    found: dict[Address, Fall] = {}
    for address in backward:
        node = plan.nodes[address]
        if isinstance(node, Commit | Wait) or address in ahead.skipped:
            continue
        if address in below:
            found[address] = _after_commit(plan, node)
            continue
        scope = _turning_scope(plan, node)
        not_there = networkx.descendants(graph, address) | below | ahead.skipped | {address}
        there = [
            other
            for other in backward
            if other not in not_there and (not scope or is_below(other, scope))
        ]
        found[address] = _before_commit(plan, graph, node, there, scope)
    return found


def _follow(ahead: Forecast, node: AnyNode) -> None:
    """Take in what a step adds: names that are certain, steps that are passed over."""
    if any(is_below(node.address, block) for block in ahead.skipped):
        ahead.skipped.add(node.address)
        return
    if node.when is not None:
        is_certain, holds = value(ahead, node.when)
        if is_certain and not holds:
            ahead.skipped.add(node.address)
        if not is_certain or not holds:
            return
    if isinstance(node, Assign):
        for name, template in node.values:
            if isinstance(template, Expression):
                is_certain, known = value(ahead, template)
            else:
                is_certain, known = isinstance(template, Constant), shown(ahead, template)
            if is_certain:
                ahead.known[name] = known


def _is_known(ahead: Forecast, path: tuple[str | int, ...]) -> bool:
    root = str(path[0])
    if root == "secrets":
        return True
    if root == "inputs" and len(path) > 1:
        given = ahead.known["inputs"]
        return isinstance(given, dict) and str(path[1]) in given
    return root in ahead.known


def _masked(known: Rendered) -> Json:
    match known:
        case Secret():
            return MASK
        case tuple():
            return "".join(part if isinstance(part, str) else MASK for part in known)
        case list():
            return [_masked(item) for item in known]
        case dict():
            return {name: _masked(item) for name, item in known.items()}
        case _:
            return known


def _encoded(ahead: Forecast, expression: Expression) -> str:
    is_certain, known = value(ahead, expression)
    try:
        return encode_path(cast("Rendered", known)) if is_certain else open_text(expression)
    except EvaluationError:
        return open_text(expression)


def _after_commit(plan: Plan, node: AnyNode) -> Fall:
    if not node.critical:
        return Fall("warning")
    match node:
        case Call(action=action) | Confirm(action=action):
            resent = may_resend(action, plan.services[action.service])
            return Fall("retried" if resent else "stuck")
        case _:
            return Fall("stuck")


def _before_commit(
    plan: Plan,
    graph: networkx.DiGraph[Address],
    node: AnyNode,
    there: list[Address],
    scope: Address,
) -> Fall:
    """`there`: what may have taken effect by then, in the order of the way back."""
    import networkx

    if not node.critical:
        return Fall("warning")
    changes = [
        other
        for address in there
        if isinstance(other := plan.nodes[address], Call) and not other.action.is_read
    ]
    left = tuple(other.address for other in changes if other.compensation is None)
    # What ran before a change that stays is not undone behind its back.
    held = {before for address in left for before in networkx.ancestors(graph, address)}
    undone = tuple(
        other.address
        for other in changes
        if isinstance(other.compensation, Compensation) and other.address not in held
    )
    kind: FallKind = "stuck" if left else "undo" if undone else "warning" if scope else "nothing"
    return Fall(kind, undone, left, bool(scope))


def _turning_scope(plan: Plan, node: AnyNode) -> Address:
    """The innermost group that turns on its own, if the node is in one; else the whole run turns."""
    around = [
        block.address
        for block in plan.nodes.values()
        if isinstance(block, Block)
        and block.address
        and not block.critical
        and is_below(node.address, block.address)
    ]
    return max(around, key=len, default="")
