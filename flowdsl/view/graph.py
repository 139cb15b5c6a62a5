"""The plan as a graph to draw: steps, what each waits for, the undo of each, and the commit line.

One `Graph` serves Mermaid, DOT, JSON and SVG, so they cannot disagree. Headings (`status`) are no nodes; an edge that
another path implies is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from flowdsl.language.flatten import flatten
from flowdsl.plan.address import ON_FAILURE, Address, is_below, undo
from flowdsl.plan.nodes import (
    AnyNode,
    Assign,
    Block,
    Call,
    Commit,
    Compensation,
    Confirm,
    Fail,
    Label,
    Plan,
    Wait,
)
from flowdsl.plan.values import Json
from flowdsl.saga.progress import Progress, StepState
from flowdsl.saga.state import State
from flowdsl.view.calls import Names, action_text, short_names, template_text
from flowdsl.view.moment import duration
from flowdsl.view.outline import commit_is_shown, optional_steps, steps
from flowdsl.view.standing import state_of, undo_state

Kind: TypeAlias = Literal["call", "read", "confirm", "commit", "wait", "set", "fail"]


@dataclass(frozen=True, slots=True)
class Undo:
    id: str
    text: str
    state: StepState | None = None


@dataclass(frozen=True, slots=True)
class Vertex:
    """`heading`: the `status` that holds here. `optional`: it may be skipped, or fail harmlessly."""

    id: str
    kind: Kind
    title: str
    text: str = ""
    undo: Undo | None = None
    optional: bool = False
    heading: str = ""
    state: StepState | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """`edges` are pairs of ids, sorted by the order of the plan, as the vertices are."""

    name: str
    vertices: tuple[Vertex, ...]
    edges: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Coloured:
    """The run whose states the graph shows."""

    state: State
    progress: Progress


@dataclass(frozen=True, slots=True)
class Look:
    """What every vertex is drawn from."""

    names: Names
    headings: dict[Address, str]
    optional: frozenset[Address]
    run: Coloured | None


def graph_of(plan: Plan, run: Coloured | None = None) -> Graph:
    import networkx

    flat = flatten(plan)
    hidden = [a for a in flat if isinstance(plan.nodes[a], Label) or _is_hidden_commit(plan, a)]
    for address in hidden:
        before, after = list(flat.predecessors(address)), list(flat.successors(address))
        flat.add_edges_from((first, last) for first in before for last in after)
        flat.remove_node(address)
    order = {address: index for index, address in enumerate(_in_order(plan))}
    reduced = networkx.transitive_reduction(flat)
    edges = sorted(reduced.edges, key=lambda edge: (order[edge[0]], order[edge[1]]))
    look = Look(short_names(plan), _headings(plan), optional_steps(plan), run)
    vertices = tuple(
        _vertex(plan.nodes[address], look) for address in sorted(flat, key=order.__getitem__)
    )
    return Graph(plan.name, vertices, tuple(edges))


def graph_json(graph: Graph) -> Json:
    """Nodes and edges, format 1; an undo is a node, joined to its step by an edge of kind `undo`."""
    nodes: list[Json] = []
    edges: list[Json] = [{"from": a, "to": b, "kind": "needs"} for a, b in graph.edges]
    for vertex in graph.vertices:
        node: dict[str, Json] = {
            "id": vertex.id,
            "kind": vertex.kind,
            "title": vertex.title,
            "text": vertex.text,
            "optional": vertex.optional,
            "heading": vertex.heading or None,
        }
        nodes.append(node | ({"state": vertex.state} if vertex.state else {}))
        if vertex.undo is not None:
            undone: dict[str, Json] = {
                "id": vertex.undo.id,
                "kind": "undo",
                "text": vertex.undo.text,
            }
            nodes.append(undone | ({"state": vertex.undo.state} if vertex.undo.state else {}))
            edges.append({"from": vertex.id, "to": vertex.undo.id, "kind": "undo"})
    return {"format": 1, "workflow": graph.name, "nodes": nodes, "edges": edges}


def _vertex(node: AnyNode, look: Look) -> Vertex:
    names, run = look.names, look.run
    address = node.address
    seen = state_of(run.progress, run.state, address) if run else None
    heading = look.headings.get(address, "")
    optional = (node.of if isinstance(node, Confirm) else address) in look.optional
    match node:
        case Call(action=action):
            kind: Kind = "read" if action.is_read else "call"
            back = _undo(node, run)
            return Vertex(
                address, kind, names[address], action_text(action), back, optional, heading, seen
            )
        case Confirm(of=of, action=action):
            title = f"{names[of]} confirm"
            return Vertex(
                address, "confirm", title, action_text(action), None, optional, heading, seen
            )
        case Commit():
            if run is not None:
                seen = "ok" if run.state.committed else "pending"
            return Vertex(address, "commit", "commit", state=seen)
        case Wait(seconds=seconds):
            text = f"wait {duration(seconds)}"
            return Vertex(address, "wait", names[address], text, None, optional, heading, seen)
        case Fail(message=message):
            text = f"fail: {template_text(message)}"
            return Vertex(address, "fail", names[address], text, None, optional, heading, seen)
        case Assign(values=values):
            text = "set " + ", ".join(name for name, _ in values)
            return Vertex(address, "set", names[address], text, None, optional, heading, seen)
        case _:
            raise AssertionError("headings and groups are no vertices")


def _undo(call: Call, run: Coloured | None) -> Undo | None:
    if not isinstance(call.compensation, Compensation):
        return None
    back = undo(call.address)
    entry = run.state.calls.get(back) if run else None
    seen = undo_state(run.progress, back, entry) if run and entry else None
    return Undo(back, action_text(call.compensation.action), seen)


def _headings(plan: Plan) -> dict[Address, str]:
    """For every node of the top level and below, the `status` above it; confirms belong to the commit."""
    found: dict[Address, str] = {}
    heading = ""
    for node in steps(plan):
        if isinstance(node, Label):
            heading = template_text(node.text)
        elif not is_below(node.address, ON_FAILURE):
            found[node.address] = heading
    return found


def _in_order(plan: Plan) -> list[Address]:
    """Every address as it stands from top to bottom."""
    found: list[Address] = []
    waiting: list[AnyNode] = [plan.root]
    while waiting:
        node = waiting.pop()
        found.append(node.address)
        if isinstance(node, Block):
            waiting += reversed(node.children)
    return found


def _is_hidden_commit(plan: Plan, address: Address) -> bool:
    return isinstance(plan.nodes[address], Commit) and not commit_is_shown(plan)
