"""What should be in flight right now. A command says *that*, never *that it is new*: the loop compares."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from msgspec import Struct

from flowdsl.plan.address import Address, CallId
from flowdsl.saga.events import Decision


class Invoke(Struct, frozen=True):
    """One attempt of one call. `fresh`: on a connection of its own, for it may not be sent twice.

    `not_after`: past this time the service may have forgotten the key; then it is not sent, and `Expired` is kept.
    """

    call: CallId
    attempt: int
    timeout_seconds: float
    fresh: bool
    not_after: float | None = None


class Sleep(Struct, frozen=True):
    """Until `seconds` after `since`; after the moment it is first asked for, where `since` is None."""

    timer: str
    seconds: float
    since: float | None = None


class Decide(Struct, frozen=True):
    """Keep this fact before doing anything else, and ask again."""

    event: Decision


class Await(Struct, frozen=True):
    """A signal of this name is waited for, by the step at `node`."""

    node: Address
    name: str


class Queue(Struct, frozen=True):
    """The run waits for its turn among those with its key."""

    key: str


class Begin(Struct, frozen=True):
    """The detached run that `Detached` at this node speaks of is to be there; that it is there already is as good."""

    node: Address


Command: TypeAlias = Invoke | Sleep | Decide | Await | Queue | Begin


def identity_of(command: Command) -> tuple[str, int]:
    """What makes it the same command in two answers of `progress`; of a call, with its attempt."""
    match command:
        case Invoke(call=call, attempt=number):
            return (call, number)
        case Sleep(timer=timer):
            return (timer, 0)
        case Await(node=node):
            return (f"{node}!hear", 0)
        case Queue():
            return ("!queue", 0)
        case Begin(node=node):
            return (f"{node}!begin", 0)
        case Decide():
            raise AssertionError("decisions are settled within a turn")
        case _:
            assert_never(command)
