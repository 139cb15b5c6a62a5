"""What must hold in every situation, and on every step from one to the next: the promises, as code."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowdsl.explorer.model import Effect, Model
from flowdsl.explorer.situation import Situation
from flowdsl.plan.address import ON_FAILURE, Address, CallId, direction_of, is_below, step_of
from flowdsl.plan.address import confirm as confirm_of
from flowdsl.plan.nodes import Call, Commit, ForEach, NothingToUndo
from flowdsl.plan.tolerance import may_fail
from flowdsl.saga.commands import Invoke
from flowdsl.saga.walk import Residue

_FINAL = frozenset({"undone", "kept", "skipped"})


class Violation(Struct, frozen=True):
    """`trail` can be played; see `trail.play`."""

    rule: str
    trail: tuple[str, ...]


def broken(model: Model, here: Situation) -> Iterator[str]:
    """Rules about one situation."""
    now, state = here.run.progress, here.run.state
    wanted = {(c.call, c.attempt) for c in now.commands if isinstance(c, Invoke)}
    flying = {(call, state.calls[call].attempt) for call in state.flying}
    for call, _ in sorted(flying - wanted):
        yield f"{call} is in flight, and nobody waits for it"
    for call, _ in sorted(wanted - flying):
        yield f"{call} is to be sent, and its intent was not kept"
    for step, effect in here.services.effects:
        yield from _broken_effect(model, here, step, effect)
    if state.committed:
        yield from _committed_early(model, here)
    if now.state == "succeeded":
        yield from _unfinished(model, here)
        yield from _wrong_winners(model, here)
    if now.at_rest and not state.ended and not now.stuck:
        yield "deadlock: not over, and nothing in flight"
    if now.at_rest and now.stuck:
        yield from _badly_stuck(model, here)


def _broken_effect(model: Model, here: Situation, step: Address, effect: Effect) -> Iterator[str]:
    now, node = here.run.progress, model.plan.nodes[step]
    if effect.count > 1:
        yield f"{step} took effect {effect.count} times"
    if effect.undone > 1 or effect.confirmed > 1:
        yield f"{step} was undone or confirmed twice"
    if effect.confirmed and not here.run.state.committed:
        yield f"{step} was confirmed before commit"
    if not effect.held or is_below(step, ON_FAILURE) or _needs_no_undo(model, step):
        return
    named = [entry for entry in now.residue if entry.step == step]
    excused = _is_excused(model, here, step)
    if now.state in ("compensated", "cancelled") and not excused:
        yield f"{now.state}, and {step} is left behind{' unnamed' if not named else ''}"
    stand = now.stands.get(node.address)
    if now.state == "succeeded" and not named and (stand is None or stand.state != "ok"):
        yield f"succeeded, and {step} is left behind unnamed"


def _committed_early(model: Model, here: Situation) -> Iterator[str]:
    for node in model.plan.root.children:
        if isinstance(node, Commit):
            return
        if not here.run.progress.stands[node.address].over:
            yield f"committed, and {node.address} is not over"


def _unfinished(model: Model, here: Situation) -> Iterator[str]:
    for address, stand in here.run.progress.stands.items():
        node = model.plan.nodes.get(address)
        if isinstance(node, Call) and stand.state == "ok" and not node.action.is_read:
            effect = here.services.effect(address)
            taken = here.run.state.calls[address].resolved or here.run.state.calls[address].waived
            if not effect.held and not taken:
                yield f"succeeded, and {address} did not happen"
            confirm = here.run.state.calls.get(confirm_of(address))
            worded = confirm is not None and (confirm.resolved or confirm.waived)
            if node.confirm is not None and not effect.confirmed and not worded:
                yield f"succeeded, and {address} was not confirmed"


def _wrong_winners(model: Model, here: Situation) -> Iterator[str]:
    """Of a `first_success` or `quorum` exactly the winners stand."""
    for each in model.plan.nodes.values():
        if (
            not isinstance(each, ForEach)
            or each.branches is None
            or each.collect in ("all", "settled")
        ):
            continue
        winners = here.run.state.chosen.get(each.address)
        if each.mirrors is not None or winners is None:
            continue
        if len(winners) != each.quorum:
            yield f"{each.address} has {len(winners)} winners"
        for position, item in enumerate(each.branches):
            held = [step for step in _held(here) if is_below(step, item.address)]
            left = [
                step
                for step in held
                if not _needs_no_undo(model, step) and not _is_excused(model, here, step)
            ]
            if position not in winners and left:
                yield f"{', '.join(left)} lost, and stands"


def _held(here: Situation) -> list[Address]:
    return [step for step, effect in here.services.effects if effect.held]


def _is_excused(model: Model, here: Situation, step: Address) -> bool:
    """Named, and either of what may fail or taken on by a person."""
    named = [entry for entry in here.run.progress.residue if entry.step == step]
    taken_on = any(_takes_on(here, entry) for entry in named)
    return taken_on or (bool(named) and may_fail(model.plan, step))


def _badly_stuck(model: Model, here: Situation) -> Iterator[str]:
    """A stuck run names what it is stuck at, and has undone all that does not depend on that."""
    if here.run.state.parked is not None:
        return
    for call in here.run.progress.stuck:
        if not here.run.state.committed and may_fail(model.plan, step_of(call)):
            yield f"stuck above its commit line at {call}, which may fail"
    if not here.run.progress.residue:
        yield "stuck, and nobody is told what is left"
    stuck = {step_of(call) for call in here.run.progress.stuck}
    named = {entry.step: entry for entry in here.run.progress.residue}
    for step in sorted({step for steps in here.run.state.planned.values() for step in steps}):
        if not here.services.effect(step).held or _needs_no_undo(model, step):
            continue
        if step not in named:
            yield f"stuck, and {step} is left behind unnamed"
            continue
        excused = _takes_on(here, named[step]) or may_fail(model.plan, step)
        if not excused and not stuck & (model.later[step] | {step}):
            yield f"stuck, and {step} could have been undone"


def broken_between(model: Model, here: Situation, there: Situation) -> Iterator[str]:
    """Rules about one step of the way."""
    for each, items in here.run.state.expanded.items():
        if there.run.state.expanded.get(each) != items:
            yield f"the items of {each} have changed"
    if here.run.state.ended and here.run.state.ended != there.run.state.ended:
        yield f"{here.run.state.ended} did not last"
    landing = {call for call in here.run.state.flying if _is_same_flight(here, there, call)}
    for scope in there.run.state.planned:
        if scope not in here.run.state.planned and any(
            is_below(step_of(call), scope) for call in landing
        ):
            yield "planned before everything had landed"
    if there.run.state.committed and not here.run.state.committed and landing:
        yield f"committed while {', '.join(sorted(landing))} was in flight"
    for address, stand in there.run.progress.stands.items():
        before = here.run.progress.stands.get(address)
        if before is not None and _unfinishes(before.state, stand.state):
            yield f"{address} went from {before.state} back to {stand.state}"
    for call, entry in there.run.state.calls.items():
        if entry.flying and call not in landing:
            yield from _badly_sent(model, there, call)


def _is_same_flight(here: Situation, there: Situation, call: CallId) -> bool:
    now = there.run.state.calls[call]
    return now.flying and now.attempt == here.run.state.calls[call].attempt


def _badly_sent(model: Model, there: Situation, call: CallId) -> Iterator[str]:
    """Rules about a request that has just been sent."""
    step, direction = step_of(call), direction_of(call)
    scopes = [scope for scope in there.run.state.turned if is_below(step, scope)]
    if call == step and scopes and not is_below(step, ON_FAILURE):
        yield f"{step} was started after the turn"
    if direction == "confirm" and not there.run.state.committed:
        yield f"{step} is confirmed before commit"
    if direction != "undo":
        return
    if there.run.state.calls[step].flying:
        yield f"{step} is undone while it is in flight"
    named = {
        entry.step
        for entry in there.run.progress.residue
        if entry.call not in there.run.progress.stuck
        and (not entry.actor or _takes_on(there, entry))
    }
    for later in sorted(model.later[step] - named):
        if there.services.effect(later).held and not _needs_no_undo(model, later):
            yield f"{step} is undone before {later}, which ran after it"


def _takes_on(here: Situation, entry: Residue) -> bool:
    """Whether a person's word is for what is left: not one that only supplies the answer of a step."""
    if not entry.actor:
        return False
    said = here.run.state.calls[entry.call]
    is_answer = said.resolved is not None and said.resolved.ok and direction_of(entry.call) == "do"
    return said.waived is not None or not is_answer


def _needs_no_undo(model: Model, step: Address) -> bool:
    node = model.plan.nodes[step]
    return isinstance(node, Call) and isinstance(node.compensation, NothingToUndo)


def _unfinishes(before: str, after: str) -> bool:
    if before in _FINAL:
        return after != before
    return before == "ok" and after in ("running", "pending", "refused", "waiting")
