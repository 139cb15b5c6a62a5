"""What can be said of a run before it starts: values that follow from the inputs, lists whose items are known.

Nothing here guesses: a value that depends on an answer stays an open `‹expression›`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import (
    cast,
)

from msgspec import Struct, field

from flowdsl.plan.address import Address, enclosing, item
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.location import encode_path, encode_query
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    ForEach,
    Input,
    Plan,
    Service,
    Set,
    Switch,
)
from flowdsl.plan.template import Constant, Fields, Items, Rendered, Template, Text
from flowdsl.plan.unfold import home_of, unfold
from flowdsl.plan.values import Json, Secret
from flowdsl.view.brief import MASK, scalar
from flowdsl.view.calls import open_text
from flowdsl.view.outline import steps

ROOT_HOME = "/"
KNOWN_ITEMS_MAX = 200  # of a list that is written out item by item


class Forecast(Struct):
    """`skipped`: the steps that will not run. `items`: those of the lists whose items are certain.

    `scopes` hold the names whose values are certain: of a file under the address that it is used at and a `/`, of an
    item under its own address.
    """

    plan: Plan
    scopes: dict[str, dict[str, Json]]
    skipped: set[Address] = field(default_factory=set)
    items: dict[Address, list[Json]] = field(default_factory=dict)


def forecast(
    plan: Plan, inputs: Mapping[str, Json], env: Mapping[str, str | None] | None = None
) -> Forecast:
    """What follows from the inputs (and the environment, where it is known).

    Once for every level of lists in lists: the items of the outer ones say what those of the inner ones are.
    """
    known: dict[str, Json] = {"inputs": _inputs(plan.inputs, inputs)}
    if env is not None:
        known["env"] = dict(env)
    counts: dict[Address, int] = {}
    while True:
        ahead = Forecast(unfold(plan, counts), {ROOT_HOME: dict(known)})
        for node in steps(ahead.plan, templates=True):
            _follow(ahead, node)
        found = {each: len(items) for each, items in ahead.items.items()}
        if found == counts:
            return ahead
        counts = found


def value(ahead: Forecast, viewer: Address, expression: Expression) -> tuple[bool, Json]:
    """Whether the expression's value is certain for the step at `viewer`, and the value."""
    names: dict[str, Json] = {}
    for reference in expression.references:
        root = str(reference.path[0])
        if root == "secrets":
            continue
        is_known, known = _look_up(ahead, viewer, root)
        if not is_known or (root == "inputs" and not _is_given(known, reference.path)):
            return False, None
        names[root] = known
    try:
        return True, evaluate(expression, names)  # type: ignore[return-value]
    except EvaluationError:
        return False, None


def shown(ahead: Forecast, viewer: Address, template: Template) -> Json:
    """A template with all that is known in place: text where something is open or secret."""
    match template:
        case Constant(value=known):
            return known
        case Expression():
            is_certain, known = value(ahead, viewer, template)
            return _masked(cast("Rendered", known)) if is_certain else open_text(template)
        case Text(parts=parts):
            return "".join(
                part if isinstance(part, str) else scalar(shown(ahead, viewer, part))
                for part in parts
            )
        case Items(items=items):
            return [shown(ahead, viewer, each) for each in items]
        case Fields(fields=fields):
            return {name: shown(ahead, viewer, each) for name, each in fields}


def path_text(ahead: Forecast, viewer: Address, template: Template) -> str:
    """As `shown`, with certain values encoded as they will be sent."""
    match template:
        case Text(parts=parts):
            return "".join(
                part if isinstance(part, str) else _encoded(ahead, viewer, part) for part in parts
            )
        case Expression():
            return _encoded(ahead, viewer, template)
        case Constant() | Items() | Fields():
            return scalar(shown(ahead, viewer, template))


def query_text(ahead: Forecast, viewer: Address, query: tuple[tuple[str, Template], ...]) -> str:
    """`way=a%2Fb&kind=‹kind.id›`; a null is left out, as it will be."""
    pairs: list[str] = []
    for name, template in query:
        is_certain, known = (
            value(ahead, viewer, template) if isinstance(template, Expression) else (False, None)
        )
        if is_certain and known is None:
            continue
        text = scalar(shown(ahead, viewer, template))
        try:
            text = encode_query(cast("Rendered", known)) if is_certain else text
        except EvaluationError:
            text = MASK
        pairs.append(f"{name}={text}")
    return "&".join(pairs)


def base_text(ahead: Forecast, service: Service, replaced: Mapping[str, str]) -> str:
    """Where the service will be."""
    return (replaced.get(service.name) or scalar(shown(ahead, "", service.url))).rstrip("/")


def _inputs(declared: tuple[Input, ...], given: Mapping[str, Json]) -> dict[str, Json]:
    values: dict[str, Json] = {}
    for one in declared:
        if one.secret and one.optional and not one.has_default:
            continue  # whether it is given is seen when the run starts
        if one.secret:
            values[one.name] = Secret(f"inputs.{one.name}")  # type: ignore[assignment]
        elif one.name in given:
            values[one.name] = given[one.name]
        elif one.has_default or one.optional:
            values[one.name] = one.default
    return values


def _follow(ahead: Forecast, node: AnyNode) -> None:
    """Take in what a step adds: names that are certain, items that are known, steps that are passed over."""
    here = node.address
    if any(around in ahead.skipped for around in enclosing(here)):
        ahead.skipped.add(here)
        return
    if node.when is not None:
        is_certain, holds = value(ahead, here, node.when)
        if is_certain and not holds:
            ahead.skipped.add(here)
        if not is_certain or not holds:
            _follow_inside(ahead, node) if isinstance(node, Block | ForEach) else None
            return
    if isinstance(node, Set):
        _assign(ahead, node)
    elif isinstance(node, Switch):
        _choose(ahead, node)
    else:
        _follow_inside(ahead, node)


def _follow_inside(ahead: Forecast, node: AnyNode) -> None:
    """What the names inside a used file and inside a list mean."""
    if isinstance(node, Block) and node.kind == "uses":
        _enter(ahead, node)
    if isinstance(node, ForEach) and node.items is not None:
        is_certain, items = value(ahead, node.address, node.items)
        if is_certain and isinstance(items, list) and len(items) <= KNOWN_ITEMS_MAX:
            ahead.items[node.address] = items
            for index, each in enumerate(items):
                ahead.scopes[item(node.address, index)] = {node.variable: each}


def _assign(ahead: Forecast, node: Set) -> None:
    scope = _scope_around(ahead, node.address)
    for name, template in node.values:
        if isinstance(template, Expression):
            is_certain, known = value(ahead, node.address, template)
        else:
            is_certain = isinstance(template, Constant)
            known = shown(ahead, node.address, template)
        if is_certain:
            scope[name] = known


def _choose(ahead: Forecast, switch: Switch) -> None:
    """As far as the conditions are certain: nothing after a branch that will be taken."""
    taken = False
    for branch in switch.branches:
        if taken:
            ahead.skipped.add(branch.address)
            continue
        is_certain, holds = (True, True)
        if branch.when is not None:
            is_certain, holds = value(ahead, switch.address, branch.when)  # type: ignore[assignment]
        if is_certain and not holds:
            ahead.skipped.add(branch.address)
        if not is_certain:
            return
        taken = bool(holds)


def _enter(ahead: Forecast, block: Block) -> None:
    """A used file sees its own inputs, as far as what it is given is certain."""
    home = home_of(ahead.plan, f"{block.address}/")
    assert home is not None, f"{block.address} uses a file"
    given: dict[str, Json] = {}
    open_ones: set[str] = set()
    for name, template in home[1].arguments:
        if isinstance(template, Expression):
            is_certain, known = value(ahead, block.address, template)
        else:
            known = shown(ahead, block.address, template)
            is_certain = not _is_open(ahead, block.address, template)
        if is_certain:
            given[name] = known
        else:
            open_ones.add(name)
    inputs = _inputs(home[1].inputs, given)
    scope: dict[str, Json] = {
        "inputs": {name: known for name, known in inputs.items() if name not in open_ones}
    }
    env = ahead.scopes[ROOT_HOME].get("env")
    ahead.scopes[f"{block.address}/"] = scope if env is None else scope | {"env": env}


def _is_open(ahead: Forecast, viewer: Address, template: Template) -> bool:
    """Whether something in it is not certain."""
    match template:
        case Expression():
            return not value(ahead, viewer, template)[0]
        case Text(parts=parts):
            return any(not isinstance(p, str) and _is_open(ahead, viewer, p) for p in parts)
        case Items(items=items):
            return any(_is_open(ahead, viewer, each) for each in items)
        case Fields(fields=fields):
            return any(_is_open(ahead, viewer, each) for _, each in fields)
        case Constant():
            return False


def _look_up(ahead: Forecast, viewer: Address, root: str) -> tuple[bool, Json]:
    """A name as the step at `viewer` sees it: of the items it is in, then of its file."""
    for around in enclosing(viewer):
        if around != viewer and f"{around}/" in ahead.scopes:
            home = ahead.scopes[f"{around}/"]
            return root in home, home.get(root)
        if root in ahead.scopes.get(around, ()):
            return True, ahead.scopes[around][root]
    home = ahead.scopes[ROOT_HOME]
    return root in home, home.get(root)


def _scope_around(ahead: Forecast, address: Address) -> dict[str, Json]:
    """Where a name that is set here is seen."""
    for around in enclosing(address)[1:]:
        for key in (f"{around}/", around):
            if key in ahead.scopes:
                return ahead.scopes[key]
    return ahead.scopes[ROOT_HOME]


def _is_given(inputs: Json, path: tuple[str | int, ...]) -> bool:
    return len(path) == 1 or (isinstance(inputs, dict) and str(path[1]) in inputs)


def _masked(known: Rendered) -> Json:
    match known:
        case Secret():
            return MASK
        case tuple():
            return "".join(part if isinstance(part, str) else MASK for part in known)
        case list():
            return [_masked(each) for each in known]
        case dict():
            return {name: _masked(each) for name, each in known.items()}
        case _:
            return known


def _encoded(ahead: Forecast, viewer: Address, expression: Expression) -> str:
    is_certain, known = value(ahead, viewer, expression)
    try:
        return encode_path(cast("Rendered", known)) if is_certain else open_text(expression)
    except EvaluationError:
        return open_text(expression)
