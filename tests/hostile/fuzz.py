"""What fuzzing aims at: bytes go in, and what comes out is an answer, soon, and never an exception.

`python -m tests.hostile file --seconds 600` lets atheris aim, which is guided by the code it reaches; what it found stands in `corpus/` and is
tried by every run of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from flowdsl.language import check
from flowdsl.language.inputs import from_text, problems_of
from flowdsl.language.text.library import Library
from flowdsl.language.text.source import decode
from flowdsl.plan.expression.compiled import ExpressionError, parse
from flowdsl.plan.expression.evaluate import EvaluationError, evaluate
from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.location import encode_path, encode_query, render_path
from flowdsl.plan.nodes import Input
from flowdsl.plan.template import render, render_text
from flowdsl.plan.values import Json
from tests.plan.texts import parse_text

CORPUS = Path(__file__).parent / "corpus"
NOWHERE = parse("1").span

SCOPE: dict[str, Json] = {
    "inputs": {"a": "text", "n": 7, "list": [1, 2, {"x": None}], "deep": {"b": {"c": [True]}}},
    "error": None,
    "run": {"id": "run-1"},
    "steps": {"x": {"status": 200}},
    "x": {"id": "x1", "..": "/../"},
}


def try_file(raw: bytes) -> None:
    """A workflow file; the file that it names is itself."""
    source = decode("fuzz.yaml", raw)
    checked = check(source, Library({"fuzz.yaml": source.text, "other.yaml": source.text}))
    assert (checked.plan is None) == bool(checked.errors)
    for diagnostic in checked.diagnostics:
        assert str(diagnostic)
        assert diagnostic.span.line >= 1
        assert diagnostic.help or diagnostic.fix


def try_expression(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    with suppress(ExpressionError, EvaluationError):
        value = evaluate(parse(text), SCOPE)
        assert isinstance(to_text(value), str)  # type: ignore[arg-type]
    with suppress(ExpressionError, EvaluationError):
        template = parse_text(text, locate=lambda _: NOWHERE)
        assert_one_path(render_path(template, SCOPE))
        render(template, SCOPE)
        render_text(template, SCOPE)
    for encode in (encode_path, encode_query):
        with suppress(EvaluationError):
            assert not set(encode(text)) & set("/?#\\\r\n\0 &=")


def assert_one_path(path: str) -> None:
    assert not {".", ".."} & set(path.partition("?")[0].split("/"))


def try_inputs(raw: bytes) -> None:
    """A schema of an input, a NUL, and a value for it."""
    before, _, after = raw.partition(b"\0")
    try:
        value = from_bytes(after.decode("utf-8", "replace"))
    except ValueError:
        value = after.decode("utf-8", "replace")
    head = b"flowdsl: 1\nservices: { a: http://a }\ninputs:\n  x: "
    text = head + before.replace(b"\n", b" ") + b"\nsteps:\n  - call: GET a/x\n"
    checked = check(decode("fuzz.yaml", text))
    for declared in checked.plan.inputs if checked.plan is not None else ():
        for problem in problems_of(declared, value):
            assert problem.message
        from_text(declared, after.decode("utf-8", "replace"))
    problems_of(Input("x", {"type": "string"}), value)


TARGETS: Mapping[str, Callable[[bytes], None]] = MappingProxyType(
    {"file": try_file, "expression": try_expression, "inputs": try_inputs}
)
