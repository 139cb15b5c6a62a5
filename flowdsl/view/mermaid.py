"""A graph as Mermaid (GitHub draws it in a README) and as DOT (Graphviz)."""

from __future__ import annotations

from flowdsl.view.graph import Graph, Vertex
from flowdsl.view.mark import STEP_MARKS
from flowdsl.view.paint import visible
from flowdsl.view.palette import COLOURS, NEUTRAL


def mermaid(graph: Graph) -> str:
    ids = {vertex.id: f"n{index}" for index, vertex in enumerate(graph.vertices)}
    lines = ["flowchart LR"]
    lines += [f"  {ids[vertex.id]}{_shape(vertex)}{_class(vertex)}" for vertex in graph.vertices]
    for first, last in graph.edges:
        arrow = "==>" if "commit" in (first, last) else "-->"
        lines.append(f"  {ids[first]} {arrow} {ids[last]}")
    for vertex in graph.vertices:
        if vertex.undo is not None:
            name = f"{ids[vertex.id]}u"
            seen = vertex.undo.state or "undo"
            lines.append(f'  {name}("↺ {_quoted(vertex.undo.text)}"):::{seen}')
            lines.append(f"  {ids[vertex.id]} -. undo .-> {name}")
    return "\n".join([*lines, *_classes(), ""])


def dot(graph: Graph) -> str:
    lines = [
        f"digraph {_dot_text(graph.name)} {{",
        '  rankdir=LR; node [shape=box, style="rounded,filled", fontname="Helvetica", fillcolor=white];',
        '  edge [fontname="Helvetica"];',
    ]
    for vertex in graph.vertices:
        lines.append(f"  {_dot_text(vertex.id)} [{_dot_look(vertex)}];")
        if vertex.undo is not None:
            fill = COLOURS[vertex.undo.state].fill if vertex.undo.state else "white"
            label = _dot_text(f"↺ {vertex.undo.text}")
            look = f'label={label}, style="rounded,filled,dashed", fillcolor="{fill}", fontsize=10'
            lines.append(f"  {_dot_text(vertex.undo.id)} [{look}];")
    lines += [f"  {_dot_text(first)} -> {_dot_text(last)};" for first, last in graph.edges]
    for vertex in graph.vertices:
        if vertex.undo is not None:
            pair = f"{_dot_text(vertex.id)} -> {_dot_text(vertex.undo.id)}"
            lines.append(f"  {pair} [style=dashed, constraint=false, label=undo];")
            lines.append(f"  {{ rank=same; {_dot_text(vertex.id)}; {_dot_text(vertex.undo.id)}; }}")
    return "\n".join([*lines, "}", ""])


def _shape(vertex: Vertex) -> str:
    words = [vertex.title + (" ?" if vertex.optional else "")]
    words += [vertex.text] if vertex.text else []
    if vertex.state is not None:
        words.append(f"{STEP_MARKS[vertex.state].symbol} {vertex.state}")
    text = "<br/>".join(_quoted(word) for word in words)
    if vertex.kind == "commit":
        return f'{{{{"{text}"}}}}'
    return f'(["{text}"])' if vertex.kind in ("wait", "set") else f'["{text}"]'


def _class(vertex: Vertex) -> str:
    if vertex.state is not None:
        return f":::{vertex.state}"
    return ":::commit" if vertex.kind == "commit" else ""


def _classes() -> list[str]:
    lines = [
        f"  classDef {state} fill:{colour.fill},stroke:{colour.stroke},color:{colour.text}"
        for state, colour in COLOURS.items()
    ]
    undo = f"  classDef undo fill:#ffffff,stroke:{NEUTRAL.stroke},color:{NEUTRAL.text},stroke-dasharray:4 3"
    return [*lines, undo, "  classDef commit fill:#1f2328,stroke:#1f2328,color:#ffffff"]


def _quoted(text: str) -> str:
    """Text inside Mermaid's quotes: every character that it could take for its own, as an entity."""
    return "".join(
        f"#{ord(letter)};" if letter in '#"<>&`\\' else letter for letter in visible(text)
    )


def _dot_look(vertex: Vertex) -> str:
    colour = COLOURS[vertex.state] if vertex.state else NEUTRAL
    words = [vertex.title + (" ?" if vertex.optional else ""), vertex.text, vertex.state or ""]
    label = _dot_text("\n".join(word for word in words if word))
    if vertex.kind == "commit":
        return f'label={label}, shape=hexagon, style=filled, fillcolor="#1f2328", fontcolor=white'
    look = f'label={label}, fillcolor="{colour.fill}", color="{colour.stroke}"'
    return f'{look}, fontcolor="{colour.text}"'


def _dot_text(text: str) -> str:
    lines = [visible(each).replace("\\", "\\\\").replace('"', '\\"') for each in text.split("\n")]
    return '"' + "\\n".join(lines) + '"'
