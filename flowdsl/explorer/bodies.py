"""What the explorer's services answer: for every call a body that has the fields which the workflow reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import (
    assert_never,
    cast,
)

from flowdsl.explorer.reads import first_item, reads
from flowdsl.plan.address import Address, CallId, probe
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.expression.paths import path_of
from flowdsl.plan.nodes import (
    Action,
    AnyNode,
    Block,
    Call,
    Commit,
    Compensation,
    Confirm,
    Detach,
    Fail,
    ForEach,
    Plan,
    Probe,
    Set,
    Status,
    Switch,
    Wait,
    WaitFor,
)
from flowdsl.plan.template import Template, expressions
from flowdsl.plan.unfold import home_of
from flowdsl.plan.values import Json

Path = tuple[str | int, ...]
Names = Mapping[str, Address]
NAMES_MAX = 20  # that stand for each other


def bodies(plan: Plan) -> dict[CallId, Json]:
    """By call. `STEP!probe` and `STEP!absent`: what a probe answers where the effect is there, and where it is not.

    By the address of a `wait_for`: the payload that answers it.
    """
    calls = [node for node in plan.nodes.values() if isinstance(node, Call)]
    values: dict[CallId, Json] = {call.address: {} for call in calls}
    for node in plan.nodes.values():
        if isinstance(node, WaitFor):
            values[node.address] = _sample(node.schema)
    for names, path in (_followed(plan, *read) for read in _paths(plan)):
        if len(path) > 1 and str(path[0]) in names:
            _grow(plan, values, names[str(path[0])], path[1:])
    for call in calls:
        if call.probe is not None:
            present = _probed(call.probe, values[call.address])
            if _says(call.probe, present):
                values[probe(call.address)] = present
            absent = [body for body in shrunk(present) if _says(call.probe, body) is False]
            if absent:
                values[f"{call.address}!absent"] = absent[0]
    return values


def _followed(plan: Plan, names: Names, path: Path) -> tuple[Names, Path]:
    """What a path is read of in the end: a name that was `set` is followed, and the variable of a `for_each`."""
    for _ in range(NAMES_MAX):
        name = str(path[0])
        node = plan.nodes.get(names.get(name, ""))
        beginning: Path | None = None
        if isinstance(node, ForEach) and node.items is not None and node.variable == name:
            beginning = first_item(node.items.tree)
        if isinstance(node, Set):
            template = dict(node.values).get(name)
            beginning = path_of(template.tree) if isinstance(template, Expression) else None
        if node is None or beginning is None:
            return names, path
        names, path = _names_at(plan, node.address), (*beginning, *path[1:])
    return names, path


def _grow(plan: Plan, values: dict[CallId, Json], address: Address, path: Path) -> None:
    """Give the call that is read, through lists, groups and fallbacks, what is read of it."""
    node = plan.nodes.get(address)
    if isinstance(node, Call | WaitFor):
        values[address] = grown(values[address], path)
    if isinstance(node, Call) and node.fallback is not None:
        _grow(plan, values, node.fallback.children[-1].address, path)
    if isinstance(node, Block) and node.kind == "steps" and node.children:
        _grow(plan, values, node.children[-1].address, path)
    if isinstance(node, ForEach):
        inner = path[1:] if isinstance(path[0], int) else path
        if inner:
            _grow(plan, values, node.body.address, inner)


def _sample(schema: Json) -> Json:
    """A small value that fits a simple schema."""
    if not isinstance(schema, dict):
        return {}
    properties = schema.get("properties")
    match schema.get("type"):
        case "boolean":
            return True
        case "integer" | "number":
            return 1
        case "string":
            return "x"
        case "array":
            return []
        case _:
            fields = properties if isinstance(properties, dict) else {}
            return {name: _sample(kept) for name, kept in fields.items()}


def shrunk(body: Json) -> Iterator[Json]:
    """Bodies of the same shape that say less, for a service that says no in its own words."""
    for leaf in (0, False, "", None):
        yield _with_leaves(body, leaf)
    yield _without_items(body)
    yield from cast("tuple[Json, ...]", ([], {}, None))


def denied(body: Json) -> Json:
    """The same with no for every yes."""
    match body:
        case dict():
            return {name: denied(item) for name, item in body.items()}
        case list():
            return [denied(item) for item in body]
        case _:
            return False if body is True else body


def grown(value: Json, path: Path, leaf: Json = 1) -> Json:
    """The value with something at the path: an object where a name is read, a list where a position is."""
    if not path:
        return value if value not in ({}, None) else leaf
    head, rest = path[0], path[1:]
    if isinstance(head, str):
        fields = dict(value) if isinstance(value, dict) else {}
        fields[head] = grown(fields.get(head), rest, leaf)
        return fields
    items = list(value) if isinstance(value, list) else []
    items += [None] * (abs(head) + 1 - len(items))
    items[head] = grown(items[head], rest, leaf)
    return items


def _probed(probe: Probe, answer: Json) -> Json:
    body: Json = {}
    for expression in (probe.found, probe.result):
        for reference in expression.references if expression else ():
            if reference.path[0] == "probe":
                body = grown(body, reference.path[1:], [1])
    within = probe.result.references if probe.result else ()
    if len(within) == 1 and within[0].path[1:]:
        body = _placed(body, within[0].path[1:], answer)
    return body


def _placed(body: Json, path: Path, leaf: Json) -> Json:
    if not path:
        return leaf
    body = grown(body, path)
    head = path[0]
    assert isinstance(body, dict | list)
    body[head] = _placed(body[head], path[1:], leaf)  # type: ignore[index]
    return body


def _says(probe: Probe, body: Json) -> bool | None:
    """Whether the probe finds the effect in this body; None where it cannot say."""
    try:
        return bool(evaluate(probe.found, {"probe": body}))
    except EvaluationError:
        return None


def _with_leaves(body: Json, leaf: Json) -> Json:
    match body:
        case dict():
            return {name: _with_leaves(item, leaf) for name, item in body.items()}
        case list():
            return [_with_leaves(item, leaf) for item in body]
        case _:
            return leaf


def _without_items(body: Json) -> Json:
    match body:
        case dict():
            return {name: _without_items(item) for name, item in body.items()}
        case list():
            return []
        case _:
            return body


def _paths(plan: Plan) -> Iterator[tuple[Names, Path]]:
    """Every path that is read, and what its first name means there."""
    for _, template in plan.outputs:
        yield from _read(plan.names, template)
    for address, used in plan.children.items():
        for _, template in used.arguments:
            yield from _read(_names_at(plan, address), template)
        for _, template in used.outputs:
            yield from _read(used.names, template)
    for node in plan.nodes.values():
        names = _names_at(plan, node.address)
        for template in _templates(node):
            yield from _read(names, template)
        if isinstance(node, ForEach) and node.items is not None:
            item = first_item(node.items.tree)
            if item is not None:
                yield names, item


def _names_at(plan: Plan, address: Address) -> Names:
    home = home_of(plan, address)
    return home[1].names if home else plan.names


def _read(names: Names, template: Template) -> Iterator[tuple[Names, Path]]:
    for expression in dict.fromkeys(expressions(template)):
        for path in reads(expression.tree):
            yield names, path


def _templates(node: AnyNode) -> list[Template]:
    found: list[Template] = [] if node.when is None else [node.when]
    match node:
        case Call():
            found += _of_action(node.action)
            if isinstance(node.compensation, Compensation):
                found += _of_action(node.compensation.action)
            if node.probe is not None:
                found += _of_action(node.probe.action)
        case Confirm():
            found += _of_action(node.action)
        case Set():
            found += [template for _, template in node.values]
        case Status():
            found.append(node.text)
        case Fail():
            found.append(node.message)
        case ForEach(items=items):
            found += [] if items is None else [items]
        case Switch(branches=branches):
            found += [branch.when for branch in branches if branch.when is not None]
        case WaitFor(expect=expect):
            found += [] if expect is None else [expect]
        case Wait(until=until):
            found += [] if until is None else [until]
        case Detach(arguments=arguments):
            found += [template for _, template in arguments]
        case Commit() | Block():
            pass
        case _:
            assert_never(node)
    return found


def _of_action(action: Action) -> list[Template]:
    found: list[Template] = [action.path]
    found += [value for _, value in action.query + action.headers]
    found += action.body.templates if action.body is not None else ()
    found += [action.expect] if action.expect is not None else []
    return found
