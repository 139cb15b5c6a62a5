"""Claims about large workflows: the time of a picture grows with its steps, not with their square, and it says the same."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.language import Source, check, compile_plan
from flowdsl.language.lower.flatten import flatten
from flowdsl.plan.nodes import Call, Plan
from flowdsl.plan.request import Request
from flowdsl.plan.unfold import unfold
from flowdsl.saga.advance import advance
from flowdsl.saga.events import Created, Event, Expanded, Finished, Ok, Started
from flowdsl.saga.run import Run
from flowdsl.view.graph.dot import dot
from flowdsl.view.graph.drawing import graph_text
from flowdsl.view.graph.graph import graph_of
from flowdsl.view.graph.mermaid import mermaid
from flowdsl.view.graph.svg import svg
from flowdsl.view.paint import plain
from flowdsl.view.plan.callplan import KnownValues, call_plan
from flowdsl.view.run.report import run_report
from flowdsl.view.run.status import About, status_text
from tests.view.runs import Signer

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
    assert call_plan(plan, KnownValues({}, {}))
    assert all(f"s{count - 1}" in text for text in drawn)
    return time.process_time() - began


# --- counted -------------------------------------------------------------------------------------------

A_FEW, TEN_TIMES = 30, 300
LINES_RATIO_MAX = 12.0  # of ten times as many steps


def items(count: int) -> str:
    places = f"'x in {list(range(count))}'"
    return f"  - {{ id: each, for_each: {places}, call: 'POST a/${{x}}', compensate: none }}\n"


def looked_at(run: Run) -> None:
    assert plain(status_text(run, About(2e9)))
    assert run_report(run)


MORE_OF = {
    "one after the other": one_after_the_other,
    "all at once": all_at_once,
    "items": items,
}
SCREENS: dict[str, Callable[[Plan], object]] = {
    "validate": lambda plan: check(Source(plan.path, plan.source)),
    "plan": lambda plan: plain(call_plan(plan, KnownValues({}, {}))),
    "graph": lambda plan: plain(graph_text(plan)),
    "mermaid": lambda plan: mermaid(graph_of(plan)),
    "svg": lambda plan: svg(graph_of(plan)),
    "dot": lambda plan: dot(graph_of(plan)),
}


@pytest.mark.parametrize("shape", MORE_OF)
@pytest.mark.parametrize("screen", SCREENS)
def test_ten_times_the_steps_are_ten_times_the_lines(screen: str, shape: str) -> None:
    few, many = (compile_plan(HEAD + MORE_OF[shape](n), "big.yaml") for n in (A_FEW, TEN_TIMES))
    SCREENS[screen](few)  # what is imported, and kept, is so by now
    once = lines_run(lambda: SCREENS[screen](few))
    assert once > A_FEW
    assert lines_run(lambda: SCREENS[screen](many)) < LINES_RATIO_MAX * once


@pytest.mark.parametrize("shape", MORE_OF)
def test_ten_times_the_run_is_ten_times_the_lines(shape: str) -> None:
    few, many = (
        ended(compile_plan(HEAD + MORE_OF[shape](n), "big.yaml"), n) for n in (A_FEW, TEN_TIMES)
    )
    looked_at(few)
    once = lines_run(lambda: looked_at(few))
    assert once > A_FEW
    assert lines_run(lambda: looked_at(many)) < LINES_RATIO_MAX * once


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of Python, those of a loop each time: the same on a machine that is busy."""
    count = 0

    def traced(frame: FrameType, event: str, arg: object) -> object:
        nonlocal count
        count += 1
        return traced

    before = sys.gettrace()
    sys.settrace(traced)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def ended(plan: Plan, count: int) -> Run:
    """A run in which every call was answered."""
    counts = {"each": count} if "each" in plan.nodes else {}
    created = Created(
        "r-1", plan.name, plan.digest, 1.0, {}, {}, {}, started="1970-01-01T00:00:01Z"
    )
    facts: list[Event] = [created, *(Expanded(each, tuple(range(n))) for each, n in counts.items())]
    for node in unfold(plan, counts).nodes.values():
        if isinstance(node, Call):
            request = Request(node.action.method, "http://a/x", (), None)
            facts.append(Started(node.address, 1, 2.0, f"key-{node.address}", request))
            facts.append(Finished(node.address, 1, 3.0, Ok(200, {}, {"id": "x"})))
    run = advance(Run.new(plan), facts, Signer(), 4.0).after
    assert run.progress.state == "succeeded"
    return run


# --- as before -----------------------------------------------------------------------------------------


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
