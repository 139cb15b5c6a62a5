"""Whatever is written with the keys of the language: diagnostics or a plan, never an exception; and what is pinned comes back."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowdsl.language import (
    InvalidWorkflow,
    Library,
    Source,
    check,
    compile_plan,
    flatten,
    paths_named,
)
from flowdsl.language.load import load
from tests.language.used import library_for
from tests.sizes import examples

SINK = Path(__file__).parent / "ok" / "kitchen-sink.yaml"
TEXT = SINK.read_text("utf-8")
LIBRARY = Library(
    {
        "ship.yaml": "flowdsl: 1\nservices: { s: http://s }\ninputs: { x: string? }\n"
        "steps:\n  - { id: a, call: POST s/a, compensate: none }\noutputs: { id: '${a.id}' }\n",
        "round.yaml": "flowdsl: 1\nsteps:\n  - uses: ./round.yaml\n",
    }
)


def examine(source: Source, library: Library) -> None:
    checked = check(source, library)
    for item in checked.diagnostics:
        assert item.help or item.fix is not None, str(item)
        assert item.span.line >= 1
        assert item.span.column >= 1
    if checked.errors:
        with pytest.raises(InvalidWorkflow):
            load(source, library)
        return
    plan = checked.plan
    assert plan is not None
    flatten(plan)
    assert set(plan.names.values()) <= set(plan.nodes)
    again = compile_plan(plan.source, plan.path, plan.files)
    assert again == plan


# --- the sink of everything, edited -------------------------------------------------------------------

PIECES = [
    *(
        "",
        " ",
        "\n",
        "\n  ",
        ": ",
        "- ",
        "#",
        "'",
        '"',
        "{",
        "}",
        "[",
        "]",
        "${",
        "null",
        "12",
        ".",
    ),
    *("for_each", "collect:", "first_success", "{ quorum: 2 }", "max_parallel: 1", "wh in [1]"),
    *("switch:", "fallback:", "uses: ./ship.yaml", "detach: true", "with:", "emit: a.b", "data:"),
    *(
        "wait_for: x",
        "wait_until:",
        "schema:",
        "openapi:",
        "payments.createCharge",
        "stock",
        "error",
    ),
]
EDITS = st.lists(
    st.tuples(st.integers(0, len(TEXT)), st.integers(0, 40), st.sampled_from(PIECES)),
    min_size=1,
    max_size=4,
)


def edited(edits: list[tuple[int, int, str]]) -> Source:
    text = TEXT
    for start, removed, added in edits:
        text = text[:start] + added + text[start + removed :]
    return Source(SINK.name, text)


@settings(max_examples=examples(30, 60))
@given(EDITS)
def test_an_edited_sink_has_diagnostics_or_a_plan(edits: list[tuple[int, int, str]]) -> None:
    examine(edited(edits), library_for(SINK))


@settings(max_examples=examples(75, 150))
@given(EDITS)
def test_what_an_edited_sink_names_are_files_and_nothing_else(
    edits: list[tuple[int, int, str]],
) -> None:
    for key in paths_named(edited(edits)):
        assert key.endswith((".yaml", ".yml", ".json"))
        assert not posixpath.isabs(key)


@given(st.text())
def test_any_text_names_files_or_none(text: str) -> None:
    assert isinstance(paths_named(Source("w.yaml", text)), tuple)
    assert isinstance(paths_named(Source("w.yaml", f"flowdsl: 1\nsteps:\n{text}")), tuple)


# --- every key, with any value ------------------------------------------------------------------------

KEYS = [
    *("id", "when", "critical", "after", "call", "query", "headers", "body", "timeout", "retry"),
    *("expect", "confirm", "compensate", "probe", "fallback", "holds_for", "for_each", "collect"),
    *("max_parallel", "parallel", "steps", "switch", "wait", "wait_until", "wait_for", "schema"),
    *("emit", "data", "uses", "with", "detach", "set", "status", "fail", "quorum", "type", "url"),
]
SCALARS = st.sampled_from(
    [
        *(None, True, 0, 1, -1, "", "x", "none", "all", "settled", "first_success", "1h", "a.ok"),
        *("s/x", "GET s/${a.id}", "s.do", "./ship.yaml", "./round.yaml", "../x.json", "/x.yaml"),
        *("i in [1, 2]", "i in a", "i in i", "order.paid", "${inputs.x}", "${i}", "${", "commit"),
    ]
)
VALUES: st.SearchStrategy[object] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=8,
)
STEPS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5) | VALUES, max_size=4)


@settings(max_examples=examples(75, 150))
@given(STEPS, VALUES, VALUES)
def test_any_value_at_any_key_has_diagnostics_or_a_plan(
    steps: list[object], one: object, other: object
) -> None:
    document = {
        "flowdsl": 1,
        "inputs": {"x": "string?"},
        "key": one,
        "trigger": other,
        "services": {
            "s": "http://s",
            "events": {"url": "http://e", "openapi": one, "strict": other},
        },
        "steps": steps,
        "on_failure": steps[:1],
    }
    source = Source("w.yaml", json.dumps(document))
    paths_named(source)
    examine(source, LIBRARY)


# --- every construct, rightly put together ------------------------------------------------------------

EACH = st.sampled_from(
    [{}, {"for_each": "i in [1, 2]"}, {"for_each": "i in inputs.list", "collect": "settled"},
     {"for_each": "i in [1, 2, 3]", "collect": {"quorum": 2}, "max_parallel": 2}]
)  # fmt: skip
LEAVES: st.SearchStrategy[dict[str, object]] = st.sampled_from(
    [
        {"call": "GET s/x"},
        {"call": "POST s/x", "compensate": "none", "holds_for": "1h"},
        {"call": "POST s/x", "compensate": "DELETE s/x", "fallback": [{"call": "GET s/y"}]},
        {"uses": "./ship.yaml", "with": {"x": "y"}},
        {"uses": "./ship.yaml", "detach": True},
        {"wait_for": "go", "timeout": "1h", "schema": {"type": "object"}},
        {"wait_until": "2030-01-01T00:00:00Z"},
        {"wait": "1s"},
        {"emit": "order.paid", "data": {"x": "${inputs.x}"}},
        {"set": {}},
        {"fail": "no", "when": "inputs.x"},
    ]
)
TREES: st.SearchStrategy[list[dict[str, object]]] = st.recursive(
    st.lists(LEAVES, min_size=1, max_size=3),
    lambda inner: st.lists(
        st.one_of(
            inner.map(lambda steps: {"steps": steps}),
            inner.map(lambda steps: {"parallel": steps}),
            inner.map(lambda steps: {"switch": [{"when": "inputs.x", "steps": steps}]}),
            LEAVES,
        ),
        min_size=1,
        max_size=3,
    ),
    max_leaves=6,
)


def put_together(steps: list[dict[str, object]], each: dict[str, object], at: int) -> list[object]:
    """Ids that differ, sets that set something, a `for_each` where one may stand."""
    made: list[object] = []
    for position, step in enumerate(steps):
        here = dict(step)
        if here.get("set") == {}:
            here["set"] = {f"name_{at}_{position}": 1}
        for key in ("steps", "parallel"):
            if key in here:
                here[key] = put_together(here[key], {}, at * 10 + position + 1)  # type: ignore[arg-type]
        if each and not made and here.keys() & {"call", "steps", "uses"} and "set" not in here:
            here = {**each, **here}
        made.append(here)
    return made


@settings(max_examples=examples(50, 100))
@given(TREES, EACH)
def test_any_constructs_together_have_diagnostics_or_a_plan(
    steps: list[dict[str, object]], each: dict[str, object]
) -> None:
    document = {
        "flowdsl": 1,
        "inputs": {"x": "string?", "list": "array"},
        "services": {"s": "http://s", "events": "http://e"},
        "defaults": {"idempotency": "24h"},
        "steps": put_together(steps, each, 1),
    }
    examine(Source("w.yaml", json.dumps(document)), LIBRARY)
