"""Findings, as other programs read them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from flowdsl.codes import Code
from flowdsl.language.load import Checked
from flowdsl.language.text.diagnostics import SEVERITIES, Diagnostic, Fix
from flowdsl.language.text.source import Source
from flowdsl.plan.json import from_bytes
from flowdsl.plan.span import Span
from flowdsl.view.paint import plain, width
from flowdsl.view.problem.diagnostic import closing, frame, full
from flowdsl.view.problem.formats import Format, rendered

SOURCE = Source("dir/a,b:c.yaml", "one: 1\ntwo: [x]\n\nthree: <&>\nfour: 4\n")
NASTY = '100% wrong, <&>\r\nand "more"'


def checked(*diagnostics: Diagnostic) -> Checked:
    return Checked(SOURCE, None, diagnostics)


@pytest.mark.parametrize("code", sorted(SEVERITIES))
def test_every_code_has_a_frame_and_a_line(code: str) -> None:
    found = Diagnostic(Code(code), Span(2, 6, 3), "it is wrong", "here", "do it right")
    text = plain(full([checked(found)]))
    assert f"[{code}]: it is wrong" in text
    assert "  --> dir/a,b:c.yaml:2:6" in text
    assert " 2 | two: [x]\n   |      ^^^ here\n" in text
    assert f"flowdsl explain {code}" in text


def test_related_places_and_a_patch_are_drawn() -> None:
    found = Diagnostic(
        Code.NAME_TAKEN,
        Span(4, 1, 5),
        "`three` is taken",
        related=((Span(1, 1, 3), "first here"),),
        fix=Fix(4, ("tree: 3", "free: 3"), 1),
    )
    assert plain(frame(SOURCE, found)) == (
        "error[F026]: `three` is taken\n"
        "  --> dir/a,b:c.yaml:4:1\n"
        "   |\n"
        " 1 | one: 1\n"
        "   | --- first here\n"
        "...\n"
        " 4 | three: <&>\n"
        "   | ^^^^^\n"
        "   |\n"
        "help: write\n"
        "   |\n"
        " 4 ~ tree: 3\n"
        " 5 + free: 3\n"
    )


def test_a_patch_can_remove_and_insert_lines() -> None:
    gone = Diagnostic(Code.UNKNOWN_KEY, Span(1, 1, 3), "no", help="remove it", fix=Fix(1, (), 2))
    assert plain(frame(SOURCE, gone)).endswith("   |\n 1 - one: 1\n 2 - two: [x]\n")
    new = Diagnostic(
        Code.MISSING_KEY, Span(1, 1, 3), "no", help="add it", fix=Fix(2, ("name: x",), 0)
    )
    assert plain(frame(SOURCE, new)).endswith("   |\n 2 + name: x\n")


def test_a_very_long_line_is_cut_around_what_is_meant() -> None:
    source = Source("x.yaml", "a: " + "b" * 500 + "!" + "c" * 500)
    lines = frame(source, Diagnostic(Code.WRONG_KIND, Span(1, 504, 1), "no", "label " * 30))
    shown = plain(lines).splitlines()
    at = shown[3].index("!")
    assert shown[4].index("^") == at
    assert max(width(line) for line in lines) <= 140


def test_the_closing_line_counts() -> None:
    error = Diagnostic(Code.UNKNOWN_KEY, Span(1, 1), "no")
    warning = Diagnostic(Code.NOT_UNDOABLE, Span(1, 1), "hm")
    text = plain(closing([checked(error, error, warning), checked()]))
    assert text.startswith("2 files: 2 errors, 1 warning.\n")
    assert plain(closing([checked()])) == "1 file: nothing wrong.\n"


def test_a_finding_of_a_whole_file_has_no_frame() -> None:
    found = Diagnostic(
        Code.FILE_OVER_LIMIT, Span(0, 0, 0), "the file is too large", help="split it"
    )
    assert "|" not in plain(frame(SOURCE, found))


def test_github_annotations_are_escaped() -> None:
    text = rendered([checked(Diagnostic(Code.UNKNOWN_KEY, Span(2, 6, 3), NASTY))], "github")
    assert text == (
        "::error file=dir/a%2Cb%3Ac.yaml,line=2,col=6,endColumn=9,title=flowdsl F020::"
        '100%25 wrong, <&>%0D%0Aand "more"\n'
    )


def test_concise_is_one_line_a_finding() -> None:
    text = rendered([checked(Diagnostic(Code.UNKNOWN_KEY, Span(2, 6, 3), NASTY))], "concise")
    assert text.startswith("dir/a,b:c.yaml:2:6: error[F020]: 100% wrong")
    assert text.count("\n") == 1


def test_json_has_every_field() -> None:
    found = Diagnostic(Code.UNKNOWN_KEY, Span(2, 6, 3), "no", fix=Fix(2, ("x",)))
    report = from_bytes(rendered([checked(found)], "json"))
    assert isinstance(report, dict)
    assert {key: report[key] for key in ("format", "files", "errors", "warnings", "hints")} == {
        "format": 1, "files": 1, "errors": 1, "warnings": 0, "hints": 0,
    }  # fmt: skip
    assert report["diagnostics"] == [
        {
            "file": "dir/a,b:c.yaml", "line": 2, "column": 6, "end_column": 9, "code": "F020",
            "severity": "error", "message": "no", "label": "", "help": "", "related": [],
            "fix": {"line": 2, "removes": 1, "lines": ["x"]},
        }
    ]  # fmt: skip


def test_sarif_names_its_rules_and_places() -> None:
    found = Diagnostic(Code.NOT_UNDOABLE, Span(2, 6, 3), "hm", related=((Span(1, 1, 3), "here"),))
    report = from_bytes(rendered([checked(found)], "sarif"))
    assert isinstance(report, dict)
    assert report["version"] == "2.1.0"
    runs = report["runs"]
    assert isinstance(runs, list)
    run = runs[0]
    assert isinstance(run, dict)
    results = run["results"]
    assert isinstance(results, list)
    result = results[0]
    assert isinstance(result, dict)
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("F012", 0, "warning")
    assert "dir/a%2Cb%3Ac.yaml" in rendered([checked(found)], "sarif")


def test_junit_fails_files_with_errors() -> None:
    error, warning = (
        Diagnostic(Code.UNKNOWN_KEY, Span(1, 1), NASTY),
        Diagnostic(Code.NOT_UNDOABLE, Span(1, 1), "hm"),
    )
    text = rendered([checked(error), checked(warning), checked()], "junit")
    root = ElementTree.fromstring(text)
    assert root.attrib["tests"] == "3"
    assert root.attrib["failures"] == "1"
    assert len(list(root.iter("testcase"))) == 3
    assert len(list(root.iter("failure"))) == 1
    assert len(list(root.iter("system-out"))) == 1


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "sarif", "junit"])
def test_a_clean_set_of_files_is_fine_in_every_format(form: Format) -> None:
    assert "F0" not in rendered([checked()], form).replace("flowdsl", "")
