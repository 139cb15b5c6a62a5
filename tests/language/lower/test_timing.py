"""The worst case of a plan, and what it is compared with: the run's deadline, and how long a service keeps a hold."""

from __future__ import annotations

from math import inf

import pytest

from flowdsl.language import Diagnostic, Source, check
from flowdsl.language.lower.timing import longest_way, spell, timed, ways_from, worst_seconds
from flowdsl.plan.nodes import Retry
from tests.language.examples import whole
from tests.language.plans import call_at, library_of, plan_of

# A call that fails thrice takes 3 × 10s, and between them 0.5s and 1s, each with half as much again at most.
CALL = 32.25
FIRM = 282.25  # ten times, for what has no way back


def test_the_worst_of_a_call_is_every_attempt_and_every_delay() -> None:
    plan = plan_of("- call: GET stock/x\n")
    assert worst_seconds(call_at(plan, "call-1").action) == CALL
    held = plan_of("- commit\n- call: GET stock/x\n")
    assert worst_seconds(call_at(held, "call-1").action) == pytest.approx(FIRM)
    assert call_at(held, "call-1").action.retry == Retry(10)


LONG = """
- call: GET stock/a
- parallel:
    - wait: 30s
    - steps:
        - call: GET stock/b
        - wait: 5s
- for_each: x in [1, 2, 3, 4, 5]
  max_parallel: 2
  steps:
    - wait: 10s
    - for_each: y in [1, 2]
      max_parallel: 1
      steps: [{ wait: 1s }]
- switch:
    - when: inputs.amount > 1
      steps: [{ wait: 2s }]
    - steps: [{ wait: 7s }]
- id: z
  call: GET stock/z
  probe: { call: "GET stock/z?key=${steps.z.key}", found: probe }
  fallback: [{ wait: 3s }]
"""


def test_the_longest_way_sees_through_everything() -> None:
    times = timed(plan_of(LONG))
    way = longest_way(times.graph, times.forward.__getitem__)
    rounds = 3 * (10 + 2 * 1)
    assert way.seconds == pytest.approx(CALL + (CALL + 5) + rounds + 7 + 2 * CALL + 3)
    assert "switch-1/steps-2/wait-1" in way.leaves
    assert times.assumed == {}


def test_a_way_from_a_step_leaves_that_step_out() -> None:
    times = timed(plan_of("- wait: 1s\n- wait: 2s\n- wait: 4s\n"))
    ways = ways_from(times.graph, "wait-1", times.forward.__getitem__)
    assert ways.to("wait-3").seconds == 6
    assert ways.to("wait-3").leaves == ("wait-2", "wait-3")


def test_what_cannot_be_known_is_an_assumption_with_a_name() -> None:
    plan = plan_of(
        "inputs: { list: array, at: string }\n"
        "steps:\n"
        "  - id: all\n    for_each: x in inputs.list\n    max_parallel: 5\n    call: GET stock/${x}\n"
        "  - for_each: x in inputs.list\n    call: GET stock/${x}\n"
        "  - wait_until: ${inputs.at}\n"
        "  - wait_for: go\n"
    )
    times = timed(plan)
    assert times.assumed == {
        "all[]": "`all` has at most 5 items",
        "wait_until-1": "`inputs.at` is not in the future",
    }
    assert times.forward["wait_for-1"] == inf


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.6, "1m"), (3600, "1h"), (3725, "1h 2m 5s")]
)
def test_a_time_is_spelled(seconds: float, text: str) -> None:
    assert spell(seconds) == text


# --- F060, F064 --------------------------------------------------------------------------------------


def found(text: str, **files: str) -> list[Diagnostic]:
    checked = check(Source("w.yaml", whole(text)), library_of(**files))
    assert checked.errors == ()
    return [item for item in checked.diagnostics if item.code in ("F060", "F064")]


def test_a_wait_without_an_end_is_ended_by_the_run_and_not_held_against_it() -> None:
    assert found("timeout: 1m\nsteps:\n  - wait_for: go\n  - call: GET stock/x\n") == []
    (item,) = found("timeout: 1m\nsteps:\n  - wait_for: go\n    timeout: 2m\n")
    assert item.message == "with every retry the steps above `commit` may take 2m"


SEAT = """- id: seat
  call: POST stock/seats
  holds_for: KEPT
  confirm: POST stock/seats/${seat.id}/confirm
  compensate: { call: "DELETE stock/seats/${seat.id}", gone: ok }
"""


def held(kept: str, between: str, top: str = "", **files: str) -> list[str]:
    steps = SEAT.replace("KEPT", kept) + between
    text = "".join(f"  {line}\n" for line in steps.splitlines())
    return [item.message for item in found(f"{top}steps:\n{text}", **files)]


def test_a_hold_must_last_until_the_end_of_its_confirm() -> None:
    wait = "- wait: 10m\n"
    needed = spell(600 + FIRM)
    assert held("15m", wait) == []
    assert held("14m", wait) == [f"`seat` is kept for 14m, and its confirm may come {needed} later"]


def test_a_wait_without_an_end_never_comes_unless_the_run_has_one() -> None:
    wait = "- wait_for: go\n"
    assert held("2d", wait) == ["`seat` is kept for 48h, and its confirm may never come"]
    assert held("2d", wait, top="timeout: 1d\n") == []


def test_the_deadline_of_the_run_cuts_off_what_is_above_commit_only() -> None:
    wait = "- wait: 1h\n- call: GET stock/x\n"
    told = held("9m", wait, top="timeout: 5m\n")
    assert told[1:] == [
        f"`seat` is kept for 9m, and its confirm may come {spell(300 + FIRM)} later"
    ]


def test_an_undo_that_must_find_its_hold_comes_last_of_all() -> None:
    steps = SEAT.replace("KEPT", "10m").replace(", gone: ok", "")
    rest = "- id: charge\n  call: POST payments/charges\n  compensate: DELETE payments/x/${charge.id}\n"
    (item,) = found(steps + rest + "- call: GET stock/last\n")
    # Both calls, both undos, and before each undo the window in which its call may still arrive.
    assert item.message.endswith(f"its undo may come {spell(2 * CALL + 2 * (FIRM + 10))} later")
    assert "gone: ok" in item.help
    assert found(steps.replace("10m", "11m") + rest + "- call: GET stock/last\n") == []


def test_a_service_that_refuses_what_it_has_undone_needs_no_window() -> None:
    services = "services: { stock: { url: 'http://s', tombstone: true }, payments: { url: 'http://p', settle: 1m } }\n"
    steps = SEAT.replace("KEPT", "4m").replace(", gone: ok", "")
    text = services + "steps:\n" + "".join(f"  {line}\n" for line in steps.splitlines())
    (item,) = found(text)
    assert item.message.endswith(f"{spell(FIRM)} later")


def test_items_that_wait_for_others_hold_longer() -> None:
    text = (
        "- id: seat\n  for_each: n in [1, 2, 3]\n  max_parallel: 1\n"
        "  call: POST stock/seats/${n}\n  holds_for: 5m\n"
        "  confirm: POST stock/seats/${seat.id}/confirm\n"
        "  compensate: { call: 'DELETE stock/seats/${seat.id}', gone: ok }\n"
    )
    (item,) = found(text)
    later = spell(2 * CALL + FIRM)
    assert item.message == f"`seat` is kept for 5m, and its confirm may come {later} later"
    assert found(text.replace("  max_parallel: 1\n", "")) == []


def test_a_hold_in_a_used_file_is_told_where_that_is_used() -> None:
    child = SEAT.replace("KEPT", "10m")
    assert held("1h", "- wait: 1s\n") == []
    (item,) = found("- uses: ./seat.yaml\n- wait: 10m\n", seat=child)
    assert (item.span.line, item.code) == (9, "F064")
    assert [span.line for span, _ in item.related] == [10, 9]
    assert found("- wait: 10m\n- uses: ./seat.yaml\n", seat=child) == []


def test_a_hold_below_the_commit_of_its_user_is_timed_to_the_confirm_in_its_own_file() -> None:
    child = SEAT.replace("KEPT", "4m") + "- commit\n- wait: 1h\n"
    checked = check(Source("seat.yaml", library_of(seat=child).texts["seat.yaml"]))
    (own,) = [item for item in checked.diagnostics if item.code == "F064"]
    (item,) = found("- call: GET stock/x\n- commit\n- uses: ./seat.yaml\n", seat=child)
    assert item.message == own.message
    assert item.span.line == 11
