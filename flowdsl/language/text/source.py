"""The text of a workflow file and where it came from. Lines and columns count from 1, in characters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flowdsl.plan.span import Span

BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # what YAML readers count as the end of a line
MARK = "\ufeff"  # the byte order mark, no part of the text


@dataclass(frozen=True, slots=True)
class Source:
    path: str
    text: str
    lines: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self.text.removeprefix(MARK))
        object.__setattr__(self, "lines", tuple(BREAK.split(self.text)))

    def line(self, number: int) -> str:
        """Line `number`, or nothing where the file has no such line."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def at(self, span: Span) -> str:
        """The text under `span`."""
        return self.line(span.line)[span.column - 1 : span.column - 1 + span.length]


def decode(path: str, raw: bytes) -> Source:
    """Read UTF-8, or UTF-16 that says so; a byte that is neither becomes U+FFFD, which is refused later."""
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    return Source(path, raw.decode("utf-16" if wide else "utf-8", errors="replace"))
