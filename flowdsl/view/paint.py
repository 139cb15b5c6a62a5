"""Text with light markup: a `Line` is pieces of text, each in a style. The only place that knows colours and columns.

Views return lines; `plain` and `ansi` make text of them. A style never carries what the words do not say.
What services answered stands in these lines too, so control characters are shown, not sent to the terminal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from types import MappingProxyType
from typing import Literal, TypeAlias

from msgspec import Struct

Style: TypeAlias = Literal["plain", "bold", "dim", "green", "yellow", "red", "blue", "cyan"]

WIDTH = 88  # columns of every screen
ELLIPSIS = "…"


class Styled(Struct, frozen=True):
    text: str
    style: Style = "plain"


Line: TypeAlias = tuple[Styled, ...]
EMPTY: Line = ()


def plain(lines: Iterable[Line]) -> str:
    """The text alone; lines end with a newline and without blanks."""
    return "".join("".join(visible(p.text) for p in line).rstrip() + "\n" for line in lines)


def ansi(lines: Iterable[Line]) -> str:
    return "".join("".join(_escaped(piece) for piece in _trimmed(line)) + "\n" for line in lines)


def line(*pieces: Styled | str) -> Line:
    return tuple(Styled(piece) if isinstance(piece, str) else piece for piece in pieces)


def dim(text: str) -> Styled:
    return Styled(text, "dim")


def bold(text: str) -> Styled:
    return Styled(text, "bold")


def columns(text: str) -> int:
    """How many columns the text takes in a terminal."""
    if text.isascii():
        return len(visible(text))
    return sum(_columns_of(character) for character in visible(text))


def width(of: Line) -> int:
    return sum(columns(piece.text) for piece in of)


def fit(of: Line, most: int = WIDTH) -> Line:
    """The line, cut with an ellipsis where it is wider than `most` columns."""
    if width(of) <= most:
        return of
    left, kept = most - 1, []
    for piece in of:
        taken = columns(piece.text)
        if taken > left:
            kept.append(Styled(_head(piece.text, left).rstrip() + ELLIPSIS, piece.style))
            break
        kept.append(piece)
        left -= taken
    return tuple(kept)


def cut(text: str, most: int) -> str:
    """The text in at most `most` columns."""
    return text if columns(text) <= most else _head(text, most - 1).rstrip() + ELLIPSIS


def pad(text: str, to: int) -> str:
    return text + " " * (to - columns(text))


def counted(number: int, thing: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def wrapped(text: str, most: int = WIDTH) -> list[str]:
    """The words of the text in lines of at most `most` columns."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if lines[-1] and columns(joined) > most:
            lines.append(word)
        else:
            lines[-1] = joined
    return [cut(each, most) for each in lines]


_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The text with line ends and tabs as blanks, and other control characters spelled out."""
    return _CONTROL.sub(_shown, text) if _CONTROL.search(text) else text


def _shown(match: re.Match[str]) -> str:
    character = match.group()
    if character in "\n\r\t\u2028\u2029":
        return " "
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200b\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _head(text: str, most: int) -> str:
    taken, kept = 0, ""
    for character in visible(text):
        taken += _columns_of(character)
        if taken > most:
            break
        kept += character
    return kept


def _trimmed(of: Line) -> Line:
    kept = [Styled(visible(piece.text), piece.style) for piece in of]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Styled(kept[-1].text.rstrip(), kept[-1].style)
    return tuple(kept)


_CODES = MappingProxyType(
    {
        "bold": "1",
        "dim": "2",
        "green": "32",
        "yellow": "33",
        "red": "31",
        "blue": "34",
        "cyan": "36",
    }
)


def _escaped(piece: Styled) -> str:
    text = visible(piece.text)
    code = _CODES.get(piece.style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text
