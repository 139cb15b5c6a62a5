"""What fuzzing aims at: bytes go in, and what comes out is an answer, soon, and never an exception.

`python -m tests.hostile.fuzz file --seconds 600` runs atheris, which is guided by the code it reaches, for as long as you like; what it
found stands in `corpus/` and is tried by every run of the tests.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from flowdsl.language import check
from flowdsl.language.inputs import from_text, problems_of
from flowdsl.language.library import Library
from flowdsl.language.source import decode
from flowdsl.plan.evaluate import EvaluationError, evaluate
from flowdsl.plan.expression import ExpressionError, parse
from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.location import encode_path, encode_query, render_path
from flowdsl.plan.nodes import Input
from flowdsl.plan.template import parse_text, render, render_text
from flowdsl.plan.values import Json

CORPUS = Path(__file__).parent / "corpus"
SECONDS_MAX = 5.0  # for one input
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


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("target", choices=TARGETS)
    arguments.add_argument("--seconds", type=int, default=60)
    arguments.add_argument("--found", default="/tmp/flowdsl-fuzz", help="where inputs are kept")
    given = arguments.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed here: pip install atheris")
    found = Path(given.found) / given.target
    found.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    target = TARGETS[given.target]

    def timed(raw: bytes) -> None:
        begun = time.process_time()
        target(raw)
        assert time.process_time() - begun < SECONDS_MAX, "too slow"

    atheris.instrument_all()
    seeds = [
        str(CORPUS / given.target),
        *([str(CORPUS.parents[2] / "workflows")] if given.target == "file" else []),
    ]
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={given.seconds}",
            "-max_len=4096",
            "-timeout=20",
            f"-artifact_prefix={found}{os.sep}",
            str(found),
            *seeds,
        ],
        timed,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
