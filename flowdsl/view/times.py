"""Times and durations as people read them. The time zone is the caller's to know; without one it is UTC."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def duration(seconds: float) -> str:
    """`312ms`, `1.1s`, `12s`, `2m 5s`, `3h 20m`, `2d 4h`: never more than two units."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{round(seconds * 1000)}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s".replace(".0s", "s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return _two(whole, 60, "m", 1, "s")
    if whole < 86400:
        return _two(whole, 3600, "h", 60, "m")
    return _two(whole, 86400, "d", 3600, "h")


def ago(seconds: float) -> str:
    """`12s ago`, `3m ago`, `2h ago`: one unit, as in a list."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return "just now" if seconds < 1 else f"{int(seconds)}s ago"


def rfc3339(at: float) -> str:
    """`2026-11-22T12:04:01.224Z`."""
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def clock(at: float, zone: tzinfo = UTC) -> str:
    """`12:04:01.224`."""
    moment = datetime.fromtimestamp(round(at, 3), zone)
    return moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def date_and_time(at: float, zone: tzinfo = UTC) -> str:
    """`2026-11-22 12:04:01`, and `UTC` where that is the zone."""
    text = datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text} UTC" if zone is UTC else text


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = whole % large // small
    return f"{whole // large}{large_unit}" + (f" {rest}{small_unit}" if rest else "")
