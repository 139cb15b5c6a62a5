"""Several workflows as Mermaid and as DOT: each a frame, events between them, joined by dashed lines."""

from __future__ import annotations

from flowdsl.view.graph import dot, mermaid
from flowdsl.view.graph.choreography import NOBODY, OUTSIDE, Choreography, EmittedEvent
from flowdsl.view.graph.dot import dot_text, leaf
from flowdsl.view.graph.mermaid import quoted
from flowdsl.view.graph.shape import Graph, every_vertex


def choreography_mermaid(choreography: Choreography) -> str:
    lines = ["flowchart LR"]
    names: list[dict[str, str]] = []
    for position, graph in enumerate(choreography.graphs):
        ids = mermaid.ids_of(graph, f"w{position}n")
        names.append(ids)
        lines.append(f'  subgraph w{position}["{quoted(graph.name)}"]')
        lines += [f"  {each}" for each in mermaid.body(graph, ids)]
        lines.append("  end")
    for at, event in enumerate(choreography.events):
        lines.append(
            f'  e{at}(["{"<br/>".join(quoted(word) for word in words_of(event))}"]):::event'
        )
        lines += [f"  {names[one.workflow][one.step]} -.-> e{at}" for one in event.emitters]
        lines += [f"  e{at} -.-> w{position}" for position in event.starts]
    event_class = "  classDef event fill:#fbefff,stroke:#8250df,color:#5521a8"
    return "\n".join([*lines, *mermaid.classes(), event_class, ""])


def choreography_dot(choreography: Choreography) -> str:
    lines = [f"digraph {dot_text(choreography.name)} {{", *dot.head()]
    for position, graph in enumerate(choreography.graphs):
        lines.append(f"  subgraph {dot_text(_cluster(position))} {{")
        lines.append(
            f'    label={dot_text(graph.name)}; style="rounded,bold"; fontname="Helvetica";'
        )
        lines += [f"  {each}" for each in dot.body(graph, _ids(position, graph))]
        lines.append("  }")
    for event in choreography.events:
        name = dot_text(f"event {event.name}")
        label = dot_text("\n".join(words_of(event)))
        lines.append(f'  {name} [label={label}, shape=cds, color="#8250df", fontcolor="#5521a8"];')
        for one in event.emitters:
            emitter = dot_text(f"{one.workflow}/{one.step}")
            lines.append(f"  {emitter} -> {name} [style=dashed];")
        for position in event.starts:
            graph = choreography.graphs[position]
            if not graph.vertices:
                continue
            first = dot_text(f"{position}/{leaf(graph.vertices[0], 0).id}")
            look = f"style=dashed, lhead={dot_text(_cluster(position))}"
            lines.append(f"  {name} -> {first} [{look}];")
    return "\n".join([*lines, "}", ""])


def words_of(event: EmittedEvent) -> list[str]:
    """The type of the event, and what is missing around it."""
    words = [event.name]
    if not event.emitters:
        words.append(OUTSIDE)
    if not event.starts:
        words.append(f"starts {NOBODY}")
    return words


def _cluster(position: int) -> str:
    return f"cluster workflow {position}"


def _ids(position: int, graph: Graph) -> dict[str, str]:
    return {vertex.id: f"{position}/{vertex.id}" for vertex in every_vertex(graph)}
