"""What is wrong at places of a file, not yet in words: those take time, and of thousands nobody reads the last."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct

from flowdsl.language.text.diagnostics import LIMIT_FINDINGS, Diagnostic
from flowdsl.plan.span import Span


class ShapeFault(Struct, frozen=True):
    """Of one kind there is one at a place."""

    span: Span
    kind: str
    in_words: Callable[[], Diagnostic]


def first_in_words(faults: Iterable[ShapeFault]) -> tuple[tuple[Diagnostic, ...], int]:
    """The first of them, in the order of the file, and how many more there are."""
    found: dict[tuple[Span, str], Diagnostic] = {}
    ordered = sorted(faults, key=lambda fault: (fault.span.line, fault.span.column))
    for told, fault in enumerate(ordered):
        if len(found) == LIMIT_FINDINGS:
            return tuple(found.values()), len(ordered) - told
        diagnostic = fault.in_words()
        found.setdefault((diagnostic.span, diagnostic.message), diagnostic)
    return tuple(found.values()), 0
