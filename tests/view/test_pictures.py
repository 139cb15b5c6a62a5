"""Claims about graphs: nothing is missing, nothing overlaps, and what other programs read they can read."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.nodes import Call, Commit, Compensation, Confirm
from flowdsl.saga.observation import Answer
from flowdsl.view.calls import short_names
from flowdsl.view.dot import dot
from flowdsl.view.drawing import graph_text
from flowdsl.view.falls import falls
from flowdsl.view.forecast import forecast
from flowdsl.view.graph import Coloured, Graph, Vertex, graph_json, graph_of
from flowdsl.view.layout import Size, layout
from flowdsl.view.mermaid import mermaid
from flowdsl.view.outline import steps
from flowdsl.view.paint import plain, width
from flowdsl.view.standing import undone_steps
from flowdsl.view.svg import Caption, svg
from tests.view.stories import (
    INPUTS,
    ODDS,
    ORDER,
    WORKFLOWS,
    fulfilment,
    odds,
    plan_of,
    stories,
    trip,
)

SPACE = "{http://www.w3.org/2000/svg}"


def graphs() -> dict[str, Graph]:
    plain_ones = {name: graph_of(plan_of(name)) for name in WORKFLOWS}
    return plain_ones | {
        name: graph_of(story.plan, Coloured(story.state, story.now))
        for name, story in stories().items()
    }


GRAPHS = graphs()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_graph_has_every_call_its_undo_and_its_confirm(name: str) -> None:
    plan = plan_of(name)
    found = {vertex.id: vertex for vertex in graph_of(plan).vertices}
    for address, node in plan.nodes.items():
        if isinstance(node, Call) and not address.startswith("on_failure/"):
            undone = isinstance(node.compensation, Compensation)
            assert (found[address].undo is not None) == undone
        if isinstance(node, Confirm):
            assert found[address].kind == "confirm"
        if isinstance(node, Commit) and node.written:
            assert found[address].kind == "commit"


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_an_svg_is_well_formed_and_its_boxes_lie_apart_and_inside(name: str) -> None:
    text = svg(GRAPHS[name], Caption("a-run-of-it", "stuck"))
    root = ElementTree.fromstring(text)
    _, _, wide, high = (float(each) for each in root.attrib["viewBox"].split())
    boxes = []
    for group in root.iter(f"{SPACE}g"):
        box = group.find(f"{SPACE}rect")
        assert box is not None
        assert group.find(f"{SPACE}title") is not None
        x, y, w, h = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= wide
        assert y + h <= high
        boxes.append((x, y, x + w, y + h))
    undos = sum(1 for vertex in GRAPHS[name].vertices if vertex.undo)
    assert len(boxes) == len(GRAPHS[name].vertices) + undos
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_a_state_is_a_word_in_the_svg_too(name: str) -> None:
    text = svg(GRAPHS[name])
    for vertex in GRAPHS[name].vertices:
        if vertex.state and vertex.kind != "commit":
            assert f" {vertex.state}</text>" in text


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_mermaid_declares_each_node_it_joins(name: str) -> None:
    lines = mermaid(GRAPHS[name]).splitlines()
    assert lines[0] == "flowchart LR"
    shape = r'(\["[^"]*"\]|\("[^"]*"\)|\(\["[^"]*"\]\)|\{\{"[^"]*"\}\})'
    declared: set[str] = set()
    joined: set[str] = set()
    for line in lines[1:]:
        if match := re.fullmatch(rf"  (n\d+u?){shape}(:::\w+)?", line):
            declared.add(match[1])
        elif match := re.fullmatch(r"  (n\d+) (?:-->|==>|-\. undo \.->) (n\d+u?)", line):
            joined |= {match[1], match[2]}
        else:
            assert re.fullmatch(r"  classDef \w+ [\w:#,\- ]+", line), line
    assert joined <= declared
    undos = sum(1 for vertex in GRAPHS[name].vertices if vertex.undo)
    assert len(declared) == len(GRAPHS[name].vertices) + undos


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_dot_and_json_hold_the_same_edges(name: str) -> None:
    shown = graph_json(GRAPHS[name])
    assert isinstance(shown, dict)
    edges = shown["edges"]
    assert isinstance(edges, list)
    text = dot(GRAPHS[name])
    assert text.count(" -> ") == len(edges)
    assert text.startswith("digraph ")
    assert text.endswith("}\n")


def test_names_from_a_file_cannot_break_out_of_a_format() -> None:
    nasty = '"]<script>&#x;\n\x1b[31m\\'
    graph = Graph(
        nasty, (Vertex("a", "call", nasty, nasty), Vertex("b", "wait", "b")), (("a", "b"),)
    )
    ElementTree.fromstring(svg(graph, Caption(nasty)))
    assert "<script>" not in svg(graph)
    node = mermaid(graph).splitlines()[1]
    assert node.count('"') == 2
    assert "\x1b" not in svg(graph) + mermaid(graph) + dot(graph)


@st.composite
def dags(draw: st.DrawFn) -> tuple[dict[str, Size], list[tuple[str, str]]]:
    count = draw(st.integers(1, 14))
    names = [f"s{index}" for index in range(count)]
    pairs = list(combinations(names, 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    number = st.floats(5, 80)
    sizes = {name: Size(draw(number) * 3, draw(number), draw(number)) for name in names}
    return sizes, edges


@given(dags())
def test_no_layout_puts_two_boxes_over_each_other(
    drawn: tuple[dict[str, Size], list[tuple[str, str]]],
) -> None:
    sizes, edges = drawn
    placed = layout(sizes, edges)
    assert set(placed.spots) == set(sizes)
    for first, last in edges:
        assert placed.spots[first].x + placed.spots[first].size.width < placed.spots[last].x
    for one, other in combinations(placed.spots.values(), 2):
        apart_x = one.x + one.size.width <= other.x or other.x + other.size.width <= one.x
        above = one.y + one.size.below <= other.y - other.size.above + 1e-6
        below = other.y + other.size.below <= one.y - one.size.above + 1e-6
        assert apart_x or above or below


@pytest.mark.parametrize("name", WORKFLOWS)
@pytest.mark.parametrize("most", [40, 88, 400])
def test_the_drawing_names_every_step_and_keeps_to_the_screen(name: str, most: int) -> None:
    plan = plan_of(name)
    drawn = graph_text(plan, None, most)
    names = short_names(plan)
    for call in (node for node in steps(plan) if isinstance(node, Call)):
        if not call.address.startswith("on_failure/") or most < 400:
            assert names[call.address].rpartition("/")[2] in plain(drawn)
    assert max(width(line) for line in drawn) <= max(most, 88)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (name, call.address)
        for name in ("trip", "fulfilment", "odds")
        for call in steps(plan_of(name))
        if isinstance(call, Call)
        if call.critical and not call.action.is_read and call.address != "never/eight"
    ],
)
def test_a_refusal_undoes_nothing_that_the_plan_did_not_announce(name: str, call: str) -> None:
    plan = plan_of(name)
    refused = {call: (Answer(422, (), {"error": "no"}),)}
    inputs, story = {
        "trip": lambda: (INPUTS, trip(refused)),
        "fulfilment": lambda: (ORDER, fulfilment(refused)),
        "odds": lambda: (ODDS | {"sizes": [1]}, odds(refused, sizes=[1])),
    }[name]()
    fall = falls(forecast(plan, inputs))[call]
    assert set(undone_steps(plan, story.state)) <= {*fall.undone, "extras/six"}
    if story.state.turning is not None:
        assert (story.now.state == "stuck") == (fall.kind == "stuck")
    elif story.state.committed and story.now.state != "succeeded":
        assert story.now.state == "stuck"
        assert fall.kind in ("retried", "stuck")
