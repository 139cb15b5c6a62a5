"""Mistakes planted in forty calls, undos, confirms and probes: all are found, each at its place, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path

from flowdsl.language import Library, Source, check
from flowdsl.plan.span import Span
from tests.conftest import Counts
from tests.language.openapi.checking import DOCUMENTS, SHOP

PLANTED = Path(__file__).with_name("planted.yaml")
DESCRIBED = [*sorted(DOCUMENTS.glob("*.yaml")), SHOP]
LIBRARY = Library({path.name: path.read_text("utf-8") for path in DESCRIBED})
MARK = re.compile(r"«(?P<code>F\d{3}) (?P<text>[^»]*)»")


def planted() -> tuple[Source, set[tuple[str, Span]]]:
    """The file without its marks, and what they say."""
    lines: list[str] = []
    marked: set[tuple[str, Span]] = set()
    for number, written in enumerate(PLANTED.read_text("utf-8").splitlines(), start=1):
        line = written
        while not line.startswith("#") and (mark := MARK.search(line)) is not None:
            marked.add((mark["code"], Span(number, mark.start() + 1, len(mark["text"]))))
            line = line[: mark.start()] + mark["text"] + line[mark.end() :]
        lines.append(line)
    return Source("planted.yaml", "\n".join(lines)), marked


def test_every_planted_mistake_is_found_at_its_place_and_nothing_else(counts: Counts) -> None:
    source, marked = planted()
    found = check(source, LIBRARY).diagnostics
    assert {(item.code, item.span) for item in found} ^ marked == set(), [
        f"{item} {item.span}" for item in found if (item.code, item.span) not in marked
    ]
    counts.add("planted mistakes found", len(marked))


def test_they_stand_in_forty_call_sites_of_every_kind() -> None:
    source, marked = planted()
    coverage = check(source, LIBRARY).coverage
    assert coverage is not None
    assert (coverage.call_sites, coverage.checked) == (40, 40)
    assert len(marked) >= 40
    assert {code for code, _ in marked} == {
        "F042", "F043", "F044", "F092", "F093", "F094", "F095", "F096", "F097", "F098",
    }  # fmt: skip
