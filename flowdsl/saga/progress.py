"""The heart: given the plan and all facts, where does every node stand, and what should be in flight right now?

Theory of operation
    `progress` is level-triggered. It never asks what just happened, so starting, going on, resuming after a crash and
    undoing after a crash are one and the same call. It walks the plan like an interpreter that remembers results:
    `forward` where the run goes on, `backward` where it is undone. A half-finished parallel block needs no case of
    its own: each node says for itself "never started", "land me first", "undo me", "nothing is left".

    A scope is what turns as one: the whole run, or a group marked `critical: false`. It turns on the first critical
    failure inside it. Three facts mark the way, each kept before anything follows from it:
        Turned     nothing new starts; what is in flight is let finish (draining)
        Planned    nothing is in flight: what is ok or unknown now is what will be undone, and nothing else
        Ended      all of it is undone
    Committed closes the other door: from there nothing turns, and what still fails is stuck.

    An undo waits for the undos of all that ran after it (`held`), and for its own step to be settled: landed,
    asked again where its answer is needed, and past the window in which the network might still deliver it.

    Facts only accumulate, and no node that is over ever becomes un-over. The explorer checks that on every edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.address import ON_FAILURE, ROOT, Address, CallId, is_below, step_of
from flowdsl.plan.nodes import Confirm
from flowdsl.plan.unfold import within
from flowdsl.saga.attempt import invoke
from flowdsl.saga.backward import backward
from flowdsl.saga.commands import Await, Begin, Command, Decide, Invoke, Queue, Sleep
from flowdsl.saga.events import Alerted, Decision, Ended, Failure, Parked, Turned
from flowdsl.saga.forward import forward
from flowdsl.saga.intent import action_of
from flowdsl.saga.ledger import effects, outcome_failure
from flowdsl.saga.outcome import misfit
from flowdsl.saga.places import Places, landing_steps
from flowdsl.saga.row import KINDS, Later, Piece, Row, Within, read
from flowdsl.saga.stand import PENDING, RUNNING, Stand
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.unfolding import Unfolded
from flowdsl.saga.walk import Residue, Walk, leave
from flowdsl.saga.words import words_of_people

RunState: TypeAlias = Literal[
    "running", "waiting", "compensating", "succeeded", "compensated", "cancelled", "stuck"
]

DEADLINE = "deadline"
CRASHES_MAX = 10


class Progress(Struct, frozen=True, eq=False, dict=True):
    """The answer. What is long in it is made when somebody reads it: it holds pieces that later answers share."""

    state: RunState
    places: dict[Address, Stand] | Places
    pieces: tuple[tuple[object, ...], ...] = ((),) * len(KINDS)  # what was said, by kind

    @cached_property
    def stands(self) -> dict[Address, Stand]:
        return self.places if isinstance(self.places, dict) else self.places.read()

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        return tuple(read(self.pieces[0]))  # type: ignore[arg-type]  # each kind has its own

    @cached_property
    def stuck(self) -> tuple[CallId, ...]:
        """What a person must resolve, in the direction that is stuck."""
        return tuple(read(self.pieces[1]))  # type: ignore[arg-type]

    @cached_property
    def residue(self) -> tuple[Residue, ...]:
        return tuple(read(self.pieces[2]))  # type: ignore[arg-type]

    @cached_property
    def warnings(self) -> tuple[Failure, ...]:
        return tuple(read(self.pieces[4]))  # type: ignore[arg-type]

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        found = read(self.pieces[0], "decisions")
        return tuple(command.event for command in found if isinstance(command, Decide))

    @property
    def at_rest(self) -> bool:
        """Nothing is in flight and nothing will be: the run has ended, or a person is needed."""
        return not self.pieces[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Progress) and _all_of(self) == _all_of(other)

    __hash__ = None  # type: ignore[assignment]


def _all_of(now: Progress) -> tuple[object, ...]:
    return now.state, now.stands, now.commands, now.stuck, now.residue, now.warnings


def progress(plan: Unfolded, state: State) -> Progress:
    """Where everything stands, and every command that should be in flight."""
    return answered(Walk(plan, state))


def answered(walk: Walk) -> Progress:
    """The answer to what the walk asks: of the whole plan, or of what may have changed."""
    plan, state = walk.plan, walk.state
    over = backward(walk, plan.root, ROOT) if state.turning else _forward_run(walk)
    trunk, walk.row = walk.row, None
    if state.parked is not None:
        walk.commands.clear()
        walk.stuck.append("")
        for step in () if state.committed else effects(plan, state, ROOT):
            leave(walk, step, "not undone: the run is parked")
    elif state.crashes >= CRASHES_MAX:
        message = f"the run took its process down {state.crashes} times without getting on"
        walk.commands[:] = [Decide(Parked(Failure(Code.PARKED, message)))]
    walk.residue.append(Later(partial(words_of_people, plan, state)))
    walk.warnings.append(Later(partial(misfits, state)))
    _let_land(walk)
    name = _conclude(walk, trunk, over=over)
    if walk.memory is not None:
        places: Places | dict[Address, Stand] = Places(plan, state, trunk, walk.row)
    else:
        places = walk.stands | dict.fromkeys(landing_steps(state), RUNNING)
    return Progress(name, places, tuple(map(tuple, walk.said)))


def misfits(state: State) -> list[Failure]:
    """A warning for each answer that was taken, and is not as its service describes it."""
    return [
        misfit(step_of(call), entry.answer)
        for call, entry in state.calls.items()
        if entry.answer is not None and entry.answer.misfit
    ]


def _let_land(walk: Walk) -> None:
    """Whatever is in flight is wanted until it has landed: nothing that may take effect is ever cut off."""
    state, wanted = walk.state, tuple(walk.commands)
    if state.must_land > sum(_in_flight(state, piece) for piece in wanted):
        walk.commands.append(Later(partial(_landing, walk.plan, state, wanted)))
    # in the order in which they were decided, which is that of the plan
    walk.commands += map(Begin, state.to_begin)


def _in_flight(state: State, piece: Command | Piece) -> int:
    if isinstance(piece, Within):
        return piece.row.count("flying")
    return isinstance(piece, Invoke) and state.calls.get(piece.call, NO_CALL).flying


def _landing(plan: Unfolded, state: State, pieces: tuple[object, ...]) -> Iterator[Invoke]:
    """What is in flight and nobody else wants."""
    wanted = {command.call for command in read(pieces) if isinstance(command, Invoke)}
    for call in state.flying:
        if call not in wanted and not is_below(step_of(call), ON_FAILURE):
            action, entry = action_of(plan, call), state.calls[call]
            yield invoke(call, entry.attempt, entry, action, plan.services[action.service])


def _forward_run(walk: Walk) -> bool:
    created = walk.state.created
    if created is not None and created.key and walk.state.admitted is None:
        walk.commands.append(Queue(created.key))
        over = False
    else:
        over = forward(walk, walk.plan.root, ROOT)
    turn = _reason_to_turn(walk)
    if turn is None:
        return over
    if walk.state.committed:
        late = "went past its timeout" if turn.cause == "deadline" else "was cancelled"
        message = f"the run {late} after commit: it goes on"
        walk.warnings.append(Failure(turn.failure.code, message))
    else:
        walk.commands[:] = [Decide(turn)]  # alone: what turns does not commit in the same breath
    return over


def _reason_to_turn(walk: Walk) -> Turned | None:
    """A cancel or the deadline, whichever a person or the clock brought; else the first refusal."""
    state = walk.state
    if state.cancel is not None:
        reason = state.cancel.reason or "cancelled"
        return Turned(ROOT, "cancelled", Failure(Code.CANCELLED, reason))
    if DEADLINE in state.fired:
        return Turned(ROOT, "deadline", Failure(Code.RUN_TIMEOUT, "the run's timeout passed"))
    if ROOT in walk.causes:
        return Turned(ROOT, "refused", walk.causes[ROOT])
    return None


def _conclude(walk: Walk, trunk: Row | None, *, over: bool) -> RunState:
    """The run's state by name, and the decisions that close it."""
    state, turned = walk.state, walk.state.turning
    if state.ended:
        _alert(walk, None)  # to say how it went
        walk.commands.clear()
        return state.ended  # type: ignore[return-value]
    end: RunState = "succeeded"
    if turned is not None:
        end = "compensated" if turned.cause == "refused" else "cancelled"
    if walk.commands:
        if turned is None and DEADLINE not in state.fired:
            _watch_deadline(walk)
        name: RunState = "waiting" if _only_waits(walk) else "running"
        _alert(walk, None)
    else:
        name = "running" if over else "stuck"
        if name == "stuck":
            walk.residue += [*walk.waiting, *_unconfirmed(walk, trunk)]
        _alert(walk, end if over else "stuck")
        if over and not walk.commands:
            walk.commands.append(Decide(Ended(end)))
    return "compensating" if turned is not None and name != "stuck" else name


def _unconfirmed(walk: Walk, trunk: Row | None) -> Iterator[Residue]:
    """What a stuck run has done, and cannot confirm for what is before it."""
    if not walk.state.committed:
        return
    stands = walk.stands if trunk is None else Places(walk.plan, walk.state, trunk).read()
    for node in within(walk.plan.root):
        if isinstance(node, Confirm) and stands.get(node.address) == PENDING:
            call = stands.get(node.of)
            if call is not None and call.state == "ok":
                why = "not confirmed: what comes before it is stuck"
                yield Residue(node.of, node.address, why)


def _watch_deadline(walk: Walk) -> None:
    seconds, created = walk.plan.timeout_seconds, walk.state.created
    if seconds is not None and created is not None:
        walk.commands.append(Sleep(DEADLINE, seconds, created.at))


def _alert(walk: Walk, outcome: RunState | None) -> None:
    """Run `on_failure`: once, from when the run first is undone or stuck, whatever is done about it meanwhile."""
    handlers = walk.plan.on_failure
    if handlers is None:
        return
    if walk.state.alerted is not None:
        forward(walk, handlers, handlers.address)
    elif outcome not in (None, "succeeded"):
        walk.commands.append(Decide(Alerted(str(outcome), _first_error(walk))))


def _first_error(walk: Walk) -> Failure | None:
    """What `on_failure` sees as `error`: why the run turned, or what it is stuck at."""
    state = walk.state
    if state.turning is not None or state.parked is not None:
        return state.turning.failure if state.turning else state.parked
    failures = (outcome_failure(state.calls.get(call, NO_CALL)) for call in _stuck(walk))
    return next((failure for failure in failures if failure is not None), None)


def _stuck(walk: Walk) -> Iterator[CallId]:
    return (call for call in read(walk.stuck) if isinstance(call, str))


def _only_waits(walk: Walk) -> bool:
    """Nothing is to be done but to wait: for a time, for a signal, for its turn."""
    waits = False
    for command in walk.commands:
        match command:
            case Within(row=row):
                if row.count("busy"):
                    return False
                waits = True
            case Sleep(timer=timer) if timer == DEADLINE:
                pass
            case Sleep(timer=timer) if _is_waiting(walk, timer):
                waits = True
            case Await() | Queue():
                waits = True
            case Sleep() | Invoke() | Decide() | Begin() | Later():
                return False
            case _:
                assert_never(command)
    return waits


def _is_waiting(walk: Walk, node: Address) -> bool:
    stand = walk.stands.get(node)
    return stand is not None and stand.state == "waiting"
