"""A text with `${…}` in it, made a template without a file around it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from flowdsl.plan.expression.compiled import Expression, ExpressionError, parse
from flowdsl.plan.span import Span
from flowdsl.plan.template import Embedded, Template, assembled, split


def parse_text(text: str, *, locate: Callable[[int], Span]) -> Template:
    """The template a scalar is. `locate` gives the place in the file of an offset into `text`.

    The offsets of an `ExpressionError` count in `text` too.
    """
    return assembled([_parse_part(part, locate) for part in split(text)])


def _parse_part(part: str | Embedded, locate: Callable[[int], Span]) -> str | Expression:
    if isinstance(part, str):
        return part
    stripped = part.text.strip(" \t\r\n")
    start = (
        part.start + len(part.text) - len(part.text.lstrip(" \t\r\n")) if stripped else part.start
    )
    try:
        first_line = stripped.splitlines()[0] if stripped else ""
        return parse(stripped, span=replace(locate(start), length=max(1, len(first_line))))
    except ExpressionError as error:
        error.start += start
        raise
