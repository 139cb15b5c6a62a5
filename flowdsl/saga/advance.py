"""The turn of every loop: fold what arrived, decide what can be decided, render what is to be sent.

Three loops stand on it (embedded, Restate, the explorer). What it returns is to be made durable, then made real.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.saga.commands import Invoke, Sleep
from flowdsl.saga.events import Armed, Event, Expired, Failed, Started
from flowdsl.saga.intent import intend
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.state import State, entry_of, fold
from flowdsl.saga.unfolding import unfolded


class Signer(Protocol):
    """What only the owner of a store can make: keys that nobody can guess, and seals on secrets."""

    def key(self, call: CallId) -> str: ...

    def seal(self, request: Request) -> str: ...


@dataclass(frozen=True, slots=True)
class Turn:
    """`facts` are to be kept, in their order, before anything is sent or slept on. `state` has them in already."""

    state: State
    now: Progress
    facts: tuple[Event, ...]


def advance(plan: Plan, state: State, events: Iterable[Event], signer: Signer, at: float) -> Turn:
    """Fold the events and go on until there is nothing more to decide."""
    state = fold(state, events)
    facts: list[Event] = []
    while True:
        now = progress(plan, state)
        decided: list[Event] = list(now.decisions)
        intents: list[Started] = []
        if not decided:
            decided, intents = _prepare(unfolded(plan, state), state, now, signer, at)
        state = fold(state, decided)
        facts += decided
        if not decided:
            kept: list[Event] = [*intents, *_timers(state, now, at)]
            return Turn(fold(state, kept), now, (*facts, *kept))


def _prepare(
    plan: Plan, state: State, now: Progress, signer: Signer, at: float
) -> tuple[list[Event], list[Started]]:
    """Intents for what is to be sent anew, and the facts that keep something from being sent."""
    hindered: list[Event] = []
    intents: list[Started] = []
    for command in now.commands:
        if (
            not isinstance(command, Invoke)
            or command.attempt <= entry_of(state, command.call).attempt
        ):
            continue
        if command.not_after is not None and at >= command.not_after:
            hindered.append(Expired(command.call))
            continue
        intent = intend(plan, state, command, key=signer.key(command.call), at=at)
        if isinstance(intent, Failed):
            hindered.append(intent)
        elif intent.request is not None and (seal := signer.seal(intent.request)):
            intents.append(replace(intent, seal=seal))
        else:
            intents.append(intent)
    return hindered, intents


def _timers(state: State, now: Progress, at: float) -> list[Armed]:
    return [
        Armed(command.timer, (at if command.since is None else command.since) + command.seconds)
        for command in now.commands
        if isinstance(command, Sleep) and command.timer not in state.armed
    ]
