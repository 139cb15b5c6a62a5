"""One ask of `progress`: the question, and the answer as it grows. What its two directions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from msgspec import Struct, field

from flowdsl.plan.address import Address, CallId, step_of
from flowdsl.plan.nodes import AnyNode
from flowdsl.saga.commands import Command
from flowdsl.saga.events import Failure
from flowdsl.saga.row import KINDS, Order, Piece, Row, Within
from flowdsl.saga.stand import Stand
from flowdsl.saga.state import NO_CALL, State
from flowdsl.saga.unfolding import Unfolded


class Residue(Struct, frozen=True):
    """Something a person should know is, or may be, left behind."""

    step: Address
    call: CallId
    why: str
    actor: str = ""
    reason: str = ""


Said: TypeAlias = (
    "list[Command | Piece] | list[CallId | Piece] | list[Residue | Piece] | list[Failure | Piece]"
)


class Form(Struct, frozen=True):
    """What all children of a container depend on. `scope`: what turns when one fails. `held`: by what ran after it."""

    order: Order
    scope: Address
    held: bool = False
    planned: bool = False
    chosen: bool = False


class Memory(Protocol):
    """What a walk that remembers has of the containers: what their children say now. See `remembered.py`."""

    def children(
        self,
        holder: Address,
        children: tuple[AnyNode, ...],
        form: Form,
        ask: Callable[[Walk, AnyNode, bool], Stand | None],
    ) -> Row: ...

    def items(
        self,
        holder: Address,
        items: tuple[AnyNode, ...],
        form: Form,
        ask: Callable[[Walk, int], tuple[Stand, Failure | None, tuple[str, ...]]],
        may_begin: Callable[[int], bool],
    ) -> Row: ...

    def stand(self, address: Address) -> Stand | None: ...


class Walk(Struct):
    """Of the whole plan, or, where the walk remembers, of one node: then what is in it comes as a row of parts."""

    plan: Unfolded
    state: State
    stands: dict[Address, Stand] = field(default_factory=dict)
    commands: list[Command | Piece] = field(default_factory=list)
    causes: dict[Address, Failure] = field(default_factory=dict)  # by scope, the first one wins
    stuck: list[CallId | Piece] = field(default_factory=list)
    residue: list[Residue | Piece] = field(default_factory=list)
    # behind something; left as well, if that is stuck
    waiting: list[Residue | Piece] = field(default_factory=list)
    warnings: list[Failure | Piece] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # signals that a wait takes in this very ask
    memory: Memory | None = None
    row: Row | None = None

    @property
    def said(self) -> tuple[Said, ...]:
        """By kind."""
        return self.commands, self.stuck, self.residue, self.waiting, self.warnings

    def hear(self, row: Row) -> None:
        """What is in the node has said all this."""
        self.row = row
        for kind, pieces in zip(KINDS, self.said, strict=True):
            if row.count(kind):
                pieces.append(Within(row, kind))

    def stand(self, address: Address) -> Stand | None:
        """Where another node stands, which was asked before."""
        return self.stands.get(address) if self.memory is None else self.memory.stand(address)


MAY_HAVE_HAPPENED = "may have happened"
STANDS = "stands"
WAITS_FOR_LATER = "not undone: what ran after it comes first, and is stuck"


def leave(walk: Walk, call: CallId, why: str) -> None:
    """Name what is left behind; that a person took it upon them says it all."""
    if walk.state.calls.get(call, NO_CALL).waived is None:
        walk.residue.append(Residue(step_of(call), call, why))
