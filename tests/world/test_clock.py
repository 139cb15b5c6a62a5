"""The clock never goes backwards, and nobody wakes too early."""

from __future__ import annotations

import asyncio
import time

import pytest

from flowdsl.world.clock import SLICE_SECONDS, Clock, SystemClock


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The two clocks of the machine, moved by hand."""
    clocks = {"wall": 1_000_000.0, "monotonic": 50.0}
    monkeypatch.setattr(time, "time", lambda: clocks["wall"])
    monkeypatch.setattr(time, "monotonic", lambda: clocks["monotonic"])
    return clocks


def test_it_follows_the_wall(clocks: dict[str, float]) -> None:
    clock = SystemClock()
    clocks["wall"] += 3600  # set forward, or suspended
    assert clock.now() == 1_003_600


def test_it_goes_on_while_the_wall_is_set_back(clocks: dict[str, float]) -> None:
    clock: Clock = SystemClock()
    clocks["wall"] -= 3600
    assert clock.now() == 1_000_000
    clocks["monotonic"] += 10
    clocks["wall"] += 10
    assert clock.now() == 1_000_010


def test_sleep_wakes_when_the_wall_says_so_even_after_a_suspend(
    clocks: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def doze(seconds: float) -> None:
        slept.append(seconds)
        clocks["monotonic"] += seconds
        clocks["wall"] += seconds + (500 if seconds == SLICE_SECONDS else 0)

    monkeypatch.setattr(asyncio, "sleep", doze)
    clock = SystemClock()
    asyncio.run(clock.sleep(600))
    assert slept == [0, SLICE_SECONDS, SLICE_SECONDS]
    assert clock.now() >= 1_000_600


def test_sleep_sleeps_on_when_it_was_woken_too_early(
    clocks: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def doze(seconds: float) -> None:
        clocks["monotonic"] += seconds / 2
        clocks["wall"] += seconds / 2

    monkeypatch.setattr(asyncio, "sleep", doze)
    clock = SystemClock()
    asyncio.run(clock.sleep(1))
    assert clock.now() >= 1_000_001


def test_no_time_is_no_wait(clocks: dict[str, float]) -> None:
    asyncio.run(SystemClock().sleep(0))
    asyncio.run(SystemClock().sleep(-5))
    assert clocks["monotonic"] == 50


def test_a_sleeper_can_be_cancelled() -> None:
    async def story() -> None:
        sleeper = asyncio.create_task(SystemClock().sleep(60))
        await asyncio.sleep(0)
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper

    asyncio.run(story())
