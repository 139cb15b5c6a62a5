"""A run as a log: one event a line, a time, a word that stays the same for ever, and the step.

12:04:01.230 start     flight   POST flights/reservations
12:04:01.640 retry     hotel    503 409ms  try 1 of 3, next in 0.5s
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from typing import assert_never

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.address import CallId, direction_of, is_answer, is_settle, step_of
from flowdsl.plan.nodes import (
    Block,
    Commit,
    Plan,
    Status,
    Switch,
    Wait,
    WaitFor,
)
from flowdsl.plan.values import Json
from flowdsl.saga.advance import Turn
from flowdsl.saga.attempt import delay_seconds, may_go_on
from flowdsl.saga.events import (
    Admitted,
    Alerted,
    Armed,
    Begun,
    CancelRequested,
    Chosen,
    Committed,
    Created,
    Detached,
    Done,
    Ended,
    Event,
    Expanded,
    Expired,
    Failed,
    Failure,
    Finished,
    Fired,
    Ok,
    Parked,
    Paused,
    Planned,
    Received,
    Refused,
    Resolved,
    Resumed,
    Retried,
    Signalled,
    Skipped,
    Started,
    Stopped,
    Turned,
    Unknown,
    Unrecognised,
    Waived,
    event_time,
)
from flowdsl.saga.intent import action_of
from flowdsl.saga.run import Run
from flowdsl.saga.state import NO_CALL, State, apply
from flowdsl.saga.unfolding import Unfolded
from flowdsl.view.brief import beside_status, one_line, scalar
from flowdsl.view.calls import NAME_MAX, Names, call_text, last_part, name_of, short_names
from flowdsl.view.outline import commit_is_shown
from flowdsl.view.paint import columns, cut, pad, visible
from flowdsl.view.run.closing import cause_text, first_few
from flowdsl.view.run.items import item_text
from flowdsl.view.run.positions import undone_steps
from flowdsl.view.run.step import status_of, why_skipped
from flowdsl.view.times import clock, duration
from flowdsl.view.verb import branch_text

WORD = 9  # columns of the longest word, `confirmed`
ITEMS_MAX = 6  # of a list, in one line
UNDO_MAX = 20  # steps to undo, in one line


class TimelineEntry(Struct, frozen=True):
    word: str
    call: CallId = ""
    said: str = ""


def timeline(turn: Turn, zone: Callable[[float], tzinfo] = lambda _: UTC) -> Iterator[str]:
    """What there is to say about each fact: mostly one line, none where another fact says it.

    A decision falls when what it follows from is known. `zone`: of the reader, at that time.
    """
    run, names = turn.after, short_names(turn.after.plan)
    left = _name_columns(run.plan, names)
    before, at = turn.before.state, turn.before.at
    for event in turn.facts:
        at, after = event_time(event, at), apply(before, event)
        for entry in entries(run, before, after, event, at):
            name = pad(cut(name_of(names, entry.call), NAME_MAX), left) if entry.call else ""
            words = [clock(at, zone(at)), pad(entry.word, WORD), name, entry.said]
            yield visible(" ".join(words[:2] + [word for word in words[2:] if word])).rstrip()
        before = after


def _name_columns(plan: Plan, names: Names) -> int:
    """As wide as the longest name of a step; an item may have three digits."""
    nodes = (plan.folded or plan).nodes
    wide = [
        columns(name) + 3 * name.count("[]")
        for step, name in names.items()
        if not isinstance(nodes[step], Block | Status | Commit | Switch)
    ]
    return min(max(wide, default=0), NAME_MAX)


def entries(
    run: Run, before: State, after: State, event: Event, at: float
) -> Iterator[TimelineEntry]:
    """Of one fact, between what was known before it and after it. `run` is as it stands in the end."""
    plan = run.plan
    match event:
        case Started():
            yield from _started(run, before, event)
        case Finished():
            yield _finished(plan, after, event)
        case Done(node=address, value=value):
            yield from _done(plan, address, value)
        case Expanded() | Chosen() | Signalled() | Received() | Detached() | Begun() | Admitted():
            yield from _branched(after, event)
        case Skipped(node=address):
            yield TimelineEntry("skipped", address, why_skipped(plan.nodes[address]) or "skipped")
        case Failed(node=call, failure=failure):
            yield TimelineEntry("refused", call, f"{_back(call)}{failure.message}")
        case Armed(timer=timer, due=due):
            yield from _armed(plan, timer, duration(due - at))
        case Fired(timer=timer):
            yield from _fired(plan, after, timer)
        case Expired(call=call):
            yield TimelineEntry(
                "unknown", call, "the service has forgotten its key: not sent again"
            )
        case Retried() | Resolved() | Waived() | CancelRequested():
            yield from _said_by_a_person(event)
        case Turned():
            yield from _turned(plan, event)
        case (
            Created() | Resumed() | Paused() | Stopped() | Planned() | Committed() | Alerted()
            | Parked() | Ended()
        ):  # fmt: skip
            yield from _of_the_run(run, event, at)
        case Unrecognised():
            pass
        case _:
            assert_never(event)


def _armed(plan: Unfolded, timer: str, left: str) -> Iterator[TimelineEntry]:
    """Only what a reader waits for as well: a pause before another try is told with the one that failed."""
    node = plan.nodes.get(timer)
    if isinstance(node, Wait):
        yield TimelineEntry("wait", timer, f"until {left} from now")
    elif isinstance(node, WaitFor):
        yield TimelineEntry("wait", timer, f"for the signal {node.signal}, {left} at most")
    elif is_settle(timer):
        yield TimelineEntry("wait", step_of(timer), f"{left} before its undo: it may still arrive")


def _fired(plan: Unfolded, after: State, timer: str) -> Iterator[TimelineEntry]:
    node = plan.nodes.get(timer)
    if isinstance(node, Wait):
        yield TimelineEntry("ok", timer, "waited")
    elif isinstance(node, WaitFor) and timer not in after.received:
        yield TimelineEntry("timeout", timer, "no signal came in time")


def _started(run: Run, before: State, event: Started) -> Iterator[TimelineEntry]:
    """The first attempt; later ones are announced by the `retry` before them, or by a person."""
    call = event.call
    entry = before.calls.get(call, NO_CALL)
    if entry.attempt > 0 and not entry.granted and not _was_interrupted(before, call):
        return
    asks = {"undo": "undo", "confirm": "confirm", "probe": "probe"}
    word = "again" if is_answer(call) else asks.get(direction_of(call), "start")
    again = f"  try {event.attempt}" if event.attempt > 1 else ""
    yield TimelineEntry(word, call, call_text(run, call) + again)


def _was_interrupted(state: State, call: CallId) -> bool:
    outcome = state.calls.get(call, NO_CALL).outcome
    return isinstance(outcome, Unknown) and outcome.interrupted


def _finished(plan: Unfolded, after: State, event: Finished) -> TimelineEntry:
    call = event.call
    entry = after.calls[call]
    status = "no answer" if _is_unanswered(event) else status_of(entry)
    said = f"{status} {duration(event.at - entry.last_at)}".strip()
    tries = f"  try {event.attempt}" if event.attempt > 1 else ""
    match event.outcome:
        case Ok(misfit=misfit):
            words = {"undo": "undone", "confirm": "confirmed", "probe": "found"}
            odd = f"  not as described: {misfit}" if misfit else ""
            return TimelineEntry(words.get(direction_of(call), "ok"), call, said + tries + odd)
        case Refused(absent=True):
            return TimelineEntry("absent", call, f"{said}  the probe did not find it")
        case Refused(failure=failure) | Unknown(failure=failure):
            return _not_ok(plan, after, event, failure, said, tries)


def _not_ok(
    plan: Unfolded, after: State, event: Finished, failure: Failure, said: str, tries: str
) -> TimelineEntry:
    call, entry = event.call, after.calls[event.call]
    action = action_of(plan, call)
    why = beside_status(failure)
    if failure.code == Code.UNKNOWN_OUTCOME and failure.reason:  # "no answer" stands beside it
        why = failure.reason
    why = f"  {why}" if why else ""
    if may_go_on(entry, action, plan.services[action.service]):
        pause = duration(delay_seconds(after, call, entry, action))
        total = entry.spent + action.retry.attempts
        what = "asks again," if is_answer(call) else "try"
        rest = f"{what} {event.attempt} of {total}, next in {pause}"
        return TimelineEntry("retry", call, f"{_back(call)}{said}{why}  {rest}")
    word = "unknown" if isinstance(event.outcome, Unknown) else "refused"
    return TimelineEntry(word, call, f"{_back(call)}{said}{why}{tries}")


def _is_unanswered(event: Finished) -> bool:
    outcome = event.outcome
    return not isinstance(outcome, Ok) and outcome.failure.status is None


def _back(call: CallId) -> str:
    direction = direction_of(call)
    return "" if direction == "do" else f"{direction} "


def _done(plan: Plan, address: str, value: Json) -> Iterator[TimelineEntry]:
    node = plan.nodes[address]
    if isinstance(node, Status):
        yield TimelineEntry("status", "", scalar(value))
    elif isinstance(node, Switch):
        taken = node.branches[value] if isinstance(value, int) else None
        said = f"{last_part(taken.address)}: {branch_text(taken)}" if taken else ""
        yield TimelineEntry("branch", address, said or "none: no condition holds")
    elif isinstance(node, WaitFor):
        yield TimelineEntry("ok", address, one_line(value))
    else:
        yield TimelineEntry("set", address, value if isinstance(value, str) else one_line(value))


def _branched(
    after: State,
    event: Expanded | Chosen | Signalled | Received | Detached | Begun | Admitted,
) -> Iterator[TimelineEntry]:
    """Lists, signals, runs of their own, and queues."""
    match event:
        case Expanded(each=each, items=items):
            shown = ", ".join(item_text(item) for item in items[:ITEMS_MAX])
            more = f", … {len(items) - ITEMS_MAX} more" if len(items) > ITEMS_MAX else ""
            yield TimelineEntry("items", each, f"{len(items)}: {shown}{more}" if items else "none")
        case Chosen(each=each, winners=winners):
            items = after.expanded[each]
            shown = ", ".join(item_text(items[index]) for index in winners[:ITEMS_MAX])
            more = f", … {len(winners) - ITEMS_MAX} more" if len(winners) > ITEMS_MAX else ""
            yield TimelineEntry("chosen", each, f"{shown}{more}")
        case Signalled():
            said = _by(one_line(event.payload), event.actor, "")
            yield TimelineEntry("signal", "", f"{event.name}  {said}")
        case Received(node=node, signal=signal):
            yield TimelineEntry("answered", node, f"by the signal {after.signals[signal].name}")
        case Detached(node=node, run=run):
            yield TimelineEntry("start", node, f"the run {run}")
        case Begun(node=node):
            yield TimelineEntry("ok", node, f"the run {after.detached[node].run} has begun")
        case Admitted():
            key = after.created.key if after.created is not None else ""
            if key:
                yield TimelineEntry("admitted", "", f"its turn among the runs with the key {key}")
        case _:
            assert_never(event)


def _said_by_a_person(
    event: Retried | Resolved | Waived | CancelRequested,
) -> Iterator[TimelineEntry]:
    match event:
        case Retried(call=call):
            yield TimelineEntry("retry", call, _by("once more", event.actor, ""))
        case Resolved(call=call, ok=ok):
            is_undo = direction_of(call) == "undo"
            happened = "it is undone" if is_undo else "it happened"
            absent = "there was nothing to undo" if is_undo else "it never happened"
            said = f"resolved: {happened if ok else absent}"
            yield TimelineEntry(
                "ok" if ok else "absent", call, _by(said, event.actor, event.reason)
            )
        case Waived(call=call):
            said = _by(f"{_back(call)}by hand", event.actor, event.reason)
            yield TimelineEntry("skipped", call, said)
        case CancelRequested():
            yield TimelineEntry("cancel", "", _by("", event.actor, event.reason))
        case _:
            assert_never(event)


def _by(said: str, actor: str, reason: str) -> str:
    by = f"by {actor}" if actor else ""
    return "  ".join(word for word in (said, by, reason) if word)


def _turned(plan: Unfolded, event: Turned) -> Iterator[TimelineEntry]:
    scope, said = event.scope, cause_text(plan, event.failure)
    if event.cause == "lost":
        yield TimelineEntry("lost", scope, "others were chosen")
    elif not scope.endswith("]"):
        yield TimelineEntry("turned", scope, f"{said}; nothing new starts")
    elif event.failure.step != scope:  # else that was said when it was refused
        yield TimelineEntry("turned", scope, said)


def _of_the_run(
    run: Run,
    event: Created | Resumed | Paused | Stopped | Planned | Committed | Alerted | Parked | Ended,
    at: float,
) -> Iterator[TimelineEntry]:
    match event:
        case Created():
            yield TimelineEntry("run", "", f"{event.run}  {_inputs(run.plan, event)}".rstrip())
        case Resumed(epoch=epoch):
            yield TimelineEntry(
                "resumed", "", f"takeover {epoch}" + (f" by {event.by}" if event.by else "")
            )
        case Paused():
            yield TimelineEntry("paused", "", "saved; resume or cancel it")
        case Stopped():
            yield TimelineEntry("stopped", "", "saved; whoever comes next may go on with it")
        case Planned(scope=scope, calls=calls):
            if calls and calls != (scope,):
                names = short_names(run.plan)
                said = f"to undo: {first_few([names[each] for each in calls], UNDO_MAX)}"
                yield TimelineEntry("turned", scope, said)
        case Committed():
            if commit_is_shown(run.plan):
                yield TimelineEntry("commit", "", "no way back from here")
        case Alerted(state=name):
            yield TimelineEntry("alerted", "", f"on_failure runs: {name}")
        case Parked(failure=failure):
            yield TimelineEntry("stuck", "", failure.message)
        case Ended():
            yield TimelineEntry("done", "", f"{event.state}  {_counts(run, at)}")
        case _:
            assert_never(event)


def stuck_line(run: Run, zone: Callable[[float], tzinfo] = lambda _: UTC) -> str:
    """The last line of a run that came to rest without an end: no fact says so, `progress` does."""
    return f"{clock(run.at, zone(run.at))} {pad('stuck', WORD)} {_counts(run, run.at)}"


def _counts(run: Run, at: float) -> str:
    """`failed=payment undone=2 stuck=0 warnings=0 took=1.3s`."""
    state, now = run.state, run.progress
    turning = state.turning
    failed = name_of(short_names(run.plan), turning.failure.step) if turning else ""
    took = duration(at - state.created.at) if state.created else "?"
    counts = f"undone={len(undone_steps(run))} stuck={len(now.stuck)} warnings={len(now.warnings)}"
    return f"failed={failed or '-'} {counts} took={took.replace(' ', '')}"


def _inputs(plan: Plan, created: Created) -> str:
    secret = {declared.name for declared in plan.inputs if declared.secret}
    return " ".join(
        f"{name}={cut(scalar(value), 24)}"
        for name, value in created.inputs.items()
        if name not in secret and value is not None
    )
