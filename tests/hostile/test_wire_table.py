"""Wherever an answer is cut and however it ends, it is on its row of contract.md, "One attempt, one observation"."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from flowdsl.saga.outcome import judge
from flowdsl.saga.unfolding import unfolded
from flowdsl.world.network.http import Http
from tests.conftest import Counts
from tests.hostile.test_services import row_of
from tests.hostile.wire_table import ENDS, Case, End, MovedLoop, framings, seen_of
from tests.runs import play
from tests.saga.plans import call, plan

TRANSPORTS: dict[str, Callable[[], Http]] = {"default": Http}

CASES_MIN = 10_000


def cases_of(end: End) -> list[Case]:
    return [
        Case(framed, position, end)
        for framed in framings()
        for position in range(len(framed.raw) + 1)
    ]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("end", ENDS)
def test_every_position_is_on_its_row(end: End, transport: str, counts: Counts) -> None:
    cases = cases_of(end)
    with asyncio.Runner(loop_factory=MovedLoop) as runner:
        seen = runner.run(seen_of(cases, TRANSPORTS[transport]))

    tiny = plan(call("a", "plain"))
    state, _, _ = play(tiny, "start a")
    rows = [row_of(judge(unfolded(tiny, state), state, "a", observation)) for observation in seen]
    wrong = [
        f"{case.framed.name}, {case.position} of {len(case.framed.raw)} bytes, then {end}: {row}, not {case.row}: {what}"
        for case, row, what in zip(cases, rows, seen, strict=True)
        if row != case.row
    ]
    assert wrong == []
    counts.add("positions of the wire table, each its row", len(cases))


def test_the_table_is_large_enough_and_knows_every_row() -> None:
    cases = [case for end in ENDS for case in cases_of(end)]
    assert len(cases) >= CASES_MIN
    assert {case.row for case in cases} == {"ok", "unknown"}
