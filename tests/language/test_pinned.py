"""A definition that a run is pinned to is read again, and not checked again."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowdsl.language import InvalidWorkflow, compile_pinned, compile_plan
from tests.language.used import library_for

FOLDER = Path(__file__).parent
FILES = [
    path
    for folder in (FOLDER / "ok", FOLDER.parents[1] / "workflows")
    for path in sorted(folder.glob("*.yaml"))
    if not path.name.endswith(".openapi.yaml")
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_the_same_plan_as_when_it_was_checked(path: Path) -> None:
    files = list(library_for(path).texts.items())
    text = path.read_text("utf-8")
    assert compile_pinned(text, path.name, files) == compile_plan(text, path.name, files)


def test_what_a_newer_flowdsl_would_refuse_goes_on() -> None:
    # given a file with a mistake that an older flowdsl had not known
    text = "flowdsl: 1\nservices: { a: http://a }\nsteps:\n  - call: GET a/x\n  - commit\n  - fail: no\n"
    with pytest.raises(InvalidWorkflow):
        compile_plan(text, "old.yaml")
    # then a run that is pinned to it has its plan
    assert list(compile_pinned(text, "old.yaml").nodes)


def test_what_cannot_be_read_is_still_refused() -> None:
    with pytest.raises(InvalidWorkflow):
        compile_pinned("flowdsl: 1\nsteps: [{ cal: x }]\n", "damaged.yaml")
