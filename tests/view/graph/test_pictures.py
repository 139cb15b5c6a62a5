"""Claims about graphs: nothing is missing, nothing overlaps, and what other programs read they can read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.nodes import Call, Commit, Compensation, Confirm
from flowdsl.saga.observation import Answer
from flowdsl.view.calls import short_names
from flowdsl.view.graph.dot import dot
from flowdsl.view.graph.drawing import graph_text
from flowdsl.view.graph.graph import Graph, Vertex, every_vertex, graph_json, graph_of
from flowdsl.view.graph.layout import Size, layout
from flowdsl.view.graph.mermaid import mermaid
from flowdsl.view.graph.svg import Caption, svg
from flowdsl.view.outline import steps
from flowdsl.view.paint import plain, width
from flowdsl.view.plan.falls import falls
from flowdsl.view.plan.forecast import forecast
from flowdsl.view.run.positions import undone_steps
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
    return plain_ones | {name: graph_of(story.plan, story.run) for name, story in stories().items()}


GRAPHS = graphs()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_graph_has_every_call_its_undo_and_its_confirm(name: str) -> None:
    plan = plan_of(name)
    found = {vertex.id: vertex for vertex in every_vertex(graph_of(plan))}
    for template, node in plan.nodes.items():
        address = template.removesuffix("[]")  # a list over a call is one box
        if isinstance(node, Call):
            undone = isinstance(node.compensation, Compensation)
            assert (found[address].undo is not None) == undone
        if isinstance(node, Confirm):
            of_list = node.of.removesuffix("[]")
            assert found.keys() & {address, f"confirms/{of_list}"}
        if isinstance(node, Commit) and node.written:
            assert found[address].kind == "commit"


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_an_svg_is_well_formed_and_its_boxes_lie_apart_and_inside(name: str) -> None:
    text = svg(GRAPHS[name], Caption("a-run-of-it", "stuck"))
    root = ElementTree.fromstring(text)
    _, _, wide, high = (float(each) for each in root.attrib["viewBox"].split())
    found = [box for group in root if (box := box_of(group)) is not None]
    check_apart(found)
    for box in found:
        assert box.left >= 0
        assert box.top >= 0
        assert box.right <= wide
        assert box.bottom <= high
    vertices = list(every_vertex(GRAPHS[name]))
    undos = sum(1 for vertex in vertices if vertex.undo)
    assert len(list(flat(found))) == len(vertices) + undos


@dataclass
class Drawn:
    """A box with all that is nested in it. `own`: the rectangle itself; the edges are those of everything."""

    kind: str
    own: tuple[float, float, float, float]
    inner: list[Drawn]

    def edge(self, at: int) -> float:
        edges = [self.own[at], *(each.edge(at) for each in self.inner)]
        return min(edges) if at < 2 else max(edges)

    left = property(lambda self: self.edge(0))
    top = property(lambda self: self.edge(1))
    right = property(lambda self: self.edge(2))
    bottom = property(lambda self: self.edge(3))


def box_of(group: ElementTree.Element) -> Drawn | None:
    if "data-kind" not in group.attrib:
        return None
    assert group.find(f"{SPACE}title") is not None
    box = group.find(f"{SPACE}rect")
    if box is None:
        box = group.find(f"{SPACE}g/{SPACE}rect")  # a card behind others
    assert box is not None
    x, y, w, h = (float(box.attrib[key]) for key in ("x", "y", "width", "height"))
    inner = [nested for each in group if (nested := box_of(each)) is not None]
    return Drawn(group.attrib["data-kind"], (x, y, x + w, y + h), inner)


def check_apart(boxes: list[Drawn]) -> None:
    """What stands side by side lies apart; what is in a frame lies inside, what hangs at a call below it."""
    for one, other in combinations(boxes, 2):
        level = one.right <= other.left or other.right <= one.left
        assert level or one.bottom <= other.top or other.bottom <= one.top
    for box in boxes:
        check_apart(box.inner)
        for nested in box.inner:
            if nested.kind in ("undo", "fallback"):
                assert nested.top >= box.own[3]
            else:
                assert box.own[0] <= nested.left < nested.right <= box.own[2]
                assert box.own[1] <= nested.top < nested.bottom <= box.own[3]


def flat(boxes: list[Drawn]) -> Iterator[Drawn]:
    for box in boxes:
        yield box
        yield from flat(box.inner)


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_a_state_is_a_word_in_the_svg_too(name: str) -> None:
    text = svg(GRAPHS[name])
    for vertex in every_vertex(GRAPHS[name]):
        if vertex.state and vertex.kind != "commit":
            assert f" {vertex.said}</text>" in text


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_mermaid_declares_each_node_it_joins(name: str) -> None:
    lines = mermaid(GRAPHS[name]).splitlines()
    assert lines[0] == "flowchart LR"
    words = r'"[^"]*"'
    shape = (
        rf"(\[{words}\]|\({words}\)|\(\[{words}\]\)|\{{\{{{words}\}}\}}|>{words}\]|\[\[{words}\]\])"
    )
    declared: set[str] = set()
    joined: set[str] = set()
    for line in lines[1:]:
        if (match := re.fullmatch(rf" +(n\d+u?){shape}(:::\w+)?", line)) or (
            match := re.fullmatch(rf" +subgraph (n\d+)\[{words}\]", line)
        ):
            declared.add(match[1])
        elif match := re.fullmatch(
            r"  (n\d+) (?:-->|==>|-\. (?:undo|refused) \.->) (n\d+u?)", line
        ):
            joined |= {match[1], match[2]}
        else:
            assert re.fullmatch(r" +end| +class n\d+ \w+|  classDef \w+ [\w:#,\- ]+", line), line
    assert joined <= declared
    vertices = list(every_vertex(GRAPHS[name]))
    assert len(declared) == len(vertices) + sum(1 for vertex in vertices if vertex.undo)


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
    assert set(undone_steps(story.run)) <= {*fall.undone, "extras/six"}
    if story.state.turning is not None:
        assert (story.now.state == "stuck") == (fall.kind == "stuck")
    elif story.state.committed and story.now.state != "succeeded":
        assert story.now.state == "stuck"
        assert fall.kind in ("retried", "stuck")
