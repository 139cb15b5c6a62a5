"""What is wrong with files, as people read it: one frame a finding, and a closing line that counts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from msgspec.structs import replace

from flowdsl.language.load import Checked
from flowdsl.language.rules.contracts import Coverage
from flowdsl.language.text.diagnostics import Diagnostic, Severity, Untold, by_weight
from flowdsl.language.text.source import Source
from flowdsl.view.paint import WIDTH, Line, Style, Styled, bold, counted, dim, line, plain, wrapped
from flowdsl.view.problem.frame import Note, digits_of, excerpt, gutter, heading, patch, place

SAID_MAX = 40_000  # characters of a file's findings, however they are drawn

STYLES: Mapping[Severity, Style] = MappingProxyType(
    {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}
)


def full(files: Sequence[Checked]) -> list[Line]:
    """Every finding as a frame, then the closing lines."""
    lines: list[Line] = []
    for file in files:
        found, untold = told(file, partial(_drawn, file.source))
        for diagnostic in found:
            lines += [*frame(file.source, diagnostic), line()]
        if untold.total:
            lines += [line(dim(f"{untold} in {file.source.path}")), line()]
    return [*lines, *closing(files)]


def errors(file: Checked) -> list[Line]:
    """The errors alone, as frames."""
    lines: list[Line] = []
    only = replace(file, diagnostics=file.errors, untold=Untold(file.untold.errors))
    found, untold = told(only, partial(_drawn, file.source))
    for diagnostic in found:
        lines += [*frame(file.source, diagnostic), line()]
    return [*lines, *([line(dim(str(untold))), line()] if untold.total else [])]


def told(
    file: Checked, drawn: Callable[[Diagnostic], str]
) -> tuple[tuple[Diagnostic, ...], Untold]:
    """The findings of a file that fit on SAID_MAX characters as they are drawn, errors first; and the rest, counted."""
    kept: set[Diagnostic] = set()
    said = 0
    for diagnostic in by_weight(file.diagnostics):
        said += len(drawn(diagnostic))
        if said > SAID_MAX and kept:
            break
        kept.add(diagnostic)
    rest = (diagnostic for diagnostic in file.diagnostics if diagnostic not in kept)
    return tuple(d for d in file.diagnostics if d in kept), file.untold.plus(rest)


def _drawn(source: Source, diagnostic: Diagnostic) -> str:
    return plain(frame(source, diagnostic))


def frame(source: Source, diagnostic: Diagnostic) -> list[Line]:
    span, style = diagnostic.span, STYLES[diagnostic.severity]
    fix, related = diagnostic.fix, diagnostic.related
    last_fixed = fix.line + len(fix.lines) if fix else 0
    digits = digits_of(span.line, last_fixed, *(other.line for other, _ in related))
    lines = [
        heading(diagnostic.severity.value, diagnostic.code, diagnostic.message, style),
        place(source, span, digits),
    ]
    if span.line > 0:
        others = tuple(Note(other, text, main=False) for other, text in related)
        lines += excerpt(source, (Note(span, diagnostic.label), *others), style, digits)
        lines.append(gutter(digits))
    if diagnostic.help:
        lines += _help(diagnostic.help)
    if fix is not None:
        lines += ([] if diagnostic.help else _help("write")) + patch(source, fix, digits)
    return _without_last_gutter(lines, digits)


def closing(files: Sequence[Checked]) -> list[Line]:
    """`4 files: 2 errors, 1 warning, 1 hint.` and how to learn more."""
    found = [diagnostic for file in files for diagnostic in file.diagnostics]
    words = [
        Styled(counted(number, severity.value), STYLES[severity])
        for severity in Severity
        if (number := sum(file.number(severity) for file in files))
    ]
    pieces: list[Styled | str] = [f"{counted(len(files), 'file')}: "]
    for index, word in enumerate(words or [Styled("nothing wrong", "green")]):
        pieces += [", " if index else "", word]
    lines = [line(*pieces, "."), *_reach(files)]
    if found:
        code = next((d.code for d in found if d.is_error), found[0].code)
        lines.append(line(dim(f"For more about an error: flowdsl explain {code}")))
    return lines


def _reach(files: Sequence[Checked]) -> list[Line]:
    """How many calls were held against the contracts of their services, and how many could not be."""
    reach = coverage_of(files)
    if reach is None:
        return []
    text = f"openapi: {reach.checked} of {counted(reach.call_sites, 'call site')} checked"
    if reach.values_unknown:
        values = reach.values_checked + reach.values_unknown
        text += f"; {reach.values_unknown} of {counted(values, 'value')} known only in the run"
    return [line(dim(text))]


def coverage_of(files: Sequence[Checked]) -> Coverage | None:
    """Of all files together; None where none has a contract."""
    reaches = [file.coverage for file in files if file.coverage is not None]
    return sum(reaches[1:], reaches[0]) if reaches else None


def _help(text: str) -> list[Line]:
    first, *more = wrapped(text, WIDTH - 6)
    lines = [line(bold("help"), f": {first}")]
    return lines + [line(f"      {rest}") for rest in more]


def _without_last_gutter(lines: list[Line], digits: int) -> list[Line]:
    return lines[:-1] if lines[-1] == gutter(digits) else lines
