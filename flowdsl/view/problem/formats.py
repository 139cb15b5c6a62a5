"""What is wrong with files, as programs read it: one line each, JSON, GitHub annotations, SARIF 2.1.0, JUnit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Literal, TypeAlias
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from flowdsl.language.explain import heading
from flowdsl.language.load import Checked
from flowdsl.language.text.diagnostics import SEVERITIES, Diagnostic, Severity
from flowdsl.plan.json import to_ascii
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json
from flowdsl.view.paint import plain, visible
from flowdsl.view.problem.diagnostic import coverage_of, full, told

Format: TypeAlias = Literal["full", "concise", "json", "github", "sarif", "junit"]


def rendered(files: Sequence[Checked], form: Format) -> str:
    """All findings in one of the formats; text that ends with a newline."""
    match form:
        case "full":
            return plain(full(files))
        case "concise":
            return "".join(line + "\n" for file in files for line in _concise_lines(file))
        case "github":
            return "".join(line + "\n" for file in files for line in _github_lines(file))
        case "json":
            return to_ascii(as_json(files)) + "\n"
        case "sarif":
            return to_ascii(_sarif(files)) + "\n"
        case "junit":
            return _junit(files)


def as_json(files: Sequence[Checked]) -> Json:
    shown = [told(file, partial(_object_text, file.source.path)) for file in files]
    return {
        "format": 1,
        "files": len(files),
        "errors": sum(file.number(Severity.ERROR) for file in files),
        "warnings": sum(file.number(Severity.WARNING) for file in files),
        "hints": sum(file.number(Severity.HINT) for file in files),
        "untold": sum(untold.total for _, untold in shown),
        "openapi": _reach(files),
        "diagnostics": [
            finding(file.source.path, diagnostic)
            for file, (found, _) in zip(files, shown, strict=True)
            for diagnostic in found
        ],
    }


def _reach(files: Sequence[Checked]) -> Json:
    """How far the contracts of services reach; null where no file names one."""
    reach = coverage_of(files)
    if reach is None:
        return None
    return {
        "call_sites": reach.call_sites,
        "checked": reach.checked,
        "without_contract": reach.without_contract,
        "unsure": reach.unsure,
        "values_checked": reach.values_checked,
        "values_unknown": reach.values_unknown,
    }


def finding(path: str, diagnostic: Diagnostic) -> Json:
    """One of them; its fields are a promise."""
    fix = diagnostic.fix
    patch: Json = None
    if fix is not None:
        patch = {"line": fix.line, "removes": fix.removes, "lines": list(fix.lines)}
    return {
        "file": path,
        **_place(diagnostic.span),
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
        "related": [{**_place(span), "message": text} for span, text in diagnostic.related],
        "fix": patch,
    }


def _object_text(path: str, diagnostic: Diagnostic) -> str:
    return to_ascii(finding(path, diagnostic))


def _place(span: Span) -> dict[str, Json]:
    return {"line": span.line, "column": span.column, "end_column": span.column + span.length}


def _concise_lines(file: Checked) -> list[str]:
    path = file.source.path
    found, untold = told(file, partial(_concise, path))
    more = [visible(f"{path}: {untold}")] if untold.total else []
    return [*(_concise(path, diagnostic) for diagnostic in found), *more]


def _concise(path: str, found: Diagnostic) -> str:
    span = found.span
    where = f"{path}:{span.line}:{span.column}"
    return visible(f"{where}: {found.severity.value}[{found.code}]: {found.message}")


def _github_lines(file: Checked) -> list[str]:
    path = file.source.path
    found, untold = told(file, partial(_github, path))
    kind = "error" if untold.errors else "warning" if untold.warnings else "notice"
    more = [f"::{kind} file={_github_property(path)},title=flowdsl::{untold}"]
    return [*(_github(path, diagnostic) for diagnostic in found), *(more if untold.total else [])]


def _github(path: str, found: Diagnostic) -> str:
    kinds = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}
    span = found.span
    properties = {
        "file": path,
        "line": str(max(span.line, 1)),
        "col": str(max(span.column, 1)),
        "endColumn": str(max(span.column + span.length, 1)),
        "title": f"flowdsl {found.code}",
    }
    said = found.message + (f"\n{found.help}" if found.help else "")
    first_few = ",".join(f"{name}={_github_property(value)}" for name, value in properties.items())
    return f"::{kinds[found.severity]} {first_few}::{_github_message(said)}"


def _github_message(text: str) -> str:
    return visible(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _github_property(text: str) -> str:
    return _github_message(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(files: Sequence[Checked]) -> Json:
    shown = [told(file, partial(_sarif_text, file.source.path)) for file in files]
    codes = sorted({diagnostic.code for found, _ in shown for diagnostic in found})
    rules: list[Json] = [
        {
            "id": code,
            "shortDescription": {"text": heading(code)},
            "defaultConfiguration": {"level": _sarif_level(SEVERITIES[code])},
        }
        for code in codes
    ]
    results: list[Json] = [
        _sarif_result(file.source.path, diagnostic, codes.index(diagnostic.code))
        for file, (found, _) in zip(files, shown, strict=True)
        for diagnostic in found
    ]
    run: dict[str, Json] = {
        "tool": {"driver": {"name": "flowdsl", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    notes: list[Json] = [
        {"level": "note", "message": {"text": f"{file.source.path}: {untold}"}}
        for file, (_, untold) in zip(files, shown, strict=True)
        if untold.total
    ]
    if notes:
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": notes}]
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return {"$schema": schema, "version": "2.1.0", "runs": [run]}


def _sarif_result(path: str, found: Diagnostic, rule: int) -> Json:
    return {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": _sarif_level(found.severity),
        "message": {"text": found.message + (f". {found.help}" if found.help else "")},
        "locations": [_sarif_location(path, found.span)],
        "relatedLocations": [
            {**_sarif_location(path, span), "message": {"text": text}}
            for span, text in found.related
        ],
    }


def _sarif_text(path: str, found: Diagnostic) -> str:
    return to_ascii(_sarif_result(path, found, 0))


def _sarif_location(path: str, span: Span) -> dict[str, Json]:
    region: dict[str, Json] = {
        "startLine": max(span.line, 1),
        "startColumn": max(span.column, 1),
        "endColumn": max(span.column + span.length, 2),
    }
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": region}}


def _uri(path: str) -> str:
    """A path as a URI reference."""
    return quote(path.replace("\\", "/").encode("utf-8", "surrogateescape"))


def _sarif_level(severity: Severity) -> str:
    return {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}[severity]


def _junit(files: Sequence[Checked]) -> str:
    """One test case a file; it fails where the file has an error."""
    bad = [file for file in files if any(d.is_error for d in file.diagnostics)]
    counts = f'tests="{len(files)}" failures="{len(bad)}" errors="0"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="flowdsl validate" {counts}>',
    ]
    lines.append(f'  <testsuite name="flowdsl validate" {counts}>')
    for file in files:
        lines += _junit_case(file)
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def _junit_case(file: Checked) -> Iterator[str]:
    name = quoteattr(visible(file.source.path))
    errors = [d for d in file.diagnostics if d.is_error]
    said = "\n".join(_concise_lines(file))
    yield f'    <testcase classname="flowdsl" name={name}>'
    if errors:
        message = quoteattr(visible(errors[0].message))
        yield f'      <failure type="{errors[0].code}" message={message}>{escape(said)}</failure>'
    elif said:
        yield f"      <system-out>{escape(said)}</system-out>"
    yield "    </testcase>"
