"""Planted bugs: each breaks one small function of the core, and the explorer must see it.

A check that no bug can fail says nothing. Every case first passes with the core as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pytest
from msgspec.structs import replace

from flowdsl.explorer.explore import Allowance, Exploration, Explorer, explore
from flowdsl.explorer.model import model_of
from flowdsl.plan.address import ROOT, Address, CallId, step_of
from flowdsl.plan.nodes import Action, AnyNode, Block, Call, Commit, NothingToUndo, Plan, Service
from flowdsl.saga import attempt as attempts
from flowdsl.saga import (
    backward,
    collecting,
    forward,
    ledger,
    outcome,
    progress,
    state,
    undoing,
)
from flowdsl.saga.attempt import Standing
from flowdsl.saga.collecting import Collector, Tally
from flowdsl.saga.commands import Decide, Invoke
from flowdsl.saga.events import (
    Ended,
    Failure,
    Finished,
    Ok,
    Outcome,
    Planned,
    Refused,
    Started,
    Turned,
    Unknown,
)
from flowdsl.saga.observation import Observation
from flowdsl.saga.outcome import misfit
from flowdsl.saga.stand import OVER_OK, PENDING, Stand, StepState
from flowdsl.saga.state import CallState, State
from flowdsl.saga.undoing import Undo
from flowdsl.saga.unfolding import Unfolded
from flowdsl.saga.walk import Residue, Walk
from tests.conftest import Counts
from tests.explorer.corpus import CASES
from tests.museum.exhibit import plant

BY_NAME = {case.name: case for case in CASES}


# --- the bugs ----------------------------------------------------------------------------------------


def unknown_is_refused(plan: Unfolded, past: State, call: CallId, seen: Observation) -> Outcome:
    judged = outcome.judge(plan, past, call, seen)
    return Refused(judged.failure) if isinstance(judged, Unknown) else judged


def planned_at_once(walk: Walk, scope: Address) -> None:
    left = ledger.effects(walk.plan, walk.state, scope)
    walk.commands.append(Decide(Planned(scope, left)))


def never_planned(walk: Walk, scope: Address) -> None:
    """It waits for something that never comes."""


def in_the_order_of_the_steps(
    walk: Walk, holder: AnyNode, children: tuple[AnyNode, ...], scope: Address, *, held: bool
) -> bool:
    over = True
    for node in children:
        stand = backward._node_backward(walk, node, scope, held=held or not over)
        walk.stands[node.address] = stand
        over = over and stand.over
    return over


def all_at_once(
    walk: Walk, holder: AnyNode, children: tuple[AnyNode, ...], scope: Address, *, held: bool
) -> bool:
    stands = [backward._node_backward(walk, n, scope, held=False) for n in children]
    walk.stands.update({n.address: s for n, s in zip(children, stands, strict=True)})
    return all(stand.over for stand in stands)


def undone_a_second_time(past: State, call: CallId, action: Action, service: Service) -> Standing:
    entry = state.entry_of(past, call)
    if call.endswith("!undo") and entry.answer is not None and entry.attempt == 1:
        return Standing("running", Invoke(call, 2, 1.0, fresh=True))
    return attempts.attempt(past, call, action, service)


def undone_by_nothing(past: State, address: Address) -> CallId | None:
    return None


def key_of_the_attempt(past: State, event: Started) -> CallState:
    entry = _started(past, event)
    return replace(entry, key=f"{entry.key} {event.attempt}")


def all_but_the_last(plan: Unfolded, past: State, scope: Address) -> tuple[Address, ...]:
    return ledger.effects(plan, past, scope)[:-1]


def all_that_is_ok(plan: Unfolded, past: State, scope: Address) -> tuple[Address, ...]:
    planned = ledger.effects(plan, past, scope)
    return tuple(address for address in planned if past.calls[address].answer is not None)


def forgets_the_doubt(entry: CallState, event: Finished) -> CallState:
    entry = _finished(entry, event)
    return replace(entry, unsure=isinstance(event.outcome, Unknown))


def no_window(plan: Unfolded, past: State, call: Call) -> None:
    return None


def always(action: Action, service: Service) -> bool:
    return True


def for_ever(
    call: CallId, number: int, entry: CallState, action: Action, service: Service
) -> Invoke:
    return replace(_invoke(call, number, entry, action, service), not_after=None)


def commit_without_a_record(walk: Walk, node: AnyNode, scope: Address) -> Stand:
    return OVER_OK if isinstance(node, Commit) else _node_forward(walk, node, scope)


def commit_without_waiting(walk: Walk, block: Block, scope: Address) -> bool:
    stands: list[Stand] = []
    for node in block.children:
        ready = isinstance(node, Commit) or all(stands[need].over for need in node.needs)
        stand = forward._node_forward(walk, node, scope) if ready else PENDING
        walk.stands[node.address] = stand
        stands.append(stand)
    return all(stand.over for stand in stands)


def cancel_kills(walk: Walk) -> bool:
    if walk.state.cancel is not None:
        walk.commands[:] = [Decide(Ended("cancelled"))]
        return False
    return _forward_run(walk)


def turns_beside_all_else(walk: Walk) -> bool:
    over = forward.forward(walk, walk.plan.root, ROOT)
    turn = progress._reason_to_turn(walk)
    if turn is not None and not walk.state.committed:
        walk.commands.insert(0, Decide(turn))
    return over


def turns_for_every_reason(walk: Walk) -> bool:
    over = _forward_run(walk)
    if ROOT in walk.causes:
        walk.commands.append(Decide(Turned(ROOT, "refused", walk.causes[ROOT])))
    return over


def starts_while_draining(walk: Walk, block: Block, scope: Address) -> bool:
    if scope not in walk.state.planned:
        forward.forward(walk, block, scope)
        walk.causes.clear()
    return backward.backward(walk, block, scope)


def first_no_counts(plan: Unfolded, past: State, call: Call) -> Standing:
    first = past.calls.get(f"{call.address}!probe")
    if first is not None and isinstance(first.outcome, Refused) and first.outcome.absent:
        return attempts.REFUSED
    return _probing(plan, past, call)


def absent_after_one_probe(plan: Unfolded, past: State, call: Call) -> bool:
    first = past.calls.get(f"{call.address}!probe")
    if first is not None and isinstance(first.outcome, Refused) and first.outcome.absent:
        return True
    return _is_absent(plan, past, call)


def stuck_is_good_enough(walk: Walk, back: Undo) -> Stand:
    return Stand("unknown", over=True)


def stuck_holds_up_nothing(walk: Walk, back: Undo) -> Stand:
    return replace(_cannot_undo(walk, back), over=True)


def nothing_may_fail(plan: Plan, address: Address) -> bool:
    return False


def given_up_without_a_word(walk: Walk, call: Call, back: Undo) -> Stand:
    return Stand("kept", over=True)


def nobody_said_anything(plan: Unfolded, past: State) -> list[Residue]:
    return []


def kept_only_at_the_end(walk: Walk, call: Call) -> StepState:
    """As it was: while the run drains, what needs no undo looks like what does."""
    seen = _seen(walk, call)
    if seen == "kept" and isinstance(call.compensation, NothingToUndo):
        effect = ledger.standing(walk.plan, walk.state, call)
        return "ok" if effect == "ok" else "unknown"
    return seen


def stuck_holds_up_everything(
    walk: Walk, holder: AnyNode, children: tuple[AnyNode, ...], scope: Address, *, held: bool
) -> bool:
    over = True
    for node in reversed(children):
        stand = backward._node_backward(walk, node, scope, held=held or bool(walk.stuck))
        walk.stands[node.address] = stand
        over = over and stand.over
    return over


def tolerated_and_forgotten(walk: Walk, call: Call) -> Stand:
    return Stand("refused", over=True)


def only_while_idle(walk: Walk, outcome_now: progress.RunState | None) -> None:
    if outcome_now is not None:
        _alert(walk, outcome_now)


def a_change_refused(plan: Plan, call: CallId, answer: Ok) -> Refused:
    return Refused(misfit(step_of(call), answer))


def losers_stay(collector: Collector, position: int, item: AnyNode) -> Stand:
    winners = collector.winners
    lost = winners is not None and position not in winners
    return Stand("ok", over=True) if lost else _begun_item(collector, position, item)


def over_once_chosen(collector: Collector, tally: Tally) -> tuple[Stand, Failure | None]:
    return _choose(collector, replace(tally, is_over=True))


def one_too_many(collector: Collector, tally: Tally) -> tuple[Stand, Failure | None]:
    each = replace(collector.each, quorum=collector.each.quorum + 1)
    return _choose(replace(collector, each=each), tally)


def never_lost(walk: Walk, item: AnyNode, stand: Stand) -> bool:
    return False


def never_one_of_several(walk: Walk, scope: Address) -> bool:
    return False


def falls_back_at_once(
    walk: Walk, call: Call, fallback: Block, scope: Address, *, unknown: bool
) -> Stand:
    return _fall_back(walk, call, fallback, scope, unknown=False)


def taken_by_all(walk: Walk, name: str) -> str | None:
    return next((one.id for one in walk.state.signals.values() if one.name == name), None)


def without_the_items(plan: Unfolded, past: State, scope: Address) -> tuple[Address, ...]:
    return tuple(call for call in ledger.effects(plan, past, scope) if "[" not in call)


def items_all_at_once_with_what_follows(
    walk: Walk, holder: AnyNode, children: tuple[AnyNode, ...], scope: Address, *, held: bool
) -> bool:
    at_once = tuple(replace(node, needs=()) for node in children)
    return _children_backward(walk, holder, at_once, scope, held=held)


_begun_item, _choose, _fall_back = collecting._begun_item, collecting._choose, forward._fall_back
_children_backward, _seen = backward._children_backward, backward._seen
_started, _finished, _invoke = state._started, state._finished, attempts.invoke
_node_forward, _forward_run, _alert = forward._node_forward, progress._forward_run, progress._alert
_probing, _is_absent, _cannot_undo = undoing.probing, ledger.is_absent, backward._cannot_undo

SAGA = "flowdsl.saga"
WORLD = "flowdsl.explorer.situation"
ONE = Allowance(faults=1, crashes=True)
TWO = Allowance(faults=2, crashes=True)
PAIR = Allowance(faults=1, pairs=True)
ORDERED = Allowance(faults=1, crashes=True, orders=2)


@dataclass(frozen=True, slots=True)
class Bug:
    """`where` are the names under which the function is known; `sees` is the rule that must break."""

    name: str
    where: tuple[str, ...]
    instead: object
    case: str
    sees: str
    may: Allowance = ONE


LEFT = "is left behind unnamed"

BUGS = (
    Bug("unknown taken for refused", (f"{WORLD}.judge",), unknown_is_refused, "sequence", LEFT),
    Bug("only what is ok is undone", (f"{SAGA}.backward.effects",), all_that_is_ok, "sequence", "a is left behind", TWO),
    Bug("planned before all has landed", (f"{SAGA}.backward._land",), planned_at_once, "parallel", "planned before everything had landed"),
    Bug("undone while in flight", (f"{SAGA}.backward._land",), planned_at_once, "grave parallel", "is undone while it is in flight"),
    Bug("undone in the order of the steps", (f"{SAGA}.backward._children_backward",), in_the_order_of_the_steps, "sequence", "is undone before"),
    Bug("undone all at once", (f"{SAGA}.backward._children_backward",), all_at_once, "sequence", "is undone before"),
    Bug("undone twice", (f"{SAGA}.undoing.attempt", f"{SAGA}.undoing.undone_by"), (undone_a_second_time, undone_by_nothing), "un-keyed refund", "was undone or confirmed twice"),
    Bug("one undo forgotten", (f"{SAGA}.backward.effects",), all_but_the_last, "sequence", LEFT),
    Bug("a key for each attempt", (f"{SAGA}.state._started",), key_of_the_attempt, "sequence", "took effect 2 times"),
    Bug("a doubt forgotten", (f"{SAGA}.state._finished",), forgets_the_doubt, "put and delete", LEFT, TWO),
    Bug("turned away, and taken for a no", (f"{SAGA}.outcome.AT_THE_DOOR",), frozenset(), "sequence", LEFT, TWO),
    Bug("no time to settle", (f"{SAGA}.undoing._window",), no_window, "un-keyed", LEFT),
    Bug("an un-keyed POST sent again", (f"{SAGA}.attempt.may_resend",), always, "un-keyed", "took effect 2 times"),
    Bug("a key used after its time", (f"{SAGA}.attempt.invoke",), for_ever, "sequence", "took effect 2 times"),
    Bug("confirmed before commit", (f"{SAGA}.forward._node_forward",), commit_without_a_record, "commit in the middle", "confirmed before commit"),
    Bug("committed before all above has ended", (f"{SAGA}.forward.forward", f"{SAGA}.progress.forward"), commit_without_waiting, "parallel", "committed, and .* is not over"),
    Bug("a cancel that kills", (f"{SAGA}.progress._forward_run",), cancel_kills, "sequence", f"cancelled, and a {LEFT}"),
    Bug("turning and committing in one breath", (f"{SAGA}.progress._forward_run",), turns_beside_all_else, "sequence", "what has turned cannot commit", PAIR),
    Bug("two reasons to turn", (f"{SAGA}.progress._forward_run",), turns_for_every_reason, "sequence", "a scope turns once", PAIR),
    Bug("started after the turn", (f"{SAGA}.progress.backward",), starts_while_draining, "parallel", "was started after the turn"),
    Bug("never planned", (f"{SAGA}.backward._land",), never_planned, "sequence", "deadlock"),
    Bug("the first probe believed", (f"{SAGA}.forward.probing", f"{SAGA}.ledger.is_absent", f"{SAGA}.undoing.is_absent"), (first_no_counts, absent_after_one_probe, absent_after_one_probe), "probe", LEFT),
    Bug("a tombstone believed by a probe", (f"{SAGA}.undoing._window",), no_window, "probe and tombstone", LEFT),
    Bug("a failed undo forgotten", (f"{SAGA}.backward._cannot_undo",), stuck_is_good_enough, "sequence", LEFT),
    Bug("a failed undo holds up nothing", (f"{SAGA}.backward._cannot_undo",), stuck_holds_up_nothing, "sequence", "is undone before"),
    Bug("a failed undo holds up everything", (f"{SAGA}.backward._children_backward",), stuck_holds_up_everything, "parallel", "could have been undone"),
    Bug("what may fail makes the run stuck", (f"{SAGA}.backward.may_fail",), nothing_may_fail, "settled notes", "stuck above its commit line"),
    Bug("what stands is not named", (f"{SAGA}.backward._given_up",), given_up_without_a_word, "careless, stays", LEFT),
    Bug("a person's word forgotten", (f"{SAGA}.progress.words_of_people",), nobody_said_anything, "sequence", LEFT, ORDERED),
    Bug("kept, and then not", (f"{SAGA}.backward._seen",), kept_only_at_the_end, "careless kept", "went from kept back to"),
    Bug("a tolerated unknown forgotten", (f"{SAGA}.forward._tolerate_unknown",), tolerated_and_forgotten, "careless below commit call", LEFT),
    Bug("a change refused for its answer", (f"{SAGA}.outcome._not_believed",), a_change_refused, "strict calls", LEFT),
    Bug("losers are let stand", (f"{SAGA}.collecting._begun_item",), losers_stay, "first success", "lost, and stands"),
    Bug("over before the losers are", (f"{SAGA}.collecting._choose",), over_once_chosen, "first success, un-keyed", "committed while|lost, and stands|is not over"),
    Bug("one winner too many", (f"{SAGA}.collecting._choose",), one_too_many, "first success", "has 2 winners"),
    Bug("nobody ever loses", (f"{SAGA}.collecting._is_lost",), never_lost, "one after the other", "deadlock|livelock", TWO),
    Bug("losers stand below commit", (f"{SAGA}.backward._is_one_of_several",), never_one_of_several, "chosen below commit", "lost, and stands"),
    Bug("falls back from what is not settled", (f"{SAGA}.forward._fall_back",), falls_back_at_once, "fallback, un-keyed", LEFT),
    Bug("one signal answers two waits", (f"{SAGA}.waiting._unanswered",), taken_by_all, "two signals", "a signal answers one wait"),
    Bug("items forgotten by the undo", (f"{SAGA}.backward.effects",), without_the_items, "all", LEFT),
    Bug("a used file undone in no order", (f"{SAGA}.backward._children_backward",), items_all_at_once_with_what_follows, "used", "is undone before"),
    Bug("on_failure dropped when a person comes", (f"{SAGA}.progress._alert",), only_while_idle, "on_failure", "nobody waits for it", ORDERED),
)  # fmt: skip


class Found(Exception):
    """The rule that must break did: what else would break is nobody's business."""


class Seeker(Explorer):
    """Walks until the rule is broken that a bug is to break."""

    sees: str = ""

    def _report(self, rule: str, index: int, last: str = "") -> None:
        if re.search(self.sees, rule):
            raise Found
        super()._report(rule, index, last)


@cache
def as_it_is(case: str, may: Allowance) -> Exploration:
    return explore(BY_NAME[case].make(), BY_NAME[case].inputs, may)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_explorer_sees_a_planted_bug(
    bug: Bug, monkeypatch: pytest.MonkeyPatch, counts: Counts, *, full: bool
) -> None:
    # given the core as it is: nothing is wrong, as `test_explore` sees of all these cases
    assert not full or as_it_is(bug.case, bug.may).violations == []
    # when one function is replaced
    plant(monkeypatch, bug.where, bug.instead)
    seeker = Seeker(model_of(BY_NAME[bug.case].make()))
    seeker.sees = bug.sees
    # then that very rule breaks
    with pytest.raises(Found):
        seeker.walk(BY_NAME[bug.case].inputs, bug.may)
    counts.add("planted bugs seen", 1)
