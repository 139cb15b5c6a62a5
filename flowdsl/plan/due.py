"""The time that a `wait_until` waits for."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.values import Json

LATEST_SECONDS = 1e11  # the year 5138


def seconds_of(moment: Json) -> float:
    """A time as RFC 3339 writes it (without a zone it is UTC), or seconds since the epoch."""
    if isinstance(moment, int | Decimal) and not isinstance(moment, bool):
        seconds = float(moment)
        if 0 <= seconds < LATEST_SECONDS:
            return seconds
    elif isinstance(moment, str):
        try:
            read = datetime.fromisoformat(moment)
            return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    raise EvaluationError("a time is written 2026-12-24T18:00:00Z, or as seconds since the epoch")
