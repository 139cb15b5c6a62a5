"""The plan as a graph to draw: steps, what each waits for, the undo of each, and the commit line.

One `Graph` serves Mermaid, DOT, JSON and SVG, so they cannot disagree. Headings (`status`) are not nodes; an edge that
another path implies is left out. What is in a used file, a list or a branch is a graph of its own, inside its vertex.
"""

from __future__ import annotations

from msgspec.structs import replace

from flowdsl.plan.address import ON_FAILURE, Address, is_below
from flowdsl.plan.nodes import Plan, Status
from flowdsl.plan.values import Json
from flowdsl.saga.run import Run
from flowdsl.view.calls import template_text
from flowdsl.view.graph.canvas import canvas_for
from flowdsl.view.graph.shape import Graph, Vertex, every_vertex
from flowdsl.view.graph.vertex import graph_in
from flowdsl.view.outline import steps

__all__ = ["Graph", "Vertex", "every_vertex", "graph_json", "graph_of"]


def graph_of(plan: Plan, run: Run | None = None, *, whole: bool = False) -> Graph:
    """`whole`: every item of a list, also of a long one."""
    canvas = canvas_for(plan, run, whole=whole)
    top = graph_in(canvas, plan.name, canvas.plan.root.children)
    headings = _headings(canvas.plan)
    vertices = tuple(replace(v, heading=headings.get(v.id, "")) for v in top.vertices)
    handlers = canvas.plan.on_failure
    if handlers is None or (run is not None and run.state.alerted is None):
        return replace(top, vertices=vertices)
    below = graph_in(canvas, ON_FAILURE, handlers.children)
    when = "when the run was undone or is stuck"
    aside = Vertex(ON_FAILURE, "on_failure", "on_failure", when, inside=below)
    return replace(top, vertices=vertices, aside=(aside,))


def graph_json(graph: Graph) -> Json:
    """Nodes and edges, format 1. An undo is a node, joined to its step by an edge of kind `undo`; what is in a frame
    names it as its `parent`.
    """
    nodes: list[Json] = []
    edges: list[Json] = []
    _put_in(graph, None, nodes, edges)
    return {"format": 1, "workflow": graph.name, "nodes": nodes, "edges": edges}


def _put_in(graph: Graph, parent: str | None, nodes: list[Json], edges: list[Json]) -> None:
    edges += [{"from": a, "to": b, "kind": "needs"} for a, b in graph.edges]
    for vertex in (*graph.vertices, *graph.aside):
        _put(vertex, parent, nodes, edges)


def _put(vertex: Vertex, parent: str | None, nodes: list[Json], edges: list[Json]) -> None:
    node: dict[str, Json] = {
        "id": vertex.id,
        "kind": vertex.kind,
        "title": vertex.title,
        "text": vertex.text,
        "optional": vertex.optional,
        "heading": vertex.heading or None,
        "parent": parent,
    }
    more: dict[str, Json] = {"note": vertex.note, "event": vertex.event, "state": vertex.state}
    nodes.append(node | {name: value for name, value in more.items() if value})
    if vertex.undo is not None:
        back = vertex.undo
        undone: dict[str, Json] = {"id": back.id, "kind": "undo", "text": back.text}
        undone |= {"parent": parent}
        nodes.append(undone | ({"state": back.state} if back.state else {}))
        edges.append({"from": vertex.id, "to": back.id, "kind": "undo"})
    if vertex.inside is not None:
        _put_in(vertex.inside, vertex.id, nodes, edges)
    if vertex.instead is not None:
        _put(vertex.instead, parent, nodes, edges)
        edges.append({"from": vertex.id, "to": vertex.instead.id, "kind": "fallback"})


def _headings(plan: Plan) -> dict[Address, str]:
    """For every node of the top level and below, the `status` above it; confirms belong to the commit."""
    found: dict[Address, str] = {}
    heading = ""
    for node in steps(plan):
        if isinstance(node, Status):
            heading = template_text(node.text)
        elif not is_below(node.address, ON_FAILURE):
            found[node.address] = heading
    return found
