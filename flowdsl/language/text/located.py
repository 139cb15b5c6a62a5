"""The file as a tree in which every value knows where it stands.

A scalar keeps its raw spelling, so that an offset inside its text (where an expression is) can be mapped to a
line and column of the file whatever the style: plain, quoted with escapes, folded over lines, or a block.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec import Struct

from flowdsl.language.text.source import BREAK
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json


class Scalar(Struct, frozen=True):
    """`style` is "" (plain), "'", '"', "|" or ">"; `raw` is the spelling, from `span` on."""

    value: Json
    text: str
    span: Span
    style: str
    raw: str


class Sequence(Struct, frozen=True):
    items: tuple[Located, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: tuple[tuple[Scalar, Located], ...]
    span: Span
    by_key: dict[str, tuple[Scalar, Located]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_key", {entry[0].text: entry for entry in self.entries})

    def get(self, key: str) -> Located | None:
        entry = self.by_key.get(key)
        return entry[1] if entry is not None else None

    def key(self, key: str) -> Scalar | None:
        entry = self.by_key.get(key)
        return entry[0] if entry is not None else None

    def keys(self) -> tuple[str, ...]:
        return tuple(self.by_key)


Located: TypeAlias = Scalar | Sequence | Mapping


def plain(node: Located) -> Json:
    """The value alone."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(entries=entries):
            return {key.text: plain(value) for key, value in entries}


def texts(node: Located) -> tuple[Scalar, ...]:
    """Every scalar below `node` that is text, values only."""
    match node:
        case Scalar(value=str()):
            return (node,)
        case Sequence(items=items):
            return tuple(text for item in items for text in texts(item))
        case Mapping(entries=entries):
            return tuple(text for _, value in entries for text in texts(value))
        case _:
            return ()


class Alignment(Struct, frozen=True):
    """Where each character of a scalar's text stands in the file. Made once a scalar: a walk over all of it.

    `offsets[i]` is where in `raw` the i-th character of the text is spelled, `breaks` where lines of `raw` begin.
    """

    span: Span
    offsets: array[int]
    breaks: tuple[int, ...]
    ends: tuple[int, ...]
    is_spelled_out: bool = False  # every character stands in the file as itself, on one line

    def locate(self, offset: int, length: int = 1) -> Span:
        """The characters from `offset` on; `length` is kept to their first line."""
        start = self._raw(offset)
        end = max(start + 1, self._raw(offset + max(1, length) - 1) + 1)
        line = bisect_right(self.breaks, start) - 1
        column = start - self.breaks[line] + (self.span.column if line == 0 else 1)
        return Span(self.span.line + line, column, max(1, min(end, self.ends[line]) - start))

    def _raw(self, offset: int) -> int:
        if offset < len(self.offsets):
            return self.offsets[offset]
        return self.offsets[-1] + 1 if self.offsets else 0


def align(scalar: Scalar) -> Alignment:
    raw, start = scalar.raw, _content_start(scalar.raw, scalar.style)
    if raw[start : start + len(scalar.text)] == scalar.text and not BREAK.search(raw):
        offsets = array("L", range(start, start + len(scalar.text)))
        return Alignment(scalar.span, offsets, (0,), (len(raw),), is_spelled_out=True)
    found = list(BREAK.finditer(raw))
    breaks = (0, *(match.end() for match in found))
    ends = (*(match.start() for match in found), len(raw))
    return Alignment(scalar.span, _offsets(scalar, start), breaks, ends)


_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_BLOCK_HEADER = re.compile(r"[|>][^\n\r]*(?:\r\n|[\n\r\x85\u2028\u2029])")
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|(?:\r\n|[\n\r])[ \t]*|.)", re.DOTALL)


def _offsets(scalar: Scalar, there: int) -> array[int]:
    """Walk text and spelling together: all that is not blank stands in both, in the same order."""
    raw, style = scalar.raw, scalar.style
    offsets: array[int] = array("L")
    for letter in scalar.text:
        width = _width(raw, there, style)
        if not letter.isspace():
            while there < len(raw) and (raw[there].isspace() or width < 0):
                there += abs(width)
                width = _width(raw, there, style)
        offsets.append(min(there, len(raw)))
        if not letter.isspace() or raw[there : there + 1] == letter or width > 1:
            there += abs(width)
    return offsets


def _width(raw: str, there: int, style: str) -> int:
    """How many characters spell the one at `there`; negative when they spell none: an escaped line break."""
    if style == "'" and raw.startswith("''", there):
        return 2
    if style == '"' and raw.startswith("\\", there):
        escape = _ESCAPE.match(raw, there)
        width = len(escape.group()) if escape else 1
        return -width if raw[there + 1 : there + 2] in ("\n", "\r") else width
    return 1


def _content_start(raw: str, style: str) -> int:
    properties = _PROPERTIES.match(raw)
    start = properties.end() if properties else 0
    if style in ("'", '"'):
        return start + 1
    if style in ("|", ">"):
        header = _BLOCK_HEADER.match(raw, start)
        return header.end() if header else start
    return start
