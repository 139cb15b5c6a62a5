"""`Retry-After` (RFC 9110 §10.2.3) as seconds. A service may give a date; the core has no clock, so it is turned into seconds here."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def in_seconds(value: str, now: float) -> str:
    """The header's value in seconds from `now`, as text; "0" where it is neither a number nor a date."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return text
    try:
        due = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return "0"
    due = due if due.tzinfo else due.replace(tzinfo=UTC)
    return f"{max(0.0, (due - datetime.fromtimestamp(now, UTC)).total_seconds()):.3f}"
