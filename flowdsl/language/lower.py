"""Workflow → Plan: addresses, defaults, order, and the commit line with the confirms below it.

Only a workflow without errors is lowered, so nothing is checked here. The plan is a tree of blocks; in a sequence
each child needs the one before, in a `parallel` only what it reads or names.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from flowdsl.language import order
from flowdsl.language.lower_call import Lowering, lower_action, lower_call, lower_service
from flowdsl.language.places import Definition, Place, definitions, in_template, places, uses
from flowdsl.language.places import Role
from flowdsl.language.source import Source
from flowdsl.language.workflow import (
    Assignment,
    Call,
    Commit,
    Fail,
    Group,
    Status,
    Step,
    Wait,
    Workflow,
)
from flowdsl.plan import address, nodes
from flowdsl.plan.address import Address
from flowdsl.plan.expression import Expression

_COMMIT = "commit"
_CONFIRMS = "confirms"
_ON_FAILURE = "on_failure"


def lower(workflow: Workflow, source: Source) -> nodes.Plan:
    """The plan of a workflow that has no errors."""
    all_places = places(workflow)
    known = definitions(all_places)
    lowering = Lowering(workflow, tuple(place for place in all_places), known)
    root = _root(lowering)
    on_failure = _on_failure(lowering)
    expressions = _expressions(workflow, all_places)
    return nodes.Plan(
        name=workflow.name,
        digest=sha256(source.text.encode()).hexdigest(),
        root=root,
        services={item.name.text: lower_service(workflow, item) for item in workflow.services},
        inputs=workflow.inputs,
        outputs=tuple((name.text, value) for name, value in workflow.outputs),
        on_failure=on_failure,
        timeout_seconds=workflow.timeout.value if workflow.timeout else None,
        env=_names_below("env", expressions),
        secrets=_names_below("secrets", expressions),
        description=workflow.description,
        path=source.path,
        source=source.text,
        calls=_calls(root, on_failure),
        names={name: item.place.address for name, item in known.items()},
    )


def _root(lowering: Lowering) -> nodes.Block:
    written = lowering.children((), "steps")
    above: list[nodes.AnyNode] = []
    below: list[nodes.AnyNode] = []
    line: nodes.Commit | None = None
    for place in written:
        if isinstance(place.step.verb, Commit):
            line = nodes.Commit(address=_COMMIT, when=place.step.when, span=place.step.span)
        else:
            (below if line else above).append(_node(lowering, place))
    commit = line or nodes.Commit(address=_COMMIT, written=False)
    confirms = nodes.Block(
        address=_CONFIRMS, kind=_CONFIRMS, children=_confirms_in(tuple(above), "steps", _CONFIRMS)
    )
    children = _in_sequence([*above, commit, confirms, *below])
    return nodes.Block(address=address.ROOT, kind="steps", children=children)


def _on_failure(lowering: Lowering) -> nodes.Block | None:
    children = [_node(lowering, place) for place in lowering.children((), "on_failure")]
    if not children:
        return None
    return nodes.Block(
        address=_ON_FAILURE, kind="steps", children=_in_sequence(children), critical=False
    )


def _node(lowering: Lowering, place: Place) -> nodes.AnyNode:
    step = place.step
    node = _bare_node(lowering, place)
    return replace(
        node,
        name=step.id.text if step.id else None,
        when=step.when,
        critical=step.critical and place.section == "steps",
        span=step.span,
    )


def _bare_node(lowering: Lowering, place: Place) -> nodes.AnyNode:
    here = place.address
    match place.step.verb:
        case Call() as call:
            return lower_call(lowering.workflow, place, call)
        case Group():
            return _block(lowering, place)
        case Status(text=text):
            return nodes.Label(address=here, text=text)
        case Assignment(values=values):
            named = tuple((name.text, value) for name, value in values)
            return nodes.Assign(address=here, values=named)
        case Wait(duration=duration):
            return nodes.Wait(address=here, seconds=duration.value)
        case Fail(message=message):
            return nodes.Fail(address=here, message=message)
        case Commit():
            raise AssertionError(f"`commit` inside a group: {here}")


def _block(lowering: Lowering, place: Place) -> nodes.Block:
    group = place.step.verb
    assert isinstance(group, Group)
    children = [_node(lowering, child) for child in lowering.children(place.path, place.section)]
    if group.kind == "steps":
        return nodes.Block(address=place.address, kind="steps", children=_in_sequence(children))
    edges = order.edges(lowering.workflow, place, lowering.below(place), lowering.known)
    graph = order.sibling_graph(group, edges)
    fixed = order.sorted_children(graph)
    position = {child: index for index, child in enumerate(fixed)}
    ordered = tuple(
        replace(children[child], needs=tuple(sorted(position[e] for e in graph.predecessors(child))))
        for child in fixed
    )
    return nodes.Block(address=place.address, kind="parallel", children=ordered)


def _in_sequence(children: list[nodes.AnyNode]) -> tuple[nodes.AnyNode, ...]:
    return tuple(
        replace(child, needs=(index - 1,) if index else ()) for index, child in enumerate(children)
    )


def _confirms_in(
    children: tuple[nodes.AnyNode, ...], kind: str, above: Address
) -> tuple[nodes.AnyNode, ...]:
    """The confirms of `children`, ordered as they are; what confirms nothing is left out, its order kept."""
    kept: list[nodes.AnyNode] = []
    # For each child, the positions in `kept` that must have ended when it has.
    through: list[tuple[int, ...]] = []
    for child in children:
        before = tuple(sorted({item for need in child.needs for item in through[need]}))
        if kind == "steps":
            before = through[-1] if through else ()
        confirm = _confirm_of(child, above)
        if confirm is None:
            through.append(before)
        else:
            kept.append(replace(confirm, needs=before))
            through.append((len(kept) - 1,))
    return tuple(kept)


def _confirm_of(node: nodes.AnyNode, above: Address) -> nodes.AnyNode | None:
    match node:
        case nodes.Call(confirm=nodes.Action() as action):
            return nodes.Confirm(
                address=address.confirm(node.address),
                of=node.address,
                action=action,
                span=action.span,
            )
        case nodes.Block():
            here = address.child(above, node.address.rpartition("/")[2])
            inside = _confirms_in(node.children, node.kind, here)
            return nodes.Block(address=here, kind=node.kind, children=inside) if inside else None
        case _:
            return None


def _expressions(workflow: Workflow, all_places: tuple[Place, ...]) -> list[Expression]:
    found = [use.expression for place in all_places for use in uses(place.step)]
    templates = [value for _, value in workflow.outputs]
    for service in workflow.services:
        templates += [service.url, *([service.auth] if service.auth is not None else [])]
        templates += [value for _, value in service.headers]
    return found + [use.expression for item in templates for use in in_template(item, Role.OUTPUT)]


def _names_below(root: str, expressions: list[Expression]) -> tuple[str, ...]:
    """The X of every `root.X`, sorted."""
    return tuple(
        sorted(
            {
                str(reference.path[1])
                for expression in expressions
                for reference in expression.references
                if reference.path[0] == root and len(reference.path) > 1
            }
        )
    )


def _calls(root: nodes.Block, on_failure: nodes.Block | None) -> dict[Address, nodes.Call]:
    found: dict[Address, nodes.Call] = {}
    open_nodes: list[nodes.AnyNode] = [root, *([on_failure] if on_failure else [])]
    while open_nodes:
        node = open_nodes.pop(0)
        if isinstance(node, nodes.Call):
            found[node.address] = node
        elif isinstance(node, nodes.Block):
            open_nodes[:0] = node.children
    return found
