"""A graph as DOT, for Graphviz. A frame is a cluster; an edge to it ends at its border."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowdsl.view.graph.palette import COLOURS, NEUTRAL
from flowdsl.view.graph.shape import Graph, Vertex, every_vertex
from flowdsl.view.paint import visible


def dot(graph: Graph) -> str:
    ids = {vertex.id: vertex.id for vertex in every_vertex(graph)}
    return "\n".join([f"digraph {dot_text(graph.name)} {{", *head(), *body(graph, ids), "}", ""])


def head() -> list[str]:
    return [
        "  rankdir=LR; compound=true;",
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fillcolor=white];',
        '  edge [fontname="Helvetica"];',
    ]


def body(graph: Graph, ids: Mapping[str, str], indent: str = "  ") -> list[str]:
    """`ids`: the name of each vertex, one that no other graph in the same picture has."""
    known = {vertex.id: vertex for vertex in every_vertex(graph)}
    lines: list[str] = []
    for vertex in (*graph.vertices, *graph.aside):
        lines += _declared(vertex, ids, indent)
    for holder in (graph, *(v.inside for v in known.values() if v.inside is not None)):
        lines += [joined(known[first], known[last], ids) for first, last in holder.edges]
    for vertex in known.values():
        if vertex.instead is not None:
            lines.append(joined(vertex, vertex.instead, ids, "style=dashed, label=refused"))
        if vertex.undo is not None:
            first, last = dot_text(ids[vertex.id]), dot_text(_undo_id(vertex, ids))
            lines.append(f"  {first} -> {last} [style=dashed, constraint=false, label=undo];")
            lines.append(f"  {{ rank=same; {first}; {last}; }}")
    return lines


def joined(first: Vertex, last: Vertex, ids: Mapping[str, str], look: str = "") -> str:
    """An edge; where an end is a frame, it leads from or to a node in it and is cut at the border."""
    words = [look] if look else []
    if first.inside is not None:
        words.append(f"ltail={dot_text('cluster ' + ids[first.id])}")
    if last.inside is not None:
        words.append(f"lhead={dot_text('cluster ' + ids[last.id])}")
    ends = f"{dot_text(ids[leaf(first, -1).id])} -> {dot_text(ids[leaf(last, 0).id])}"
    look = f" [{', '.join(words)}]" if words else ""
    return f"  {ends}{look};"


def leaf(vertex: Vertex, at: int) -> Vertex:
    """The first (0) or last (-1) box in a frame."""
    while vertex.inside is not None:
        vertex = vertex.inside.vertices[at]
    return vertex


def _declared(vertex: Vertex, ids: Mapping[str, str], indent: str) -> Iterator[str]:
    if vertex.inside is None:
        yield f"{indent}{dot_text(ids[vertex.id])} [{_look(vertex)}];"
    else:
        colour = COLOURS[vertex.tone] if vertex.tone else NEUTRAL
        yield f"{indent}subgraph {dot_text('cluster ' + ids[vertex.id])} {{"
        yield f'{indent}  label={dot_text(_words(vertex))}; style="rounded"; color="{colour.stroke}";'
        yield f'{indent}  fontname="Helvetica"; fontcolor="{colour.text}";'
        for inner in vertex.inside.vertices:
            yield from _declared(inner, ids, indent + "  ")
        yield f"{indent}}}"
    if vertex.undo is not None:
        fill = COLOURS[vertex.undo.state].fill if vertex.undo.state else "white"
        label = dot_text(f"↺ {vertex.undo.text}")
        look = f'label={label}, style="rounded,filled,dashed", fillcolor="{fill}", fontsize=10'
        yield f"{indent}{dot_text(_undo_id(vertex, ids))} [{look}];"
    if vertex.instead is not None:
        yield from _declared(vertex.instead, ids, indent)


def _undo_id(vertex: Vertex, ids: Mapping[str, str]) -> str:
    assert vertex.undo is not None, f"{vertex.id} is undone"
    return ids[vertex.id] + vertex.undo.id.removeprefix(vertex.id)


def _words(vertex: Vertex) -> str:
    title = vertex.title + (" ?" if vertex.optional else "")
    return "\n".join(word for word in (title, vertex.text, vertex.note, vertex.said) if word)


def _look(vertex: Vertex) -> str:
    label = dot_text(_words(vertex))
    if vertex.kind == "commit":
        return f'label={label}, shape=hexagon, style=filled, fillcolor="#1f2328", fontcolor=white'
    if vertex.kind == "join":
        return f"shape={vertex.look.shape}"
    colour = COLOURS[vertex.tone] if vertex.tone else NEUTRAL
    look = f'label={label}, fillcolor="{colour.fill}", color="{colour.stroke}"'
    look += f', fontcolor="{colour.text}"'
    return f"{look}, shape={vertex.look.shape}" if vertex.look.shape else look


def dot_text(text: str) -> str:
    lines = [visible(each).replace("\\", "\\\\").replace('"', '\\"') for each in text.split("\n")]
    return '"' + "\\n".join(lines) + '"'
