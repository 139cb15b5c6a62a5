"""The worst case against what there is: the run's own `timeout`, and how long a service keeps what it reserved."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isinf

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.language.lower.timing import (
    Timed,
    Way,
    forward_seconds,
    longest_way,
    spell,
    timed,
    ways_from,
)
from flowdsl.language.parse.workflow import CallVerb
from flowdsl.language.subject import Subject
from flowdsl.language.text.diagnostics import Diagnostic
from flowdsl.plan.address import COMMIT, Address, confirm
from flowdsl.plan.nodes import Call, Compensation, Plan, WaitFor
from flowdsl.plan.span import Span
from flowdsl.plan.unfold import home_of

_SHOWN = 4  # steps of a path, the longest ones


def check_deadlines(subject: Subject, plan: Plan) -> Iterator[Diagnostic]:
    holds = [node for node in plan.nodes.values() if isinstance(node, Call) and node.holds_seconds]
    if subject.workflow.timeout is None and not holds:
        return
    look = _DeadlineLook(subject, plan, timed(plan))
    yield from _longer_than_the_run(look)
    for hold in holds:
        yield from _held_too_short(look, hold)


class _DeadlineLook(Struct, frozen=True):
    subject: Subject
    plan: Plan
    times: Timed

    def span(self, address: Address) -> Span:
        """Where the step stands in this file; one in a used file stands at the step that uses it."""
        home = home_of(self.plan, address)
        while home is not None:
            address, home = home[0], home_of(self.plan, home[0])
        return self.plan.nodes[address].span

    def limited(self, address: Address) -> float:
        """A wait without an end ends with the run, whose deadline is another matter."""
        seconds = self.times.forward[address]
        return 0.0 if isinf(seconds) else seconds


# --- F060: the run -----------------------------------------------------------------------------------


def _longer_than_the_run(look: _DeadlineLook) -> Iterator[Diagnostic]:
    timeout = look.subject.workflow.timeout
    if timeout is None:
        return
    graph = look.times.graph
    above = graph.subgraph([a for a in graph if a not in _below(look)])
    way = longest_way(above, look.limited)
    if way.seconds <= timeout.value:
        return
    slowest = max(way.leaves, key=look.limited)
    part = f"up to {spell(look.limited(slowest))} of it are spent here"
    yield Diagnostic(
        Code.RETRIES_OUTLAST_RUN,
        timeout.span,
        f"with every retry the steps above `commit` may take {spell(way.seconds)}",
        "and then the run is cancelled",
        "give the run more time, or the steps less",
        ((look.span(slowest), part),),
    )


def _below(look: _DeadlineLook) -> frozenset[Address]:
    import networkx

    return frozenset(networkx.descendants(look.times.graph, COMMIT)) | {COMMIT}


# --- F064: what is held ------------------------------------------------------------------------------


def _held_too_short(look: _DeadlineLook, hold: Call) -> Iterator[Diagnostic]:
    kept = hold.holds_seconds or inf
    ways = [_to_the_confirm(look, hold), _to_the_undo(look, hold)]
    end, way = max(ways, key=lambda found: found[1].seconds)
    if way.seconds <= kept:
        return
    each = look.plan.nodes.get(hold.address.removesuffix("[]"), hold)
    name = f"`{each.name}`" if each.name else "this call"
    may = "may never come" if isinf(way.seconds) else f"may come {spell(way.seconds)} later"
    yield Diagnostic(
        Code.HOLD_TOO_SHORT,
        _span_of(look, hold),
        f"{name} is kept for {spell(kept)}, and its {end} {may}",
        _assumptions(look, way),
        _what_helps(end),
        tuple(_shares(look, way, end)),
    )


def _to_the_confirm(look: _DeadlineLook, hold: Call) -> tuple[str, Way]:
    """All that runs between the answer and the end of the confirm. Above `commit` the run's own deadline ends it."""
    times, there = look.times, confirm(hold.address)
    if there not in times.graph:
        return "confirm", Way(0.0)
    way = ways_from(times.graph, hold.address, times.forward.__getitem__).to(there)
    below = _below(look)
    late = sum(times.forward[leaf] for leaf in way.leaves if leaf in below)
    early = _other_rounds(look, hold)
    early += sum(times.forward[leaf] for leaf in way.leaves if leaf not in below)
    return "confirm", Way(min(early, look.plan.timeout_seconds or inf) + late, way.leaves)


def _to_the_undo(look: _DeadlineLook, hold: Call) -> tuple[str, Way]:
    """The last step above `commit` fails at the last moment, and everything since is undone, one after the other."""
    undo = hold.compensation
    if not isinstance(undo, Compensation) or undo.action.gone_is_done:
        return "undo", Way(0.0)
    times, limit = look.times, look.plan.timeout_seconds or inf
    above = times.graph.subgraph([a for a in times.graph if a not in _below(look)])
    if hold.address not in above:
        return "undo", Way(0.0)
    there = ways_from(above, hold.address, times.forward.__getitem__)
    back = ways_from(above, hold.address, times.back.__getitem__)
    early, own = _other_rounds(look, hold), times.back[hold.address]

    def in_all(end: Address) -> float:
        return min(there.seconds[end] + early, limit) + back.seconds[end] + own

    last = max(there.seconds, key=in_all)
    return "undo", Way(in_all(last), there.to(last).leaves)


def _other_rounds(look: _DeadlineLook, hold: Call) -> float:
    """What is left of a `for_each` when its first item has its hold."""
    return look.times.forward[hold.address] - forward_seconds(hold)


def _span_of(look: _DeadlineLook, hold: Call) -> Span:
    for place in look.subject.places:
        verb = place.step.verb
        if place.item == hold.address and isinstance(verb, CallVerb) and verb.holds_for:
            return verb.holds_for.span
    return look.span(hold.address)


def _shares(look: _DeadlineLook, way: Way, end: str) -> Iterator[tuple[Span, str]]:
    """The steps that take longest, in the order of the file."""
    longest = sorted(way.leaves, key=lambda leaf: -look.times.forward[leaf])[:_SHOWN]
    for leaf in way.leaves:
        seconds = look.times.forward[leaf]
        if leaf in longest and seconds > 0:
            node = look.plan.nodes[leaf]
            what = "this waits" if isinstance(node, WaitFor) else "this may take"
            yield (
                look.span(leaf),
                "this waits without an end" if isinf(seconds) else f"{what} {spell(seconds)}",
            )
    if end == "undo":
        total = sum(look.times.back[leaf] for leaf in way.leaves)
        if total > 0 and way.leaves:
            yield look.span(way.leaves[-1]), f"undoing what came after may take {spell(total)}"


def _assumptions(look: _DeadlineLook, way: Way) -> str:
    taken = dict.fromkeys(
        look.times.assumed[leaf] for leaf in way.leaves if leaf in look.times.assumed
    )
    return f"and that is if {' and '.join(taken)}" if taken else ""


def _what_helps(end: str) -> str:
    rest = "hold it later, or let what comes between take less: `timeout`, `retry`"
    return (
        rest
        if end == "confirm"
        else f"say `gone: ok` on its undo if it may have gone by itself; or {rest}"
    )
