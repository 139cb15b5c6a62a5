"""A graph as Mermaid, which GitHub draws in a README. A frame is a subgraph; edges may lead to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowdsl.view.graph.palette import COLOURS, NEUTRAL
from flowdsl.view.graph.shape import Graph, Vertex, every_vertex
from flowdsl.view.mark import STEP_MARKS
from flowdsl.view.paint import visible


def mermaid(graph: Graph) -> str:
    ids = ids_of(graph)
    return "\n".join(["flowchart LR", *body(graph, ids), *classes(), ""])


def ids_of(graph: Graph, before: str = "n") -> dict[str, str]:
    """A short name for each vertex: addresses hold what Mermaid takes for its own."""
    return {vertex.id: f"{before}{index}" for index, vertex in enumerate(every_vertex(graph))}


def body(graph: Graph, ids: Mapping[str, str], indent: str = "  ") -> list[str]:
    """Every vertex, then every edge, then how each is undone."""
    lines: list[str] = []
    for vertex in (*graph.vertices, *graph.aside):
        lines += _declared(vertex, ids, indent)
    lines += _edges(graph, ids)
    for vertex in every_vertex(graph):
        if vertex.inside is not None:
            lines += _edges(vertex.inside, ids)
    for vertex in every_vertex(graph):
        if vertex.instead is not None:
            pair = ids[vertex.id], ids[vertex.instead.id]
            lines.append(f"  {pair[0]} -. refused .-> {pair[1]}")
        if vertex.undo is not None:
            lines.append(f"  {ids[vertex.id]} -. undo .-> {ids[vertex.id]}u")
    return lines


def _declared(vertex: Vertex, ids: Mapping[str, str], indent: str) -> Iterator[str]:
    name = ids[vertex.id]
    if vertex.inside is None:
        yield f"{indent}{name}{_shape(vertex)}{_class(vertex)}"
    else:
        yield f'{indent}subgraph {name}["{_words(vertex)}"]'
        for inner in vertex.inside.vertices:
            yield from _declared(inner, ids, indent + "  ")
        yield f"{indent}end"
        if vertex.tone is not None:
            yield f"{indent}class {name} {vertex.tone}"
    if vertex.undo is not None:
        seen = vertex.undo.state or "undo"
        yield f'{indent}{name}u("↺ {quoted(vertex.undo.text)}"):::{seen}'
    if vertex.instead is not None:
        yield from _declared(vertex.instead, ids, indent)


def _edges(graph: Graph, ids: Mapping[str, str]) -> Iterator[str]:
    for first, last in graph.edges:
        arrow = "==>" if "commit" in (first, last) else "-->"
        yield f"  {ids[first]} {arrow} {ids[last]}"


def _shape(vertex: Vertex) -> str:
    before, after = vertex.look.brackets
    text = " " if vertex.kind == "join" else _words(vertex)
    return f'{before}"{text}"{after}'


def _words(vertex: Vertex) -> str:
    words = [vertex.title + (" ?" if vertex.optional else ""), vertex.text, vertex.note]
    if vertex.state is not None:
        words.append(f"{STEP_MARKS[vertex.state].symbol} {vertex.said}")
    return "<br/>".join(quoted(word) for word in words if word)


def _class(vertex: Vertex) -> str:
    if vertex.tone is not None:
        return f":::{vertex.tone}"
    return ":::commit" if vertex.kind == "commit" else ""


def classes() -> list[str]:
    lines = [
        f"  classDef {state} fill:{colour.fill},stroke:{colour.stroke},color:{colour.text}"
        for state, colour in COLOURS.items()
    ]
    undo = f"  classDef undo fill:#ffffff,stroke:{NEUTRAL.stroke},color:{NEUTRAL.text},stroke-dasharray:4 3"
    return [*lines, undo, "  classDef commit fill:#1f2328,stroke:#1f2328,color:#ffffff"]


def quoted(text: str) -> str:
    """Text inside Mermaid's quotes: every character that it could take for its own, as an entity."""
    return "".join(
        f"#{ord(letter)};" if letter in '#"<>&`\\' else letter for letter in visible(text)
    )
