"""Every mistake in `bad/` is reported as it was when a person last looked; nothing in `ok/` and `workflows/` is."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowdsl.language import SEVERITIES, Diagnostic, Fix, Severity, Source, check
from tests.language.named import LIBRARY
from tests.language.rules.bless import BAD, checked, said

FOLDER = Path(__file__).parents[1]
SINK = FOLDER / "ok" / "kitchen-sink.yaml"
GOOD = [
    path
    for folder in (FOLDER / "ok", FOLDER.parents[1] / "workflows")
    for path in sorted(folder.glob("*.yaml"))
    if not path.name.endswith(".openapi.yaml")
]
PAIRS = sorted(BAD.glob("*.yaml"))


def named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", PAIRS, ids=named)
def test_a_bad_file_says_what_it_said(path: Path) -> None:
    assert said(path) == path.with_suffix(".out").read_text("utf-8")


@pytest.mark.parametrize("path", GOOD, ids=named)
def test_a_good_file_has_no_error_and_no_warning(path: Path) -> None:
    found = checked(path).diagnostics
    told = [str(item) for item in found if item.severity is not Severity.HINT]
    assert told == (WARNED if path == SINK else [])


# It has one of everything: also two events that nobody takes back.
WARNED = [
    "F012 65:25 this call changes something and nothing undoes it",
    "F012 66:25 this call changes something and nothing undoes it",
]


@pytest.mark.parametrize("path", GOOD, ids=named)
def test_a_shipped_file_has_no_hint_either(path: Path) -> None:
    if path.parent.name == "workflows":
        assert [str(item) for item in checked(path).diagnostics] == []


def test_the_files_together_hold_nearly_every_code() -> None:
    codes = {line.split()[0] for path in PAIRS for line in said(path).splitlines()}
    assert set(SEVERITIES) - codes == {
        "F002",
        "F003",
        "F007",
        "F047",
        "F062",
        "F065",
    }  # those of whole files, or of many: on their pages


@pytest.mark.parametrize("path", PAIRS, ids=named)
def test_every_diagnostic_points_into_the_file(path: Path) -> None:
    source = Source(path.name, path.read_text("utf-8"))
    for item in checked(path).diagnostics:
        places = (item.span, *(span for span, _ in item.related))
        assert all(span.length >= 1 and source.at(span) for span in places), str(item)


@pytest.mark.parametrize("path", PAIRS, ids=named)
def test_every_diagnostic_says_what_to_do(path: Path) -> None:
    for item in checked(path).diagnostics:
        assert item.help or item.fix is not None, str(item)


def fixed(source: Source, fix: Fix) -> Source:
    lines = list(source.lines)
    lines[fix.line - 1 : fix.line - 1 + fix.removes] = fix.lines
    return Source(source.path, "\n".join(lines))


def with_fixes() -> list[tuple[Source, Diagnostic]]:
    traps = ("text: a: b", "a: [${x}, b-${y}]", "when: 'DE' == x", "a: 'it's'", "a:\n\t- b")
    sources = [Source(path.name, path.read_text("utf-8")) for path in PAIRS]
    sources += [Source("trap.yaml", f"{trap}\nb: 1\n") for trap in traps]
    return [
        (source, item)
        for source in sources
        for item in check(source, LIBRARY).diagnostics
        if item.fix
    ]


@pytest.mark.parametrize(("source", "item"), with_fixes(), ids=lambda value: str(value)[:40])
def test_a_fix_removes_what_it_is_offered_for(source: Source, item: Diagnostic) -> None:
    assert item.fix is not None
    left = check(fixed(source, item.fix), LIBRARY).diagnostics
    assert (item.code, item.span) not in {(other.code, other.span) for other in left}
