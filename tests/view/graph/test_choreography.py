"""Claims about several workflows in one picture: every event with who emits it and whom it starts, in every format."""

from __future__ import annotations

import dataclasses
import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from flowdsl.language.load import compile_plan
from flowdsl.plan.json import to_text
from flowdsl.plan.nodes import Plan, Trigger
from flowdsl.view.graph.choreography import (
    Choreography,
    choreography_json,
    choreography_of,
    choreography_text,
)
from flowdsl.view.graph.choreography_formats import choreography_dot, choreography_mermaid
from flowdsl.view.graph.choreography_svg import choreography_svg
from flowdsl.view.paint import plain, width
from tests.view.stories import reacting

SPACE = "{http://www.w3.org/2000/svg}"


def small(name: str, on: str, *emits: str) -> Plan:
    steps = "".join(f"  - emit: {event}\n" for event in emits) or "  - set: { a: 1 }\n"
    text = (
        f"flowdsl: 1\nname: {name}\ntrigger: {{ event: {on} }}\n"
        f"services: {{ events: 'http://events' }}\nsteps:\n{steps}"
    )
    return compile_plan(text, f"{name}.yaml")


def circle() -> Choreography:
    """`a` starts `b`, `b` starts `a`, and `b` starts `c` and `d` with one event."""
    return choreography_of(
        [
            small("d", "both"),
            small("c", "both"),
            small("b", "a.done", "b.done", "both"),
            small("a", "b.done", "a.done"),
        ]
    )


def test_what_starts_others_stands_before_them() -> None:
    found = choreography_of(tuple(reversed(reacting())))
    names = [graph.name for graph in found.graphs]
    assert names.index("order") < names.index("payment") < names.index("delivery")
    assert names.index("payment") < names.index("closing")


def test_every_event_has_its_emitters_and_what_it_starts() -> None:
    shown = choreography_json(choreography_of(reacting()))
    assert isinstance(shown, dict)
    assert shown["events"] == [
        {"event": "order.requested", "emitted_by": [], "starts": ["order"]},
        {
            "event": "order.placed",
            "emitted_by": [{"workflow": "order", "step": "emit-1"}],
            "starts": ["payment"],
        },
        {
            "event": "payment.taken",
            "emitted_by": [{"workflow": "payment", "step": "paid"}],
            "starts": ["delivery"],
        },
        {
            "event": "payment.refused",
            "emitted_by": [{"workflow": "payment", "step": "on_failure/refused"}],
            "starts": ["closing"],
        },
        {
            "event": "order.shipped",
            "emitted_by": [{"workflow": "delivery", "step": "emit-1"}],
            "starts": [],
        },
        {
            "event": "order.closed",
            "emitted_by": [{"workflow": "closing", "step": "emit-1"}],
            "starts": [],
        },
    ]


def test_the_text_says_what_comes_from_outside_and_what_starts_nobody() -> None:
    shown = plain(choreography_text(choreography_of(reacting())))
    assert re.search(r"order\.requested +from outside +order\n", shown)
    assert re.search(r"order\.closed +closing +nobody here\n", shown)
    assert max(width(line) for line in choreography_text(choreography_of(reacting()))) <= 88


def test_workflows_that_start_each_other_in_a_circle_are_drawn() -> None:
    found = circle()
    assert {graph.name for graph in found.graphs} == {"a", "b", "c", "d"}
    shown = plain(choreography_text(found))
    assert re.search(r"both +b +[cd], [cd]\n", shown)
    ElementTree.fromstring(choreography_svg(found))
    assert to_text(choreography_json(found))


@pytest.mark.parametrize(
    "make", [lambda: choreography_of(reacting()), circle], ids=["four", "circle"]
)
def test_mermaid_and_dot_join_what_the_json_joins(make: object) -> None:
    found = make()  # type: ignore[operator]
    joins = sum(len(event.emitters) + len(event.starts) for event in found.events)
    assert len(re.findall(r" -\.-> ", choreography_mermaid(found))) == joins
    dashed = re.findall(r'"event [^"]+" -> | -> "event ', choreography_dot(found))
    drawn = sum(
        len(event.emitters) + sum(bool(found.graphs[at].vertices) for at in event.starts)
        for event in found.events
    )
    assert len(dashed) == drawn


@pytest.mark.parametrize(
    "make", [lambda: choreography_of(reacting()), circle], ids=["four", "circle"]
)
def test_no_event_lies_over_another_or_over_a_workflow(make: object) -> None:
    found = make()  # type: ignore[operator]
    root = ElementTree.fromstring(choreography_svg(found))
    boxes = []
    for group in root:
        box = group.find(f"{SPACE}rect")
        if group.attrib.get("data-kind") == "event" and box is not None:
            boxes.append([float(box.attrib[key]) for key in ("x", "y", "width", "height")])
    lanes = [each for each in root if each.tag == f"{SPACE}rect"][1:]
    assert len(lanes) == len(found.graphs)
    assert len(boxes) == sum(max(1, len(event.starts)) for event in found.events)
    boxes += [[float(each.attrib[key]) for key in ("x", "y", "width", "height")] for each in lanes]
    for one, other in combinations(boxes, 2):
        apart = one[0] + one[2] <= other[0] or other[0] + other[2] <= one[0]
        assert apart or one[1] + one[3] <= other[1] or other[1] + other[3] <= one[1]


def test_an_event_has_a_track_of_its_own() -> None:
    """Two vertical lines in the gutter at the same place would look like one event."""
    svg = choreography_svg(choreography_of(reacting()))
    tracks = re.findall(r" H([\d.]+) V[\d.]+ H[\d.]+\"", svg)
    assert len(tracks) == len(set(tracks)) == 3


def test_names_of_events_cannot_break_out() -> None:
    nasty = '"]<script>&#x;\n\x1b[31m\\'
    plans = [
        dataclasses.replace(small("x", "on", "plain"), trigger=Trigger(nasty)),
        small("y", "plain"),
    ]
    found = choreography_of(plans)
    svg, mermaid, dot = (
        choreography_svg(found),
        choreography_mermaid(found),
        choreography_dot(found),
    )
    ElementTree.fromstring(svg)
    assert "<script>" not in svg + mermaid
    assert "\x1b" not in svg + mermaid + dot
    event = next(line for line in mermaid.splitlines() if line.startswith("  e0("))
    assert event.count('"') == 2
