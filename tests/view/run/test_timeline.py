"""Each kind of fact, and the line it is told with."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo

import pytest
from msgspec.structs import replace

from flowdsl.saga.advance import Turn
from flowdsl.saga.events import (
    Alerted,
    Armed,
    CancelRequested,
    Event,
    Expired,
    Failed,
    Failure,
    Finished,
    Fired,
    Ok,
    Parked,
    Paused,
    Planned,
    Refused,
    Resolved,
    Resumed,
    Retried,
    Started,
    Stopped,
    Unknown,
    Waived,
)
from flowdsl.saga.run import Run
from flowdsl.view.run.timeline import stuck_line, timeline
from tests.view.runs import BEGIN
from tests.view.stories import FLIGHT, HOTEL, plan_of, stories, trip

AT = BEGIN + 60


def told(run: Run, event: Event, zone: tzinfo = UTC) -> list[str]:
    """What is said of one fact that comes to the run now."""
    turn = Turn(replace(run, at=AT), (event,), run.with_intents([event]))
    return list(timeline(turn, lambda _: zone))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Resumed(2, AT, "host:12"), "resumed   takeover 2 by host:12"),
        (Paused(AT), "paused    saved; resume or cancel it"),
        (Stopped(AT), "stopped   saved; whoever comes next may go on with it"),
        (CancelRequested(AT, "ann", "wrong dates"), "cancel    by ann  wrong dates"),
        (Retried(f"{FLIGHT}!undo", AT, "ann"), "retry     flight  once more  by ann"),
        (Retried("", AT), "retry     once more"),
        (
            Resolved(FLIGHT, AT, ok=True, actor="ann", reason="saw it"),
            "ok        flight  resolved: it happened  by ann  saw it",
        ),
        (Resolved(HOTEL, AT, ok=False), "absent    hotel   resolved: it never happened"),
        (
            Resolved(f"{HOTEL}!undo", AT, ok=False),
            "absent    hotel   resolved: there was nothing to undo",
        ),
        (Resolved(f"{HOTEL}!undo", AT, ok=True), "ok        hotel   resolved: it is undone"),
        (
            Waived(f"{FLIGHT}!undo", AT, "ann", "rang"),
            "skipped   flight  undo by hand  by ann  rang",
        ),
        (Expired(FLIGHT), "unknown   flight  the service has forgotten its key: not sent again"),
        (Failed("payment", Failure("F114", "it is null")), "refused   payment it is null"),
        (Alerted("compensated"), "alerted   on_failure runs: compensated"),
        (Parked(Failure("F121", "ten crashes")), "stuck     ten crashes"),
        (
            Armed(f"{HOTEL}!settle#1", AT + 10),
            "wait      hotel   10s before its undo: it may still arrive",
        ),
        (Armed("payment#2", AT + 10), None),
        (Fired("deadline", AT), None),
        (Planned("", ()), None),
    ],
)
def test_a_fact_is_told_in_one_line_or_by_another_fact(event: Event, expected: str | None) -> None:
    story = stories()["open"]
    lines = told(story.run, event)
    assert lines == ([] if expected is None else [f"11:47:40.000 {expected}"])


def test_an_attempt_after_a_crash_is_told_again() -> None:
    story = stories()["open"]
    crashed = Unknown(Failure("F118", "the process ended"), interrupted=True)
    assert told(story.run, Finished("payment", 1, AT, crashed)) == [
        "11:47:40.000 retry     payment no answer 59s  the process ended  try 1 of 3, next in 0ms"
    ]
    landed = story.run.with_facts([Finished("payment", 1, AT, crashed)])
    assert told(landed, Started("payment", 2, AT)) == [
        "11:47:40.000 start     payment POST payments/charges  try 2"
    ]


def test_a_probe_says_what_it_found() -> None:
    story = trip(until="payment")
    entry = replace(story.state.calls["payment"])
    state = replace(story.state, calls={**story.state.calls, "payment!probe": entry})
    run = replace(story.run, state=state)
    found = Finished("payment!probe", 1, AT, Ok(200, {}, None))
    assert told(run, found)[0].endswith("found     payment 200 59s")
    absent = Refused(Failure("F110", "not there", "payment", 200), absent=True)
    missed = told(run, Finished("payment!probe", 1, AT, absent))[0]
    assert missed.endswith("absent    payment 200 59s  the probe did not find it")


def test_the_zone_is_the_readers() -> None:
    story = stories()["stuck"]
    zone = timezone(timedelta(hours=2))
    assert told(story.run, Paused(AT), zone)[0].startswith("13:47:40.000")
    assert stuck_line(replace(story.run, at=AT), lambda _: zone) == (
        "13:47:40.000 stuck     failed=payment undone=1 stuck=1 warnings=0 took=1m"
    )
    assert plan_of("trip") is story.plan
