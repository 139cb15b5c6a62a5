"""Where everything stands, read from the rows of an answer once somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowdsl.plan.address import (
    ON_FAILURE,
    ROOT,
    Address,
    direction_of,
    enclosing,
    is_below,
    step_of,
)
from flowdsl.plan.nodes import AnyNode
from flowdsl.plan.unfold import inside, within
from flowdsl.saga.row import NOT_READY, Row
from flowdsl.saga.stand import PENDING, RUNNING, Stand
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import Unfolded


class Places(Struct, frozen=True):
    """`trunk`: the row of the run itself; `alert`: that of its `on_failure`."""

    plan: Unfolded
    state: State
    trunk: Row | None
    alert: Row | None = None

    def read(self) -> dict[Address, Stand]:
        stands: dict[Address, Stand] = {}
        for row in (self.trunk, self.alert):
            if row is not None:
                stands.update(_stands(self.plan.nodes[row.holder], row))
        return stands | dict.fromkeys(landing_steps(self.state), RUNNING)

    def stand(self, address: Address) -> Stand | None:
        return self.read().get(address)


def _stands(holder: AnyNode, row: Row) -> Iterator[tuple[Address, Stand]]:
    for node, part in zip(inside(holder), row.parts(), strict=True):
        if part is NOT_READY:
            for pending in within(node):
                yield pending.address, PENDING
        else:
            yield node.address, part.stand
        if part.row is not None:
            yield from _stands(node, part.row)


def landing_steps(state: State) -> Iterator[Address]:
    """Steps that are let finish in a scope that has turned: until its undo is planned they are on their way."""
    if state.turned:
        for call in state.flying:
            step = step_of(call)
            around = enclosing(step)
            scopes = [] if is_below(step, ON_FAILURE) else [ROOT]
            scope = next((one for one in (*scopes, *reversed(around)) if one in state.turned), step)
            drains = scope != step and scope not in state.planned
            if drains and direction_of(call) not in ("undo", "confirm"):
                yield step
