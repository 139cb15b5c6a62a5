"""The moment of a `wait_until`, which may be a text or a number, as the expression it means."""

from __future__ import annotations

from decimal import Decimal

from flowdsl.plan.expression.compiled import Expression, parse
from flowdsl.plan.span import Span
from flowdsl.plan.template import Constant, Template, Text


def expression_of(moment: Template, span: Span) -> Expression:
    """`2026-12-24T18:00Z`, `${inputs.day}T09:00:00Z` and `${inputs.at}` alike."""
    match moment:
        case Expression():
            return moment
        case Constant(value=int() | Decimal() as number) if not isinstance(number, bool):
            return parse(str(number), span=span)
        case Constant(value=str() as text):
            return parse(repr(text), span=span)
        case Text(parts=parts):
            pieces = (repr(p) if isinstance(p, str) else f"str({p.text})" for p in parts)
            return parse(" + ".join(pieces), span=span)
        case _:
            raise AssertionError("a moment is a text or a number")
