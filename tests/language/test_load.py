"""From text to plan: never an exception but `InvalidWorkflow`; a plan without errors is a correct one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowdsl.language import InvalidWorkflow, Source, check, compile_plan, flatten, is_workflow
from flowdsl.language.load import load
from flowdsl.language.lower.plan import lower
from flowdsl.plan.nodes import AnyNode, Block, Plan
from tests.sizes import examples

TRIP = (Path(__file__).parent / "ok" / "trip.yaml").read_text("utf-8")
SMALL = "flowdsl: 1\nservices: { a: http://a }\nsteps:\n  - call: GET a/x\n"


def assert_correct(plan: Plan) -> None:
    def walk(node: AnyNode) -> None:
        assert plan.nodes[node.address] is node
        if isinstance(node, Block):
            for position, child in enumerate(node.children):
                assert all(0 <= need < position for need in child.needs)
                walk(child)

    walk(plan.root)
    assert set(plan.names.values()) <= set(plan.nodes)
    assert [name for name in plan.nodes if plan.nodes[name].address != name] == []


def examine(text: str) -> None:
    checked = check(Source("any.yaml", text))
    spans = [item.span for item in checked.diagnostics]
    assert all(span.line >= 1 and span.column >= 1 and span.length >= 1 for span in spans)
    assert [(s.line, s.column) for s in spans] == sorted((s.line, s.column) for s in spans)
    if checked.errors:
        with pytest.raises(InvalidWorkflow):
            load(checked.source)
    else:
        assert checked.workflow is not None
        plan = lower(checked.workflow, checked.source)
        assert_correct(plan)
        flatten(plan)


@given(st.text())
def test_any_text_has_diagnostics_or_a_plan(text: str) -> None:
    examine(text)


@given(st.text())
def test_any_text_below_the_mark_has_diagnostics_or_a_plan(text: str) -> None:
    examine(f"flowdsl: 1\nsteps:\n{text}")


LINES = TRIP.splitlines()
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(TRIP)),
        st.integers(0, 12),
        st.sampled_from(
            [
                "",
                " ",
                "\n",
                "\n  ",
                ": ",
                "- ",
                "#",
                " #",
                "'",
                '"',
                "{",
                "}",
                "[",
                "]",
                "${",
                "}",
                "*a",
                "&a ",
                "!x ",
                "|\n",
                "\t",
                "id",
                "parallel:",
                "steps:",
                "call:",
                "commit",
                "null",
                "12",
                "flight",
                ".",
            ]
        ),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=examples(75, 150))
@given(EDITS)
def test_an_edited_trip_has_diagnostics_or_a_plan(edits: list[tuple[int, int, str]]) -> None:
    text = TRIP
    for start, removed, added in edits:
        text = text[:start] + added + text[start + removed :]
    examine(text)


@given(st.permutations(range(8, len(LINES))), st.integers(0, 8))
def test_a_trip_with_lines_swapped_or_lost_has_diagnostics_or_a_plan(
    order: list[int], swaps: int
) -> None:
    lines = list(LINES)
    for one, other in zip(order[:swaps:2], order[1:swaps:2], strict=False):
        lines[one], lines[other] = lines[other], lines[one]
    del lines[order[-1]]
    examine("\n".join(lines))


IDS = st.sampled_from(["a", "b", "c", "d", "e"])
EXPRESSIONS = st.sampled_from(
    ["${a.id}", "${b.id}", "x ${c}", "${steps.a.key}", "${inputs.x}", "${default(d.y, 1)}", "${e}"]
)
PATHS = EXPRESSIONS.map("s/x/{}".format)
NOT_THERE = st.none()


def sparse(fields: dict[str, st.SearchStrategy[object]]) -> st.SearchStrategy[dict[str, object]]:
    made = st.fixed_dictionaries({}, optional=fields)
    return made.map(lambda chosen: dict(chosen.items()))


HEAD: dict[str, st.SearchStrategy[object]] = {
    "id": IDS,
    "when": st.sampled_from(["a.ok", "inputs.x", "b and c"]),
    "critical": st.booleans(),
    "after": st.lists(IDS, min_size=1, max_size=2),
}
CALLS = st.builds(
    lambda head, call, more: {**head, "call": call, **more},
    sparse(HEAD),
    PATHS | PATHS.map("GET {}".format),
    sparse(
        {
            "body": EXPRESSIONS,
            "compensate": PATHS | st.just("none"),
            "confirm": PATHS,
            "expect": st.sampled_from(["a.ok", "b.ok"]),
            "retry": st.integers(-1, 4),
        }
    ),
)
OTHERS = st.sampled_from(
    [{"wait": "1s"}, {"status": "x ${a}"}, {"set": {"e": "${a.x}"}}, {"fail": "no"}, "commit", {}]
)
STEPS: st.SearchStrategy[list[object]] = st.recursive(
    st.lists(CALLS | OTHERS, min_size=1, max_size=4),
    lambda inner: st.lists(
        st.builds(
            lambda head, kind, steps: {**head, kind: steps},
            sparse(HEAD),
            st.sampled_from(["parallel", "steps"]),
            inner,
        ),
        min_size=1,
        max_size=3,
    ),
    max_leaves=4,
)


@settings(max_examples=examples(50, 100))
@given(STEPS, STEPS)
def test_any_steps_have_diagnostics_or_a_correct_plan(
    first: list[object], second: list[object]
) -> None:
    document = {
        "flowdsl": 1,
        "inputs": {"x": "string?"},
        "services": {"s": "http://s"},
        "steps": first + second,
    }
    examine(json.dumps(document))


def test_a_plan_is_the_same_each_time() -> None:
    assert compile_plan(TRIP, "trip.yaml") == load(Source("trip.yaml", TRIP))


def test_the_digest_names_the_text() -> None:
    other = SMALL + "# another byte\n"
    assert load(Source("a", SMALL)).digest != load(Source("a", other)).digest
    assert load(Source("a", SMALL)).digest == load(Source("b", SMALL)).digest


def test_invalid_workflow_says_the_first_error_and_holds_all() -> None:
    text = SMALL + "  - call: GET b/x\n  - call: GET c/x\n"
    with pytest.raises(InvalidWorkflow) as raised:
        load(Source("w.yaml", text))
    assert raised.value.message == "w.yaml:5:15: unknown service `b` (and 1 more)"
    assert raised.value.code == "F030"
    assert raised.value.exit_code == 2
    assert [item.code for item in raised.value.checked.diagnostics] == ["F030", "F030"]
    assert raised.value.checked.source.text == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("flowdsl: 1\n", True),
        ("\ufeff# words\n\n---\nflowdsl: 1\n", True),
        ('"flowdsl": 1', True),
        ("# flowdsl: allow F012\nname: x\n", False),
        ("name: x\nflowdsl: 1\n", False),
        ("", False),
        ("flowdslx: 1", False),
        (" \n" * 100_000, False),
    ],
)
def test_a_workflow_is_known_by_its_first_key(text: str, answer: object) -> None:
    assert is_workflow(text) is answer
