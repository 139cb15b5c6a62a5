"""A place in a file, drawn: the line before, the line, carets under what is meant, and a label.

error[F041]: unknown name `fligth`
  --> workflows/trip.yaml:45:17
   |
44 |       card: ${inputs.card}
45 |       amount: ${fligth.price + hotel.price}
   |                 ^^^^^^ did you mean `flight`?
"""

from __future__ import annotations

from dataclasses import dataclass

from flowdsl.language.diagnostics import Fix
from flowdsl.language.source import Source
from flowdsl.plan.span import Span
from flowdsl.view.paint import (
    ELLIPSIS,
    WIDTH,
    Line,
    Piece,
    Style,
    bold,
    columns,
    cut,
    dim,
    line,
    visible,
)

LINE_MAX = 120  # columns of a shown line; a longer one is cut around what is meant


@dataclass(frozen=True, slots=True)
class Note:
    """A span with its label; the main one has carets, others have dashes."""

    span: Span
    label: str = ""
    main: bool = True


def heading(severity: str, code: str, message: str, style: Style) -> Line:
    return line(Piece(f"{severity}[{code}]", style), bold(f": {message}"))


def place(source: Source, span: Span, digits: int) -> Line:
    return line(dim(f"{' ' * digits}--> "), f"{source.path}:{span.line}:{span.column}")


def excerpt(source: Source, notes: tuple[Note, ...], style: Style, digits: int) -> list[Line]:
    """The lines of the notes in the order of the file, with the line before the main one."""
    main = next((note.span.line for note in notes if note.main), 0)
    shown = {note.span.line for note in notes if note.span.line > 0}
    if main > 1 and source.line(main - 1).strip():
        shown.add(main - 1)
    lines: list[Line] = [gutter(digits)]
    before = 0
    for number in sorted(shown):
        if before and number > before + 1:
            lines.append(line(dim("..." if digits < 3 else "…".rjust(digits))))
        lines += _line_with_notes(source, number, notes, style, digits)
        before = number
    return lines


def patch(source: Source, fix: Fix, digits: int) -> list[Line]:
    """The lines as they should be: `~` for a changed one, `+` for a new one, `-` for one to remove."""
    sign: str = "~" if fix.removes else "+"
    lines: list[Line] = [gutter(digits)]
    for offset, text in enumerate(fix.lines):
        number = str(fix.line + offset).rjust(digits)
        mark = Piece(f" {sign if offset < max(fix.removes, 1) or sign == '+' else '+'} ", "green")
        lines.append(line(dim(number), mark, _tabs(text)))
    if not fix.lines:
        for offset in range(fix.removes):
            number = str(fix.line + offset).rjust(digits)
            lines.append(
                line(dim(number), Piece(" - ", "red"), _tabs(source.line(fix.line + offset)))
            )
    return [*lines, gutter(digits)]


def note(label: str, text: str, digits: int) -> Line:
    """`   = received  {"error": "card_declined"}`."""
    return line(dim(f"{' ' * digits} = "), dim(label), text)


def gutter(digits: int) -> Line:
    return line(dim(f"{' ' * digits} |"))


def digits_of(*numbers: int) -> int:
    return max(2, *(len(str(number)) for number in numbers))


def _line_with_notes(
    source: Source, number: int, notes: tuple[Note, ...], style: Style, digits: int
) -> list[Line]:
    text = _tabs(source.line(number))
    here = [note for note in notes if note.span.line == number]
    first = min((note.span.column for note in here), default=1)
    shift = max(0, columns(text[: first - 1]) - LINE_MAX // 2) if columns(text) > LINE_MAX else 0
    shown = cut((ELLIPSIS if shift else "") + text[shift:], LINE_MAX)
    lines = [line(dim(f"{str(number).rjust(digits)} |"), f" {shown}" if shown else "")]
    for one in sorted(here, key=lambda note: not note.main):
        lines += _carets(one, text, shift, style, digits)
    return lines


def _carets(of: Note, text: str, shift: int, style: Style, digits: int) -> list[Line]:
    """The carets, and the label beside them, or below where there is no room."""
    start = of.span.column - 1
    indent = columns(text[shift:start]) + (1 if shift else 0)
    covered = columns(text[start : start + of.span.length])
    length = max(1, min(covered or of.span.length, LINE_MAX - indent))
    drawn = ("^" if of.main else "-") * length
    style = style if of.main else "blue"
    left = dim(f"{' ' * digits} |")
    most = WIDTH - digits - 3
    if not of.label or indent + length + 1 + columns(of.label) <= most:
        return [line(left, f" {' ' * indent}", Piece(f"{drawn} {of.label}".rstrip(), style))]
    label = cut(of.label, most)
    below = min(indent, most - columns(label))
    return [
        line(left, f" {' ' * indent}", Piece(drawn, style)),
        line(left, f" {' ' * below}", Piece(label, style)),
    ]


def _tabs(text: str) -> str:
    """Tabs as one blank, so that carets stand where they should."""
    return visible(text)
