"""A comment behind a broken expression is to blame only where it cuts it."""

from __future__ import annotations

import pytest

from flowdsl.language import Source, check

HEAD = """flowdsl: 1
inputs: { x: string, list: array }
services: { s: http://localhost:9000 }
steps:
"""


@pytest.mark.parametrize(
    ("step", "code"),
    [
        # it stands behind what is wrong by itself
        ("- call: GET s/b?x=${1 +}   # note", "F040"),
        ("- call: GET s/b?x=${inputs.class}   # note", "F040"),
        ("- status: ${inputs.x + }  # it's a note", "F040"),
        ("- status: ${inputs.x  # never closed", "F040"),
        ("- status: one ${inputs.x} two ${1 +} # note", "F040"),
        ("- call: GET s/b\n    when: inputs.x ==   # note", "F040"),
        ("- call: GET s/b\n    when: inputs.class   # note", "F040"),
        ("- call: GET s/b\n    when: (inputs.x   # note", "F040"),
        ("- call: GET s/b\n    for_each: y in inputs.class   # note", "F040"),
        # it cuts what would have been right, or wrong further on
        ("- status: cut ${inputs.x # here}", "F008"),
        ("- status: ${inputs.x + ' #1'}", "F008"),
        ("- status: ${inputs.x + ' #1' +}", "F008"),
        ("- call: GET s/b\n    when: inputs.x == 'a #b'", "F008"),
        ("- call: GET s/b\n    when: inputs.x == 'a #b' +", "F008"),
        ("- call: GET s/b\n    for_each: y in ['a #b', 'c']", "F008"),
    ],
)
def test_only_what_a_comment_cuts_is_blamed_on_it(step: str, code: str) -> None:
    found = check(Source("w.yaml", f"{HEAD}  {step}\n")).errors
    assert [one.code for one in found if one.code in ("F008", "F040")] == [code]
