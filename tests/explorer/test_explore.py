"""The corpus, explored: whatever is lost, refused or late, and whenever the process dies, no promise breaks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from flowdsl.explorer.explore import Allowance, Exploration, Explorer, explore
from flowdsl.explorer.happening import WORDS
from flowdsl.explorer.model import model_of
from flowdsl.explorer.situation import Situation, begin, enact
from flowdsl.explorer.trail import write_moment
from flowdsl.plan.nodes import Plan
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.state import State, fold
from tests.conftest import Counts
from tests.explorer.corpus import CASES, PAIRS, Case, busy
from tests.runs import play, run_at

pytestmark = pytest.mark.usefixtures("unswept")

SMALL = tuple(case for case in CASES if not case.name.startswith("trip"))
BY_NAME = {case.name: case for case in CASES}


def check(found: Exploration, counts: Counts) -> None:
    counts.add("states explored", found.states)
    counts.add("moves explored", found.moves)
    assert not found.bounded
    assert found.violations == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_promise_breaks_under_faults_crashes_and_a_cancel(
    case: Case, full: bool, counts: Counts
) -> None:
    for may in (case.full,) if full else case.may:
        found = explore(case.make(), case.inputs, may)
        check(found, counts)
        assert "succeeded" in found.ends
        assert not may.cancel or "cancelled" in found.ends


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_promise_breaks_when_two_things_happen_at_once(
    case: Case, full: bool, counts: Counts
) -> None:
    if case.heavy and not full:
        pytest.skip("explored in pairs with --full")
    may = replace(PAIRS, faults=2, crashes=True) if full else PAIRS
    check(explore(case.make(), case.inputs, may), counts)


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_no_promise_breaks_whatever_a_person_orders(case: Case, full: bool, counts: Counts) -> None:
    if case.heavy and not full:
        pytest.skip("explored with orders with --full")
    may = busy(3) if full else busy(2)
    found = explore(case.make(), case.inputs, may)
    check(found, counts)
    if "stuck" in found.ends:
        assert found.words["skip"] > 0


def test_everything_that_can_happen_does_happen_in_the_corpus() -> None:
    # given the cases that have a probe, an `expect`, a strict service, a timer, or two requests at once
    seen: set[str] = set()
    names = ("probe", "conditions", "un-keyed, needs its answer", "careless below commit")
    # and those that wait for a signal, for their turn, or for another run
    for name in (*names, "strict probe", "signal", "queued", "detached"):
        case = BY_NAME[name]
        seen |= explore(case.make(), case.inputs, busy(1)).words.keys()
    # then each word of the notation was tried, but for the one that only checks
    assert seen == WORDS.keys() - {"start"}


def test_a_limit_on_states_is_said_and_not_hidden() -> None:
    found = explore(BY_NAME["parallel"].make(), {}, states_max=50)
    assert found.bounded
    assert found.states == 50
    assert found.violations == []


# --- random walks through the same moves ------------------------------------------------------------


def walk(plan: Plan, case: Case, choices: list[int]) -> tuple[Situation, list[str]]:
    """Take the moves that the numbers choose, until the run is over or the numbers are."""
    explorer = Explorer(model_of(plan))
    may = Allowance(faults=4, crashes=True, orders=2, pairs=True)
    here, trail = begin(explorer.model, case.inputs), ["start"]
    for choice in choices:
        moments = list(explorer.moments(here, may))
        if not moments:
            break
        moment = moments[choice % len(moments)]
        trail.append(write_moment(moment))
        here = enact(explorer.model, here, moment)
    return here, trail


PLANS = {case.name: case.make() for case in CASES}
walks = st.tuples(st.sampled_from(CASES), st.lists(st.integers(0, 10_000), min_size=1, max_size=25))
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(walks)
def test_every_trail_that_the_explorer_prints_can_be_played(steps: tuple[Case, list[int]]) -> None:
    case, choices = steps
    here, trail = walk(PLANS[case.name], case, choices)
    for separator in (" · ", "\n"):
        state, now, _ = play(PLANS[case.name], separator.join(trail), case.inputs)
        assert state == here.run.state
        assert now == here.run.progress


@quick
@given(walks, st.data())
def test_the_facts_of_a_run_fold_to_the_same_state_wherever_they_are_split(
    steps: tuple[Case, list[int]], data: st.DataObject
) -> None:
    case, choices = steps
    here, _ = walk(PLANS[case.name], case, choices)
    cut = data.draw(st.integers(0, len(here.facts)))
    written = [decode(encode(fact)) for fact in here.facts]
    assert fold(fold(State(), here.facts[:cut]), here.facts[cut:]) == here.run.state
    assert fold(State(), written) == here.run.state


@quick
@given(walks, st.data())
def test_progress_is_a_function_of_the_facts_alone_and_has_an_answer_to_any_prefix(
    steps: tuple[Case, list[int]], data: st.DataObject
) -> None:
    case, choices = steps
    plan = PLANS[case.name]
    here, _ = walk(plan, case, choices)
    assert run_at(plan, here.run.state) == run_at(plan, here.run.state) == replace(here.run, at=0.0)
    # given a journal that ends anywhere, for the last batch was torn off
    cut = data.draw(st.integers(1, len(here.facts)))
    torn = fold(State(), here.facts[:cut])
    assert run_at(plan, torn) == run_at(plan, torn)
