"""What the facts fold to. `fold` is the only way to a State, so the same records always give the same state.

A `CallState` is one line of the ledger: one call in one direction, joined over all its attempts. `unsure` is the sticky
unknown: some attempt may have taken effect unseen, and no later failure to connect proves that it did not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import TypeAlias, assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.plan.address import (
    ON_FAILURE,
    ROOT,
    Address,
    CallId,
    enclosing,
    is_answer,
    item,
    items_around,
    step_of,
)
from flowdsl.plan.kept import put, without
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
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
    Outcome,
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
)


class CallState(Struct, frozen=True):
    attempt: int = 0  # the number of the last one started
    flying: bool = False
    outcome: Outcome | None = None  # of the last attempt that ended
    answer: Ok | None = None  # of the attempt that was ok
    unsure: bool = False
    key: str = ""
    request: Request | None = None
    seal: str = ""
    first_at: float = 0.0
    last_at: float = 0.0  # of the last send
    ended_at: float = 0.0
    # attempts that do not count: made before a person granted a fresh set, or spared
    spent: int = 0
    spared: int = 0  # how many of them a crash interrupted
    granted: bool = False  # a fresh set, not touched yet
    expired: bool = False  # the service has forgotten the key
    failed: Failure | None = None  # it could not be rendered, or its `when` raised
    resolved: Resolved | None = None
    # a person's word that it never happened, also once it is sent again
    absent: Resolved | None = None
    waived: Waived | None = None


class State(Struct, frozen=True):
    """Its maps are added to by `put` alone, so a fact costs the same however many there are. The last four follow from
    the others, and are what everybody would otherwise search them for.
    """

    created: Created | None = None
    calls: Mapping[CallId, CallState] = field(default_factory=dict)
    skipped: Mapping[Address, None] = field(default_factory=dict)
    done: Mapping[Address, Json] = field(default_factory=dict)
    armed: Mapping[str, float] = field(default_factory=dict)
    fired: Mapping[str, None] = field(default_factory=dict)
    turned: Mapping[Address, Turned] = field(default_factory=dict)
    planned: Mapping[Address, frozenset[Address]] = field(default_factory=dict)
    committed: bool = False
    cancel: CancelRequested | None = None
    expanded: Mapping[Address, tuple[Json, ...]] = field(default_factory=dict)
    chosen: Mapping[Address, tuple[int, ...]] = field(default_factory=dict)
    signals: Mapping[str, Signalled] = field(default_factory=dict)  # by id, as they came
    received: Mapping[Address, str] = field(default_factory=dict)  # the id that each wait took
    detached: Mapping[Address, Detached] = field(default_factory=dict)
    begun: Mapping[Address, None] = field(default_factory=dict)  # detached runs that are there
    admitted: float | None = None
    alerted: Alerted | None = None
    parked: Failure | None = None
    ended: str = ""
    outputs: dict[str, Json] | None = None  # where they were kept
    paused: bool = False  # by a person
    stopped: bool = False  # by the end of its process, which was not a crash
    epoch: int = 0
    lost: frozenset[str] = frozenset()  # secrets whose values stood in data and cannot be restored
    crashes: int = 0  # takeovers from a dead driver since anything last went on
    flying: Mapping[CallId, None] = field(default_factory=dict)  # as they were sent
    flying_in: Mapping[Address, int] = field(default_factory=dict)  # how many, by what they are in
    items: Mapping[Address, None] = field(default_factory=dict)  # of which something is known
    untaken: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # signals, by their name
    to_begin: Mapping[Address, None] = field(default_factory=dict)  # runs that are not there yet

    @property
    def must_land(self) -> int:
        """How many calls are out that the run waits for whatever it is told: those of `on_failure` are not of it."""
        return self.flying_in.get(ROOT, 0) - self.flying_in.get(ON_FAILURE, 0)

    @property
    def turning(self) -> Turned | None:
        """Why the whole run walks backward, if it does."""
        return self.turned.get(ROOT)


Branching: TypeAlias = Expanded | Chosen | Signalled | Received | Detached | Begun | Admitted
OfRun: TypeAlias = (
    Turned | Planned | Committed | CancelRequested | Alerted | Parked | Ended
    | Paused | Stopped | Resumed
)  # fmt: skip

NO_CALL = CallState()
SPARED_MAX = 10  # attempts of one call that a crash may interrupt for nothing


def entry_of(state: State, call: CallId) -> CallState:
    """The ledger's line for a call, an empty one where nothing is known.

    A call asked again for its lost answer is the same effect under the same key: it was unsure before it began.
    """
    entry = state.calls.get(call)
    if entry is None and is_answer(call):
        return CallState(unsure=True, first_at=state.calls[step_of(call)].first_at)
    return entry or NO_CALL


def fold(state: State, events: Iterable[Event]) -> State:
    return reduce(apply, events, state)


def apply(state: State, event: Event) -> State:
    """Take one fact in. Facts that cannot follow are bugs, and assert."""
    match event:
        case Started() | Finished() | Failed() | Expired():
            return _called(state, event)
        case Armed(timer=timer):
            armed = put(state.armed, timer, event.due)
            return replace(state, armed=armed, items=_items(state, timer))
        case Fired():
            return replace(state, fired=put(state.fired, event.timer, None), crashes=0)
        case Done(node=node):
            done = put(state.done, node, event.value)
            return replace(state, done=done, items=_items(state, node))
        case Skipped(node=node):
            return replace(state, skipped=put(state.skipped, node, None), items=_items(state, node))
        case Retried() | Resolved() | Waived():
            return _ordered(state, event)
        case Created():
            assert state.created is None, "a run is created once"
            return replace(state, created=event)
        case Expanded() | Chosen() | Signalled() | Received() | Detached() | Begun() | Admitted():
            return _branched(state, event)
        case (
            Turned() | Planned() | Committed() | CancelRequested() | Alerted() | Parked() | Ended()
            | Paused() | Stopped() | Resumed()
        ):  # fmt: skip
            return _turn_of_run(state, event)
        case Unrecognised():
            return state  # a record of a later version that may be passed over
        case _:
            assert_never(event)


def _items(state: State, address: str) -> Mapping[Address, None]:
    """With those around an address of which something is known now."""
    items = state.items
    if "[" in address:
        for each, index in items_around(step_of(address)):
            around = item(each, index)
            items = items if around in items else put(items, around, None)
    return items


def _called(state: State, event: Started | Finished | Failed | Expired) -> State:
    match event:
        case Started(call=call):
            return replace(
                state,
                calls=put(state.calls, call, _started(state, event)),
                flying=put(state.flying, call, None),
                flying_in=_more_flying(state, call, 1),
                items=_items(state, call),
            )
        case Finished(call=call):
            entry = _finished(state.calls.get(call, NO_CALL), event)
            crashed = isinstance(event.outcome, Unknown) and event.outcome.interrupted
            return replace(
                state,
                calls=put(state.calls, call, entry),
                flying=without(state.flying, call),
                flying_in=_more_flying(state, call, -1),
                crashes=state.crashes if crashed else 0,
            )
        case Failed(node=node):
            entry = replace(state.calls.get(node, NO_CALL), failed=event.failure)
            return _with_call(replace(state, to_begin=_begun(state, node)), node, entry)
        case Expired(call=call):
            return _with_call(state, call, replace(entry_of(state, call), expired=True))


def _begun(state: State, node: Address) -> Mapping[Address, None]:
    return without(state.to_begin, node) if node in state.to_begin else state.to_begin


def _more_flying(state: State, call: CallId, more: int) -> Mapping[Address, int]:
    counts = state.flying_in
    for around in (*enclosing(step_of(call)), ROOT):
        counts = put(counts, around, counts.get(around, 0) + more)
    return counts


def _branched(state: State, event: Branching) -> State:
    match event:
        case Expanded(each=each, items=items):
            assert each not in state.expanded, "the items of a list are decided once"
            expanded = put(state.expanded, each, items)
            return replace(state, expanded=expanded, items=_items(state, each))
        case Chosen(each=each, winners=winners):
            assert each not in state.chosen, "winners are chosen once"
            return replace(state, chosen=put(state.chosen, each, winners))
        case Signalled(id=signal):
            if signal in state.signals:
                return state
            untaken = (*state.untaken.get(event.name, ()), signal)
            return replace(
                state,
                signals=put(state.signals, signal, event),
                untaken=put(state.untaken, event.name, untaken),
                crashes=0,
            )
        case Received(node=node, signal=signal):
            name = state.signals[signal].name
            untaken = state.untaken.get(name, ())
            assert signal in untaken, "a signal answers one wait"
            left = tuple(one for one in untaken if one != signal)
            return replace(
                state,
                received=put(state.received, node, signal),
                untaken=put(state.untaken, name, left) if left else without(state.untaken, name),
                items=_items(state, node),
            )
        case Detached(node=node):
            assert node not in state.detached, "a run is started once"
            return replace(
                state,
                detached=put(state.detached, node, event),
                to_begin=put(state.to_begin, node, None),
                items=_items(state, node),
            )
        case Begun(node=node):
            begun, to_begin = put(state.begun, node, None), _begun(state, node)
            return replace(state, begun=begun, to_begin=to_begin, crashes=0)
        case Admitted(at=at):
            return replace(state, admitted=at, crashes=0)


def _turn_of_run(state: State, event: OfRun) -> State:
    match event:
        case Turned():
            assert event.scope not in state.turned, "a scope turns once"
            assert event.scope != ROOT or not state.committed, "what has committed cannot turn"
            turned = put(state.turned, event.scope, event)
            return replace(state, turned=turned, items=_items(state, event.scope))
        case Planned():
            return replace(state, planned=put(state.planned, event.scope, frozenset(event.calls)))
        case Committed():
            assert state.turning is None, "what has turned cannot commit"
            return replace(state, committed=True)
        case CancelRequested():
            return replace(state, cancel=state.cancel or event)
        case Alerted():
            return replace(state, alerted=event)
        case Parked():
            return replace(state, parked=event.failure)
        case Ended():
            return replace(state, ended=event.state, outputs=event.outputs)
        case Paused():
            return replace(state, paused=True)
        case Stopped():
            return replace(state, stopped=True)
        case Resumed():
            crashed = not (state.paused or state.stopped)
            return replace(
                state,
                paused=False,
                stopped=False,
                epoch=event.epoch,
                crashes=state.crashes + crashed,
            )


def _started(state: State, event: Started) -> CallState:
    entry = entry_of(state, event.call)
    assert not entry.flying, f"{event.call} is in flight already"
    assert event.attempt == entry.attempt + 1, f"{event.call}: attempts count up"
    first = entry.attempt == 0
    return replace(
        entry,
        attempt=event.attempt,
        flying=True,
        granted=False,
        key=event.key if first else entry.key,
        request=event.request if first else entry.request,
        seal=event.seal if first else entry.seal,
        first_at=entry.first_at or event.at,
        last_at=event.at,
    )


def _finished(entry: CallState, event: Finished) -> CallState:
    assert entry.flying and entry.attempt == event.attempt, f"{event.call}: an answer to nothing"  # noqa: PT018
    answer, unsure = entry.answer, entry.unsure
    spared = 0
    match event.outcome:
        case Ok() as ok:
            answer = ok
        case Unknown(spared=True) if entry.spared < SPARED_MAX:
            unsure, spared = True, 1
        case Unknown():
            unsure = True
        case Refused(definite=definite):
            unsure = unsure and not definite
        case _:
            assert_never(event.outcome)
    return replace(
        entry,
        flying=False,
        outcome=event.outcome,
        answer=answer,
        unsure=unsure,
        ended_at=event.at,
        spent=entry.spent + spared,
        spared=entry.spared + spared,
    )


def _ordered(state: State, event: Retried | Resolved | Waived) -> State:
    """A person's word. It comes too late for a call that is out again: then the answer decides."""
    state = replace(state, crashes=0)
    entry = state.calls.get(event.call, NO_CALL)
    if entry.flying:
        return state
    match event:
        case Retried(call=""):
            return replace(state, parked=None)
        case Retried():
            entry = replace(
                entry, failed=None, resolved=None, spent=entry.attempt, granted=entry.attempt > 0
            )
            again = event.call in state.detached and event.call not in state.begun
            to_begin = put(state.to_begin, event.call, None) if again else state.to_begin
            return _with_call(replace(state, parked=None, to_begin=to_begin), event.call, entry)
        case Resolved():
            # That it never happened is said of every attempt.
            absent = entry.absent if event.ok else event
            unsure = entry.unsure and event.ok
            entry = replace(entry, resolved=event, absent=absent, unsure=unsure)
            return _with_call(state, event.call, entry)
        case Waived():
            return _with_call(state, event.call, replace(entry, waived=event))


def _with_call(state: State, call: CallId, entry: CallState) -> State:
    return replace(state, calls=put(state.calls, call, entry), items=_items(state, call))
