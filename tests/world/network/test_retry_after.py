"""A service says how long to wait, in seconds or as a date."""

from __future__ import annotations

import pytest

from flowdsl.world.network.retry_after import in_seconds

NOON = 1_795_348_800.0  # Sun, 22 Nov 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", "0"),
        (" 120 ", "120"),
        ("Sun, 22 Nov 2026 12:00:30 GMT", "30.000"),
        ("Sunday, 22-Nov-26 12:00:30 GMT", "30.000"),
        ("Sun, 22 Nov 2026 11:00:00 GMT", "0.000"),
        ("soon", "0"),
        ("-5", "0"),
        ("1e9", "0"),
        ("", "0"),
        ("1 Jan 99999999999999999999 00:00:00 GMT", "0"),
        ("1 Jan 2026 00:00:00 +99999999999999999999", "0"),
        ("1 Jan 2026 99999999999:00:00 GMT", "0"),
    ],
)
def test_it_is_read_as_seconds(value: str, seconds: str) -> None:
    assert in_seconds(value, NOON) == seconds
