"""Several workflows as one picture: who emits which event, and which workflow it starts.

Workflows that react to each other's events have no file that shows the whole; this does. An event that nobody here
emits, or that starts nobody, is shown as well: it is the first thing to look at when nothing happens.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from flowdsl.plan.address import ON_FAILURE, Address, is_below
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.view.graph.drawing import drawn_rows, legend
from flowdsl.view.graph.graph import graph_json, graph_of
from flowdsl.view.graph.shape import Graph, every_vertex
from flowdsl.view.paint import (
    Line,
    Style,
    Styled,
    bold,
    columns,
    counted,
    dim,
    fit,
    line,
    pad,
)

OUTSIDE, NOBODY = "from outside", "nobody here"


class Emitter(Struct, frozen=True):
    """A step that emits: the position of its workflow, its address there, and what to say of it beside that."""

    workflow: int
    step: Address
    where: str


class EmittedEvent(Struct, frozen=True):
    """One type of event. `starts`: the positions of the workflows with a trigger on it."""

    name: str
    emitters: tuple[Emitter, ...]
    starts: tuple[int, ...]


class Choreography(Struct, frozen=True):
    """The workflows in the order of what starts what, the events in the order in which they come up."""

    plans: tuple[Plan, ...]
    graphs: tuple[Graph, ...]
    events: tuple[EmittedEvent, ...]

    @property
    def name(self) -> str:
        return " · ".join(graph.name for graph in self.graphs)


def choreography_of(plans: Sequence[Plan]) -> Choreography:
    ordered = _in_order_of_events(tuple(plans))
    graphs = tuple(graph_of(plan) for plan in ordered)
    emitters: dict[str, list[Emitter]] = {}
    starts: dict[str, list[int]] = {}
    names: dict[str, None] = {}
    for position, (plan, graph) in enumerate(zip(ordered, graphs, strict=True)):
        if plan.trigger is not None:
            starts.setdefault(plan.trigger.event, []).append(position)
            names.setdefault(plan.trigger.event)
        for vertex in every_vertex(graph):
            if vertex.event:
                emitter = Emitter(position, vertex.id, _where(plan, vertex.id))
                emitters.setdefault(vertex.event, []).append(emitter)
                names.setdefault(vertex.event)
    events = tuple(
        EmittedEvent(name, tuple(emitters.get(name, ())), tuple(starts.get(name, ())))
        for name in names
    )
    return Choreography(ordered, graphs, events)


def _where(plan: Plan, step: Address) -> str:
    if is_below(step, ON_FAILURE):
        return ON_FAILURE
    node = plan.nodes.get(step)
    return (node.name if node is not None else None) or ""


def _in_order_of_events(plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
    """What starts others before what it starts; where they go in a circle, as they were given."""
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(len(plans)))
    emitted = [_events_of(plan) for plan in plans]
    for first, events in enumerate(emitted):
        for last, plan in enumerate(plans):
            if first != last and plan.trigger is not None and plan.trigger.event in events:
                graph.add_edge(first, last)
    circles = networkx.condensation(graph)
    order = networkx.lexicographical_topological_sort(
        circles, key=lambda circle: min(circles.nodes[circle]["members"])
    )
    return tuple(
        plans[position] for circle in order for position in sorted(circles.nodes[circle]["members"])
    )


def _events_of(plan: Plan) -> frozenset[str]:
    return frozenset(v.event for v in every_vertex(graph_of(plan)) if v.event)


def choreography_json(choreography: Choreography) -> Json:
    """All graphs, and the events between them, format 1."""
    names = [graph.name for graph in choreography.graphs]
    workflows: list[Json] = []
    for plan, graph in zip(choreography.plans, choreography.graphs, strict=True):
        shown = graph_json(graph)
        assert isinstance(shown, dict)
        trigger = plan.trigger.event if plan.trigger is not None else None
        alone: dict[str, Json] = {"workflow": graph.name, "trigger": trigger}
        workflows.append(alone | {"nodes": shown["nodes"], "edges": shown["edges"]})
    events: list[Json] = [
        {
            "event": event.name,
            "emitted_by": [
                {"workflow": names[emitter.workflow], "step": emitter.step}
                for emitter in event.emitters
            ],
            "starts": [names[position] for position in event.starts],
        }
        for event in choreography.events
    ]
    return {"format": 1, "workflows": workflows, "events": events}


def choreography_text(choreography: Choreography) -> list[Line]:
    """Who emits what to whom; below that, each workflow as it is drawn alone."""
    counts = f"{counted(len(choreography.graphs), 'workflow')}, {counted(len(choreography.events), 'event')}"
    lines: list[Line] = [line(bold(counts)), line(), *_table(choreography)]
    for plan in choreography.plans:
        trigger = f"  started by {plan.trigger.event}" if plan.trigger is not None else ""
        lines += [line(), line(bold(plan.name), dim(trigger)), *drawn_rows(plan)]
    return [*lines, line(), legend()]


def _table(choreography: Choreography) -> list[Line]:
    rows = [("EVENT", "EMITTED BY", "STARTS")]
    for event in choreography.events:
        first, *more = emitted_by(choreography, event)
        rows.append((event.name, first, starts_text(choreography, event)))
        rows += [("", other, "") for other in more]
    name, by = (max(columns(row[at]) for row in rows) for at in range(2))
    lines = [fit(line("  ", dim(f"{pad(rows[0][0], name)}  {pad(rows[0][1], by)}  {rows[0][2]}")))]
    for event_name, emitted, starts in rows[1:]:
        style: Style = "dim" if emitted == OUTSIDE else "plain"
        started: Style = "yellow" if starts == NOBODY else "plain"
        pieces = (pad(event_name, name), Styled(pad(emitted, by), style), Styled(starts, started))
        lines.append(fit(line("  ", pieces[0], "  ", pieces[1], "  ", pieces[2])))
    return lines


def emitted_by(choreography: Choreography, event: EmittedEvent) -> list[str]:
    """`payment (on_failure)`: each workflow, and where in it."""
    said = [
        choreography.graphs[one.workflow].name + (f" ({one.where})" if one.where else "")
        for one in event.emitters
    ]
    return said or [OUTSIDE]


def starts_text(choreography: Choreography, event: EmittedEvent) -> str:
    return ", ".join(choreography.graphs[position].name for position in event.starts) or NOBODY
