"""Workflow → Plan: addresses, defaults, order, and the commit line with the confirms below it.

Only a workflow without errors is lowered, so nothing is checked here. The plan is a tree of blocks; in a sequence
each child needs the one before, in a `parallel` only what it reads or names.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from flowdsl.language import order
from flowdsl.language.lower_call import lower_call, lower_service
from flowdsl.language.places import Place, uses
from flowdsl.language.source import Source
from flowdsl.language.subject import Subject, look_at
from flowdsl.language.workflow import (
    Assignment,
    Call,
    Commit,
    Fail,
    Group,
    Status,
    Wait,
    Workflow,
)
from flowdsl.plan import address, nodes
from flowdsl.plan.address import COMMIT, CONFIRMS, ON_FAILURE, Address
from flowdsl.plan.expression import Expression
from flowdsl.plan.template import expressions


def lower(workflow: Workflow, source: Source) -> nodes.Plan:
    """The plan of a workflow that has no errors."""
    subject = look_at(workflow)
    root = _root(subject)
    on_failure = _on_failure(subject)
    everything = _expressions(subject)
    return nodes.Plan(
        name=workflow.name,
        digest=sha256(source.text.encode()).hexdigest(),
        root=root,
        services={item.name.text: lower_service(workflow, item) for item in workflow.services},
        inputs=workflow.inputs,
        outputs=tuple((name.text, value) for name, value in workflow.outputs),
        on_failure=on_failure,
        timeout_seconds=workflow.timeout.value if workflow.timeout else None,
        env=_names_below("env", everything),
        secrets=_names_below("secrets", everything),
        description=workflow.description,
        path=source.path,
        source=source.text,
        nodes=_by_address(root, on_failure),
        names={name: item.place.address for name, item in subject.known.items()},
    )


def _root(subject: Subject) -> nodes.Block:
    written = subject.children((), "steps")
    above: list[nodes.AnyNode] = []
    below: list[nodes.AnyNode] = []
    line: nodes.Commit | None = None
    for place in written:
        if isinstance(place.step.verb, Commit):
            line = nodes.Commit(address=COMMIT, span=place.step.span)
        else:
            (below if line else above).append(_node(subject, place))
    commit = line or nodes.Commit(address=COMMIT, written=False)
    confirms = nodes.Block(
        address=CONFIRMS, kind=CONFIRMS, children=_confirms_in(tuple(above), "steps", CONFIRMS)
    )
    children = _in_sequence([*above, commit, confirms, *below])
    return nodes.Block(address=address.ROOT, kind="steps", children=children)


def _on_failure(subject: Subject) -> nodes.Block | None:
    children = [_node(subject, place) for place in subject.children((), "on_failure")]
    if not children:
        return None
    return nodes.Block(
        address=ON_FAILURE, kind="steps", children=_in_sequence(children), critical=False
    )


def _node(subject: Subject, place: Place) -> nodes.AnyNode:
    step = place.step
    node = _bare_node(subject, place)
    return replace(
        node,
        name=step.id.text if step.id else None,
        when=step.when,
        critical=step.critical and place.section == "steps",
        span=step.span,
    )


def _bare_node(subject: Subject, place: Place) -> nodes.AnyNode:
    here = place.address
    match place.step.verb:
        case Call() as call:
            return lower_call(subject.workflow, place, call)
        case Group():
            return _block(subject, place)
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
        case _:
            raise NotImplementedError


def _block(subject: Subject, place: Place) -> nodes.Block:
    group = place.step.verb
    assert isinstance(group, Group)
    children = [_node(subject, child) for child in subject.children(place.path, place.section)]
    if group.kind == "steps":
        return nodes.Block(address=place.address, kind="steps", children=_in_sequence(children))
    graph = subject.graphs[place.section, place.path]
    fixed = order.sorted_children(graph)
    position = {child: index for index, child in enumerate(fixed)}
    ordered = tuple(
        replace(
            children[child], needs=tuple(sorted(position[e] for e in graph.predecessors(child)))
        )
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


def _expressions(subject: Subject) -> list[Expression]:
    found = [use.expression for place in subject.places for use in uses(place.step)]
    templates = [value for _, value in subject.workflow.outputs]
    for service in subject.workflow.services:
        templates += [service.url, *([service.auth] if service.auth is not None else [])]
        templates += [value for _, value in service.headers]
    return found + [expression for item in templates for expression in expressions(item)]


def _names_below(root: str, everything: list[Expression]) -> tuple[str, ...]:
    """The X of every `root.X`, sorted."""
    return tuple(
        sorted(
            {
                str(reference.path[1])
                for expression in everything
                for reference in expression.references
                if reference.path[0] == root and len(reference.path) > 1
            }
        )
    )


def _by_address(root: nodes.Block, on_failure: nodes.Block | None) -> dict[Address, nodes.AnyNode]:
    """Every node, in the order of the plan, the blocks included."""
    found: dict[Address, nodes.AnyNode] = {}
    still_open: list[nodes.AnyNode] = [root, *([on_failure] if on_failure else [])]
    while still_open:
        node = still_open.pop(0)
        assert node.address not in found, node.address
        found[node.address] = node
        if isinstance(node, nodes.Block):
            still_open[:0] = node.children
    return found
