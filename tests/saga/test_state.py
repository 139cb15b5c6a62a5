"""What a state keeps beside its facts is what a search of all of them would find."""

from __future__ import annotations

import pytest

from flowdsl.explorer.model import model_of
from flowdsl.explorer.situation import begin, enact
from flowdsl.explorer.trail import read_trail
from flowdsl.plan.address import ROOT, enclosing, item, items_around, step_of
from flowdsl.saga.state import State, apply
from tests.saga.plans import call, plan

TRAILS = {
    "items that are undone": (
        plan(call("a", more="for_each: x in [1, 2, 3]\nmax_parallel: 2") + call("b")),
        "ok a[0] · busy a[1] · fire a[1]#2 · ok a[1] · ok a[2] · refuse b · ok a[2]!undo",
    ),
    "a crash": (plan(call("a") + call("b")), "ok a · lose reply b · crash"),
    "signals": (
        plan("- id: w\n  wait_for: go\n" + call("a") + "- id: v\n  wait_for: go\n"),
        "signal go · ok a · signal go",
    ),
}


def flying(state: State) -> list[str]:
    return [call for call, entry in state.calls.items() if entry.flying]


@pytest.mark.parametrize("name", TRAILS)
def test_what_is_kept_beside_the_facts_is_what_a_search_finds(name: str) -> None:
    tiny, trail = TRAILS[name]
    model = model_of(tiny)
    here = begin(model, {})
    for moment in read_trail(trail):
        here = enact(model, here, moment)
    state = State()
    for fact in here.facts:
        state = apply(state, fact)
        assert sorted(state.flying) == sorted(flying(state))
        counts: dict[str, int] = {}
        for one in state.flying:
            for around in (*enclosing(step_of(one)), ROOT):
                counts[around] = counts.get(around, 0) + 1
        assert {place: n for place, n in state.flying_in.items() if n} == counts
        assert state.must_land == len(state.flying)
        known = [
            *state.calls, *state.skipped, *state.done, *state.armed, *state.turned,
            *state.expanded, *state.received, *state.detached,
        ]  # fmt: skip
        around_them = {item(*one) for address in known for one in items_around(step_of(address))}
        assert state.items.keys() == around_them
        taken = set(state.received.values())
        left = [one.id for one in state.signals.values() if one.id not in taken]
        assert [one for ids in state.untaken.values() for one in ids] == left
