"""A run as it stands: the same whether its facts came at once or one by one, and honest about what is masked in them."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import indent

import pytest

import flowdsl
from flowdsl.explorer.model import model_of
from flowdsl.explorer.situation import SIGNER, begin, enact
from flowdsl.explorer.trail import read_trail
from flowdsl.plan.masked import Masked, StandIn
from flowdsl.plan.nodes import ForEach, Plan
from flowdsl.saga.advance import advance
from flowdsl.saga.commands import Invoke
from flowdsl.saga.events import Created, Event, Finished, Ok, Resumed
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import Unfolded
from tests.runs import run_at
from tests.saga.plans import call, plan

LISTED = plan(call("a", more="for_each: x in [1, 2]") + call("b"))
TRAILS = {
    "a list": (LISTED, "ok a[0] · ok a[1] · ok b"),
    "an undo": (LISTED, "ok a[0] · ok a[1] · refuse b · ok a[1]!undo"),
    "a wait": (plan("- wait: 1h\n" + call("a")), "fire wait-1 · lose reply a · crash"),
    "a stuck undo": (plan(call("a") + call("b")), "ok a · refuse b · refuse a!undo 422"),
}


def facts_of(tiny: Plan, trail: str) -> tuple[Event, ...]:
    model = model_of(tiny)
    here = begin(model, {})
    for moment in read_trail(trail):
        here = enact(model, here, moment)
    return here.facts


@pytest.mark.parametrize("name", TRAILS)
def test_facts_that_come_one_by_one_make_the_run_that_they_make_at_once(name: str) -> None:
    tiny, trail = TRAILS[name]
    facts = facts_of(tiny, trail)
    run = Run.of(tiny, facts[:1])
    for fact in facts[1:]:
        run = run.with_facts([fact])
    assert run == Run.of(tiny, facts) == Run.of(tiny, facts[:4]).with_facts(facts[4:])


@pytest.mark.parametrize("name", TRAILS)
def test_what_a_turn_begins_changes_nothing_of_where_the_run_stands(name: str) -> None:
    # given every turn of the run, whose progress was asked for before its intents and timers were kept
    tiny, trail = TRAILS[name]
    model = model_of(tiny)
    here = begin(model, {})
    for moment in read_trail(trail):
        here = enact(model, here, moment)
        # then it is what progress says once they are
        assert here.run == run_at(tiny, here.run.state, here.run.at)


def test_a_turn_that_decides_nothing_asks_for_progress_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given two calls at once, both sent
    tiny = plan("- parallel:\n" + indent(call("a") + call("b"), "    "))
    created = Created("run", "tiny", tiny.digest, 0.0, {}, {}, {})
    sent = advance(Run.new(tiny), [created], SIGNER, 0.0).after
    asked: list[State] = []

    def counted(tiny: Unfolded, state: State) -> Progress:
        asked.append(state)
        return progress(tiny, state)

    monkeypatch.setattr("flowdsl.saga.run.progress", counted)
    # when one of them is answered
    answered = Finished("parallel-1/a", 1, 1.0, Ok(200, {}, {"id": 1}))
    turn = advance(sent, [answered], SIGNER, 1.0)
    # then nothing follows from that yet
    assert turn.facts == (answered,)
    assert len(asked) == 1


def test_the_plan_of_a_run_has_the_items_that_it_has_expanded() -> None:
    new = Run.new(LISTED)
    each = new.plan.nodes["a"]
    assert isinstance(each, ForEach)
    assert each.branches is None
    created = Created("run", "tiny", LISTED.digest, 0.0, {}, {}, {})
    turn = advance(new, [created], SIGNER, 0.0)
    assert {"a[0]", "a[1]"} <= turn.after.plan.nodes.keys()
    assert {command.call for command in turn.after.progress.commands if isinstance(command, Invoke)}
    assert turn.before is new
    assert turn.facts[0] is created
    assert turn.after == run_at(LISTED, turn.after.state, turn.after.at)


def test_it_stands_where_its_last_fact_that_has_a_time_left_it() -> None:
    facts = facts_of(LISTED, "ok a[0]")
    run = Run.of(LISTED, facts).with_facts([Resumed(1, 7.0)])
    assert (run.id, run.at, run.ended_at) == ("run", 7.0, None)
    over = Run.of(LISTED, facts_of(LISTED, "ok a[0] · ok a[1] · ok b"))
    assert over.ended_at == over.at == 0.0
    assert Run.new(LISTED).id == ""


# --- what is masked ----------------------------------------------------------------------------------


def masked(*, later: bool) -> tuple[Created, Finished]:
    """A run whose inputs hold a secret, or whose first answer does."""
    secret = Masked.of((StandIn("TOKEN"),), "seal")
    first = Created("run", "tiny", "d", 0.0, {} if later else {"key": secret}, {}, {})
    return first, Finished("a", 1, 1.0, Ok(200, {}, {"id": secret if later else "x"}))


@pytest.mark.parametrize("later", [False, True])
def test_whoever_reads_a_run_knows_which_secrets_are_masked_in_it(later: bool) -> None:
    tiny = plan(call("a") + call("b", reads="a.id"))
    created, finished = masked(later=later)
    started = advance(Run.new(tiny), [created], SIGNER, 0.0).facts[1:]
    facts = (created, *started, finished)
    read = Run.of(tiny, facts)
    assert read.state.lost == {"TOKEN"}
    assert Run.of(tiny, facts[:-1]).with_facts([finished]) == read
    # and who has the secrets has lost none, also by facts that come later and are shown masked
    assert Run.opened(tiny, facts, frozenset()).state.lost == frozenset()
    assert Run.opened(tiny, facts[:-1], frozenset()).with_facts([finished]).state.lost == set()
    assert Run.opened(tiny, facts, frozenset({"OLD"})).state.lost == {"OLD"}


# --- one place ---------------------------------------------------------------------------------------


def test_a_run_and_an_unfolded_plan_are_made_in_one_place() -> None:
    package = Path(flowdsl.__file__).parent
    makers = {
        (node.func.id, str(file.relative_to(package)))
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {file for name, file in makers if name == "Run"} == {"saga/run.py"}
    assert {file for name, file in makers if name == "Unfolded"} == {"saga/unfolding.py"}
