"""Bugs in what files, values and names may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from flowdsl.language.conformance.pattern import Pattern, Work
from flowdsl.language.places import Use
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.template import Rendered, text_from
from flowdsl.plan.values import Json
from tests.museum.exhibit import Exhibit


def slashes_stay(value: Rendered) -> str:
    return quote(text_from(value), safe="/")


def nothing_is_something(value: Rendered) -> str:
    return quote(text_from(value), safe="")


def decoded_first(value: Rendered) -> str:
    return quote(text_from(value), safe="%")


def one_way_after_the_other(self: Pattern, text: str, work: Work) -> bool:
    """As Python does it, for the one pattern of the test."""
    return re.search("^(a+)+$", text) is not None


def as_text(value: Json, work: Work) -> object:
    return str(value)


def never(self: Work, amount: int) -> None:
    """Nothing is counted."""


def only_by_its_own_name(
    subject: Subject, use: Use, secret: frozenset[str]
) -> Iterator[Diagnostic]:
    yield from ()


FILES = "tests/hostile/test_files.py::"
LOCATION, LANGUAGE = "flowdsl.plan.location", "flowdsl.language"

EXHIBITS = (
    Exhibit("a slash in a value makes another path", f"{LOCATION}.encode_path", slashes_stay, FILES + "test_no_value_makes_another_path"),
    Exhibit("an empty value names another path", f"{LOCATION}.encode_path", nothing_is_something, FILES + "test_a_value_stays_where_it_was_put['']"),
    Exhibit("what is percent-encoded already is left as it is", f"{LOCATION}.encode_path", decoded_first, FILES + "test_a_value_stays_where_it_was_put['..%2fadmin']"),
    Exhibit("any text is the id of a run", "flowdsl.world.store.summary.RUN_ID", re.compile("(?s).*"), FILES + "test_an_id_is_no_path['../x']"),
    Exhibit("what comes in may steer the screen", "flowdsl.cli.screen._STEERING", re.compile("(?!)"), FILES + "test_nothing_that_comes_in_steers_the_screen[ok]"),
    Exhibit("a pattern is tried one way after the other", f"{LANGUAGE}.conformance.pattern.Pattern.is_in", one_way_after_the_other, "tests/language/conformance/test_pattern.py::test_no_pattern_is_a_trap[^(a+)+$ 28]"),
    Exhibit("nobody counts the work of a pattern", f"{LANGUAGE}.conformance.pattern.Work.spend", never, "tests/language/conformance/test_pattern.py::test_what_is_still_too_much_is_given_up"),
    Exhibit("items are compared as text", f"{LANGUAGE}.conformance.keywords.canonical", as_text, "tests/language/conformance/test_value.py::test_what_the_schema_wants"),
    Exhibit("a secret is read from `env` as well", f"{LANGUAGE}.rules.secrets._read_openly", only_by_its_own_name, "tests/language/rules/test_golden.py::test_a_bad_file_says_what_it_said[secrets]"),
)  # fmt: skip
