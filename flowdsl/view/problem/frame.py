"""A place in a file, drawn: the line before, the line, carets under what is meant, and a label.

error[F041]: unknown name `fligth`
  --> workflows/trip.yaml:45:17
   |
44 |       card: ${inputs.card}
45 |       amount: ${fligth.price + hotel.price}
   |                 ^^^^^^ did you mean `flight`?
"""

from __future__ import annotations

from msgspec import Struct

from flowdsl.language.text.diagnostics import Fix
from flowdsl.language.text.source import Source
from flowdsl.plan.span import Span
from flowdsl.view.paint import (
    ELLIPSIS,
    WIDTH,
    Line,
    Style,
    Styled,
    bold,
    columns,
    cut,
    dim,
    line,
    visible,
)

LINE_MAX = 120  # columns of a shown line; a longer one is cut around what is meant
CHARACTERS_MAX = 4 * LINE_MAX  # of a line that are looked at: some take no column


class Note(Struct, frozen=True):
    """A span with its label; the main one has carets, others have dashes."""

    span: Span
    label: str = ""
    main: bool = True


def heading(severity: str, code: str, message: str, style: Style) -> Line:
    return line(Styled(f"{severity}[{code}]", style), bold(f": {message}"))


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
        mark = Styled(f" {sign if offset < max(fix.removes, 1) or sign == '+' else '+'} ", "green")
        lines.append(line(dim(number), mark, visible(text)))
    if not fix.lines:
        for offset in range(fix.removes):
            number = str(fix.line + offset).rjust(digits)
            removed = _window(source.line(fix.line + offset), 0).shown
            lines.append(line(dim(number), Styled(" - ", "red"), removed))
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
    """The line with its notes; where it is long, once for each part of it that holds some."""
    text = source.line(number)
    here = sorted((n for n in notes if n.span.line == number), key=lambda n: n.span.column)
    lines: list[Line] = []
    while here or not lines:
        window = _window(text, here[0].span.column - 1 if here else 0)
        shown = [note for note in here if window.holds(note)]
        here = [note for note in here if not window.holds(note)]
        at = dim(f"{str(number).rjust(digits)} |")
        lines.append(line(at, f" {window.shown}" if window.shown else ""))
        for one in sorted(shown, key=lambda note: not note.main):
            lines += _carets(one, window, style, digits)
    return lines


class _Window(Struct, frozen=True):
    """The part of a line that is shown: `text` from the character `start` on; `whole`, where that is all of it."""

    text: str
    start: int = 0
    whole: bool = True

    @property
    def shown(self) -> str:
        return cut((ELLIPSIS if self.start else "") + self.text, LINE_MAX)

    def holds(self, note: Note) -> bool:
        """Whether it begins in here. The note that the window was made for always does."""
        if self.whole:
            return True
        return note.span.column > self.start and self.indent(note) <= LINE_MAX * 2 // 3

    def indent(self, note: Note) -> int:
        return columns(self.text[: self._offset(note)]) + (1 if self.start else 0)

    def covered(self, note: Note) -> int:
        begin = self._offset(note)
        return columns(self.text[begin : begin + note.span.length])

    def _offset(self, note: Note) -> int:
        return max(0, note.span.column - 1 - self.start)


def _window(text: str, at: int) -> _Window:
    """Never more than a few lines' worth of characters is looked at, however long the line is."""
    at = min(at, len(text))
    if len(text) <= CHARACTERS_MAX and columns(text) <= LINE_MAX:
        return _Window(text)
    start, before = at, 0
    while start > max(0, at - CHARACTERS_MAX):
        before += columns(text[start - 1])
        if before > LINE_MAX // 2:
            break
        start -= 1
    return _Window(text[start : at + CHARACTERS_MAX], start, whole=False)


def _carets(of: Note, window: _Window, style: Style, digits: int) -> list[Line]:
    """The carets, and the label beside them, or below where there is no room."""
    indent = window.indent(of)
    length = max(1, min(window.covered(of) or of.span.length, LINE_MAX - indent))
    drawn = ("^" if of.main else "-") * length
    style = style if of.main else "blue"
    left = dim(f"{' ' * digits} |")
    most = WIDTH - digits - 3
    if not of.label or indent + length + 1 + columns(of.label) <= most:
        return [line(left, f" {' ' * indent}", Styled(f"{drawn} {of.label}".rstrip(), style))]
    label = cut(of.label, most)
    below = min(indent, most - columns(label))
    return [
        line(left, f" {' ' * indent}", Styled(drawn, style)),
        line(left, f" {' ' * below}", Styled(label, style)),
    ]
