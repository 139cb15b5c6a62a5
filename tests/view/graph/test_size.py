"""Claims about large workflows: the time of a picture grows with its steps, not with their square, and it says the same."""

from __future__ import annotations

import time
from collections.abc import Iterator

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.language import compile_plan
from flowdsl.language.lower.flatten import flatten
from flowdsl.plan.nodes import Plan
from flowdsl.view.graph.dot import dot
from flowdsl.view.graph.drawing import graph_text
from flowdsl.view.graph.graph import graph_of
from flowdsl.view.graph.mermaid import mermaid
from flowdsl.view.graph.svg import svg

FEW, MANY = 250, 1_000
RATIO_MAX = (
    9.0  # of four times as many steps; it was 16 and more when pairs of steps were looked at
)

HEAD = "flowdsl: 1\nname: big\nservices: { a: 'http://a' }\nsteps:\n"


def call(at: int, indent: str, more: str = "") -> str:
    return (
        f"{indent}- {{ id: s{at}, call: POST a/x, compensate: 'DELETE a/x/${{s{at}.id}}'{more} }}\n"
    )


def one_after_the_other(count: int) -> str:
    return "".join(call(at, "  ") for at in range(count))


def all_at_once(count: int) -> str:
    return "  - parallel:\n" + "".join(call(at, "      ") for at in range(count))


def fifty_at_once(count: int) -> str:
    groups = (range(first, first + 50) for first in range(0, count, 50))
    return "".join(
        "  - parallel:\n" + "".join(call(at, "      ") for at in group) for group in groups
    )


def across(count: int) -> str:
    others = (
        call(at, "      ", f", after: [s{max(0, at - 7)}, s{at // 2}]") for at in range(1, count)
    )
    return "".join(["  - parallel:\n", call(0, "      "), *others])


SHAPES = {
    "one after the other": one_after_the_other,
    "all at once": all_at_once,
    "fifty at once": fifty_at_once,
    "across": across,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_time_of_a_picture_grows_with_its_steps(shape: str) -> None:
    few, many = (compile_plan(HEAD + SHAPES[shape](n), "big.yaml") for n in (FEW, MANY))
    assert seconds_to_draw(many, MANY) < RATIO_MAX * seconds_to_draw(few, FEW)


def seconds_to_draw(plan: Plan, count: int) -> float:
    """The best of three: a machine has other things to do."""
    return min(_seconds_to_draw(plan, count) for _ in range(3))


def _seconds_to_draw(plan: Plan, count: int) -> float:
    began = time.process_time()
    graph = graph_of(plan)
    drawn = [svg(graph), mermaid(graph), dot(graph)]
    assert graph_text(plan)
    assert all(f"s{count - 1}" in text for text in drawn)
    return time.process_time() - began


def test_between_two_large_groups_stands_a_joint() -> None:
    plan = compile_plan(HEAD + fifty_at_once(100), "big.yaml")
    graph = graph_of(plan)
    assert [vertex.kind for vertex in graph.vertices].count("join") == 1
    assert len(graph.edges) == 100


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Groups in each other, few enough in each that no joint is needed."""
    numbers = iter(range(1000))

    def steps(depth: int, indent: str) -> Iterator[str]:
        for _ in range(draw(st.integers(1, 3))):
            kind = draw(st.sampled_from(["call", "parallel", "steps"] if depth else ["call"]))
            if kind == "call":
                yield call(next(numbers), indent)
            else:
                yield f"{indent}- {kind}:\n"
                yield from steps(depth - 1, f"{indent}    ")

    return compile_plan(HEAD + "".join(steps(3, "  ")), "drawn.yaml")


@given(plans())
def test_a_graph_has_the_order_of_the_plan_and_no_edge_that_another_way_implies(plan: Plan) -> None:
    graph = graph_of(plan)
    if any(vertex.kind == "join" for vertex in graph.vertices):
        return
    flat = flatten(plan)
    flat.remove_node("commit")
    expected = networkx.transitive_reduction(flat)
    assert set(graph.edges) == set(expected.edges)
