"""The turn of every loop: fold what arrived, decide what can be decided, render what is to be sent.

Three loops stand on it (embedded, Restate, the explorer). What it returns is to be made durable, then made real.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.plan.address import CallId
from flowdsl.plan.request import Request
from flowdsl.saga.commands import Command, Invoke, Sleep
from flowdsl.saga.events import Armed, Event, Expired, Failed, Started
from flowdsl.saga.intent import intend
from flowdsl.saga.remembered import Remembered
from flowdsl.saga.run import Run
from flowdsl.saga.since import since
from flowdsl.saga.state import entry_of


class Signer(Protocol):
    """What only the owner of a store can make: keys that nobody can guess, and seals on secrets."""

    def key(self, call: CallId) -> str: ...

    def seal(self, request: Request) -> str: ...


class Turn(Struct, frozen=True):
    """What happened to a run at once. `facts`: what was told and what was decided on it, in their order; to be kept before anything is sent or slept on."""

    before: Run
    facts: tuple[Event, ...]
    after: Run


def advance(
    run: Run,
    events: Iterable[Event],
    signer: Signer,
    at: float,
    memory: Remembered | None = None,
) -> Turn:
    """Fold the events and go on until there is nothing more to decide."""
    facts = [*events]
    after = run.with_facts(facts, memory)
    while True:
        decided: list[Event] = list(after.progress.decisions)
        intents: list[Started] = []
        if not decided:
            new = _new_commands(after, memory)
            decided, intents = _prepare(after, new, signer, at)
        if not decided:
            kept: list[Event] = [*intents, *_timers(after, new, at)]
            return Turn(run, (*facts, *kept), after.with_intents(kept, memory))
        after = after.with_facts(decided, memory)
        facts += decided


def _new_commands(run: Run, memory: Remembered | None) -> Sequence[Command]:
    """Where nothing is remembered, any command may be new."""
    if memory is None:
        return run.progress.commands
    return since(memory.settled, run.progress).came


def _prepare(
    run: Run, commands: Iterable[Command], signer: Signer, at: float
) -> tuple[list[Event], list[Started]]:
    """Intents for what is to be sent anew, and the facts that keep something from being sent."""
    hindered: list[Event] = []
    intents: list[Started] = []
    for command in commands:
        if not isinstance(command, Invoke):
            continue
        if command.attempt <= entry_of(run.state, command.call).attempt:
            continue
        if command.not_after is not None and at >= command.not_after:
            hindered.append(Expired(command.call))
            continue
        intent = intend(run.plan, run.state, command, key=signer.key(command.call), at=at)
        if isinstance(intent, Failed):
            hindered.append(intent)
        elif intent.request is not None and (seal := signer.seal(intent.request)):
            intents.append(replace(intent, seal=seal))
        else:
            intents.append(intent)
    return hindered, intents


def _timers(run: Run, commands: Iterable[Command], at: float) -> list[Armed]:
    return [
        Armed(command.timer, (at if command.since is None else command.since) + command.seconds)
        for command in commands
        if isinstance(command, Sleep) and command.timer not in run.state.armed
    ]
