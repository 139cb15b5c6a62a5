"""The example of an error's page is that error, and the cure on it cures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
from msgspec.structs import replace

from flowdsl.language import SEVERITIES, Source, check, repeated
from flowdsl.language.explain import explain, heading, nearest, words
from flowdsl.language.parse.schema import schema_text
from flowdsl.plan.values import Json
from tests.language.examples import LIBRARY, examples, whole

BAD = [(code, text) for code in SEVERITIES for text in examples(explain(code) or "", "bad")]
GOOD = [(word, text) for word in words() for text in examples(explain(word) or "", "good")]


@pytest.mark.parametrize(("code", "example"), BAD, ids=[code for code, _ in BAD])
def test_the_bad_example_gives_the_code_of_its_page_and_no_other(code: str, example: str) -> None:
    text = whole(example)
    library = replace(LIBRARY, texts={**LIBRARY.texts, "bad.yaml": text})
    checked = check(Source("bad.yaml", text), library)
    found = list(checked.diagnostics)
    if code == "F065":  # said of many files together
        copies = (check(Source(f"{copy}.yaml", text), library) for copy in "abc")
        found += [item for _, item in repeated(copies)]
    assert {item.code for item in found} == {code}, [str(item) for item in found]


@pytest.mark.parametrize(("word", "example"), GOOD, ids=[word for word, _ in GOOD])
def test_the_good_example_has_nothing_wrong_with_it(word: str, example: str) -> None:
    found = check(Source("good.yaml", whole(example)), LIBRARY).diagnostics
    assert [str(item) for item in found] == []


@pytest.mark.parametrize("code", SEVERITIES)
def test_every_code_has_a_page_with_both_examples(code: str) -> None:
    page = explain(code)
    assert page is not None
    assert page.splitlines()[0] == f"# {code}: {heading(code)} ({SEVERITIES[code]})"
    assert examples(page, "bad")
    assert examples(page, "good")


def keys_of(schema: Json, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The keys of the language; those of JSON Schema, in an input, are not ours."""
    if isinstance(schema, dict) and path not in (("$defs", "schema"), ("$defs", "input")):
        for key, value in schema.items():
            if key == "properties" and isinstance(value, dict):
                yield from value
                yield from (name for part in value.values() for name in keys_of(part))
            else:
                yield from keys_of(value, (*path, key))


def test_every_key_of_the_schema_is_explained() -> None:
    keys = set(keys_of(json.loads(schema_text())))
    assert {"compensate", "max_delay", "on_failure"} <= keys
    assert [key for key in sorted(keys) if explain(key) is None] == []


@pytest.mark.parametrize(
    "word", [word for word in words() if not re.fullmatch(r"F\d{3}", word) or word in SEVERITIES]
)
def test_every_page_shows_how_it_is_written(word: str) -> None:
    page = explain(word) or ""
    assert examples(page, "good")
    assert page.count("```yaml") == len(examples(page, "good")) + len(examples(page, "bad"))


def test_every_page_is_reached() -> None:
    pages = files("flowdsl.language").joinpath("pages").iterdir()
    reached = {explain(word) for word in words()}
    assert [page.name for page in pages if page.read_text("utf-8") not in reached] == []


def test_a_word_nobody_knows_has_no_page_and_a_nearest_one() -> None:
    assert explain("compansate") is None
    assert nearest("compansate") == "compensate"
