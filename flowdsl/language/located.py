"""The file as a tree in which every value knows where it stands.

A scalar keeps its raw spelling, so that an offset inside its text (where an expression is) can be mapped to a
line and column of the file whatever the style: plain, quoted with escapes, folded over lines, or a block.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from flowdsl.language.source import BREAK
from flowdsl.plan.span import Span
from flowdsl.plan.values import Json


@dataclass(frozen=True, slots=True)
class Scalar:
    """`style` is "" (plain), "'", '"', "|" or ">"; `raw` is the spelling, from `span` on."""

    value: Json
    text: str
    span: Span
    style: str
    raw: str

    def locate(self, offset: int, length: int = 1) -> Span:
        """Where the character of `text` at `offset` stands in the file; `length` is kept to its line."""
        start = _raw_offset(self, offset)
        end = max(start + 1, _raw_offset(self, offset + length - 1) + 1 if length > 0 else 0)
        before = BREAK.split(self.raw[:start])
        first_line_columns = self.span.column if len(before) == 1 else 1
        on_line = BREAK.split(self.raw[start:end])[0]
        return Span(
            self.span.line + len(before) - 1,
            first_line_columns + len(before[-1]),
            max(1, len(on_line)),
        )


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Located, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    entries: tuple[tuple[Scalar, Located], ...]
    span: Span

    def get(self, key: str) -> Located | None:
        return next((value for name, value in self.entries if name.text == key), None)

    def key(self, key: str) -> Scalar | None:
        return next((name for name, _ in self.entries if name.text == key), None)

    def keys(self) -> tuple[str, ...]:
        return tuple(name.text for name, _ in self.entries)


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


_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_BLOCK_HEADER = re.compile(r"[|>][^\n\r]*(?:\r\n|[\n\r\x85\u2028\u2029])")
_ESCAPE = re.compile(r"\\(?:x..|u.{4}|U.{8}|(?:\r\n|[\n\r])[ \t]*|.)", re.DOTALL)


def _raw_offset(scalar: Scalar, offset: int) -> int:
    """Walk text and spelling together: all that is not blank stands in both, in the same order."""
    text, raw, style = scalar.text, scalar.raw, scalar.style
    there = _content_start(raw, style)
    here = 0
    while here < offset and there < len(raw):
        width = _width(raw, there, style)
        if width < 0:  # a break that an escape removes: nothing in the text
            there -= width
        elif text[here : here + 1] == raw[there] or not raw[there].isspace():
            here, there = here + 1, there + width
        elif here < len(text) and text[here].isspace() and not _blank_follows(raw, there):
            here += 1
            there += 1
        else:
            there += 1
    return _skip_to(text[offset : offset + 1], raw, there, style)


def _blank_follows(raw: str, there: int) -> bool:
    return there + 1 < len(raw) and raw[there + 1].isspace()


def _skip_to(wanted: str, raw: str, there: int, style: str) -> int:
    """On to the first character that is not blank, where the text has one that is not."""
    if not wanted or wanted.isspace():
        return there
    while there < len(raw) and raw[there].isspace():
        there += 1
    width = _width(raw, there, style) if there < len(raw) else 1
    return there if width > 0 else _skip_to(wanted, raw, there - width, style)


def _width(raw: str, there: int, style: str) -> int:
    """How many characters spell the one at `there`; negative when they spell none."""
    if style == "'" and raw.startswith("''", there):
        return 2
    if style == '"' and raw[there] == "\\":
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
