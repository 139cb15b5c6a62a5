"""One ask of `progress`: the question, and the answer as it grows. What its two directions share."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct, field

from flowdsl.plan.address import Address, CallId, step_of
from flowdsl.saga.commands import Command
from flowdsl.saga.events import Failure
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.unfolding import Unfolded

StepState: TypeAlias = Literal[
    "pending", "skipped", "running", "waiting", "ok", "refused",
    "unknown", "undoing", "undone", "kept", "stuck",
]  # fmt: skip


class Stand(Struct, frozen=True):
    """Where a node stands. `over`: what needs it may start (forward), what it held up may be undone (backward)."""

    state: StepState
    over: bool


class Residue(Struct, frozen=True):
    """Something a person should know is, or may be, left behind."""

    step: Address
    call: CallId
    why: str
    actor: str = ""
    reason: str = ""


class Walk(Struct):
    plan: Unfolded
    state: State
    stands: dict[Address, Stand] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    causes: dict[Address, Failure] = field(default_factory=dict)  # by scope, the first one wins
    stuck: list[CallId] = field(default_factory=list)
    residue: list[Residue] = field(default_factory=list)
    waiting: list[Residue] = field(
        default_factory=list
    )  # behind something; left as well, if that is stuck
    warnings: list[Failure] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # signals that a wait takes in this very ask


PENDING = Stand("pending", over=False)
RUNNING = Stand("running", over=False)
OVER_OK = Stand("ok", over=True)
SKIPPED = Stand("skipped", over=True)
STUCK = Stand("stuck", over=False)

MAY_HAVE_HAPPENED = "may have happened"
STANDS = "stands"
WAITS_FOR_LATER = "not undone: what ran after it comes first, and is stuck"


def leave(walk: Walk, call: CallId, why: str) -> None:
    """Name what is left behind; that a person took it upon them says it all."""
    if walk.state.calls.get(call, NO_CALL).waived is None:
        walk.residue.append(Residue(step_of(call), call, why))
