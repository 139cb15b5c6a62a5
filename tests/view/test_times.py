from __future__ import annotations

from datetime import timedelta, timezone

import pytest

from flowdsl.view.times import ago, clock, date_and_time, duration, rfc3339


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0ms"),
        (0.3124, "312ms"),
        (0.9996, "1s"),
        (1.1, "1.1s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m"),
        (125, "2m 5s"),
        (3600, "1h"),
        (12_000, "3h 20m"),
        (187_200, "2d 4h"),
    ],
)
def test_a_duration_is_one_or_two_units(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "just now"), (12, "12s ago"), (185, "3m ago"), (7200, "2h ago"), (90_000, "1d ago")],
)
def test_how_long_ago_is_one_unit(seconds: float, expected: str) -> None:
    assert ago(seconds) == expected


def test_times_are_written_in_utc_or_in_the_zone_given() -> None:
    at = 1_795_348_001.2239
    assert rfc3339(at) == "2026-11-22T11:46:41.224Z"
    assert clock(at) == "11:46:41.224"
    assert clock(at, timezone(timedelta(hours=1))) == "12:46:41.224"
    assert date_and_time(at) == "2026-11-22 11:46:41 UTC"
    assert date_and_time(at, timezone(timedelta(hours=1))) == "2026-11-22 12:46:41"
