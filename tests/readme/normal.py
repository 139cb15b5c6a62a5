"""What differs from run to run is made the same: run ids, keys, hashes, times, durations, and the columns they push."""

from __future__ import annotations

import re
from collections.abc import Sequence

RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"fd1-[a-z2-7]+…?", "‹key›"),
        (r"\b([a-z0-9]+(?:-[a-z0-9]+)*)-[a-z2-7]{10}\b", r"\1-‹id›"),
        (r"@ [0-9a-f]{7}\b", "@ ‹hash›"),
        (r"\b\d{4}-\d\d-\d\d\b", "‹date›"),
        (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "‹time›"),
        (r"\b\d+(\.\d+)?(ms|s|m)\b", "‹took›"),
        (r"just now|‹took› ago", "‹ago›"),
        (r"(?<=\S) {2,}", "  "),
        (r"─{3,}", "───"),
        (r"\s+$", ""),
    )
)


def normal(lines: Sequence[str]) -> tuple[str, ...]:
    """Normalised; blank lines around do not count."""
    done = [_normal(line) for line in lines]
    while done and not done[-1]:
        done.pop()
    while done and not done[0]:
        del done[0]
    return tuple(done)


def _normal(line: str) -> str:
    for pattern, instead in RULES:
        line = pattern.sub(instead, line)
    return line
