"""Calls that several files have in common, found over all of them."""

from __future__ import annotations

from flowdsl.language import Source, check, repeated
from tests.language.examples import whole


def pair(name: str, body: str = "x") -> str:
    return (
        f"- id: {name}\n  call: POST stock/{name}\n  body: {{ a: '{body}' }}\n"
        f"  compensate: DELETE stock/{name}/${{{name}.id}}\n"
    )


def said(**files: str) -> list[str]:
    checked = [check(Source(f"{name}.yaml", whole(text))) for name, text in files.items()]
    return [f"{item.source.path} {found} ({found.label})" for item, found in repeated(checked)]


BOTH = pair("hold") + pair("label")


def test_two_calls_in_three_files_are_said_in_each_of_them() -> None:
    assert said(a=BOTH, b="- wait: 1s\n" + BOTH, c=BOTH)[:3] == [
        "a.yaml F065 10:11 this call and its undo stand in 3 files (also in b.yaml:11, c.yaml:10)",
        "b.yaml F065 11:11 this call and its undo stand in 3 files (also in a.yaml:10, c.yaml:10)",
        "c.yaml F065 10:11 this call and its undo stand in 3 files (also in a.yaml:10, b.yaml:11)",
    ]


def test_two_files_may_be_chance_and_one_call_is_cheap() -> None:
    assert said(a=BOTH, b=BOTH) == []
    assert said(a=pair("hold"), b=pair("hold"), c=pair("hold")) == []
    assert said(a=BOTH, b=BOTH, c=pair("hold")) == []


def test_another_body_or_another_service_is_another_call() -> None:
    assert said(a=BOTH, b=BOTH, c=pair("hold", "y") + pair("label")) == []
    other = "services: { stock: http://other }\nsteps:\n"
    indented = "".join(f"  {line}\n" for line in BOTH.splitlines())
    assert said(a=BOTH, b=BOTH, c=other + indented) == []


def test_a_file_with_errors_has_other_worries() -> None:
    assert said(a=BOTH, b=BOTH, c=BOTH + "- call: GET nobody/x\n") == []


def test_where_it_is_allowed_it_is_not_said() -> None:
    quiet = BOTH.replace("- id: hold", "# flowdsl: allow F065 (an example)\n- id: hold")
    found = said(a=quiet, b=BOTH, c=BOTH)
    assert [item.split(" (")[0] for item in found if item.startswith("a.yaml")] == [
        "a.yaml F065 15:11 this call and its undo stand in 3 files"
    ]
    assert len(found) == 5
