"""The k-th operation fails under a run that stands in a queue, waits for a signal and starts a run of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import pytest

from flowdsl.engine.orders import Order
from flowdsl.errors import FlowdslError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Begun, Detached
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from tests.counts import count
from tests.disk.test_failures import CODES, KINDS
from tests.engine.test_signals import HOLD
from tests.lives.constructs import CHILD, saga
from tests.lives.simdisk import SimDisk
from tests.lives.starting import STORE
from tests.lives.theatre import KNOCKS, RUN, Kept, Theatre
from tests.lives.virtual import at_once

DETACHED = """
- id: answer
  wait_for: approve
  timeout: 1h
- id: child
  uses: ./child.yaml
  with: { warehouse: wh-1 }
  detach: true
"""
SIGNAL = Order("signal", step="approve", body={"ok": True})


@cache
def plan() -> Plan:
    return saga(HOLD + DETACHED, head="key: one", child=CHILD)


@dataclass(slots=True)
class Failing(Theatre):
    """A process whose disk fails is followed by one whose disk is well."""

    said: list[FlowdslError] = field(default_factory=list)
    struck: int = 0
    refused: int = 0
    first: SimDisk = field(default_factory=SimDisk)

    def __post_init__(self) -> None:
        self.first = self.disk

    async def _live(self, burns_at: float) -> bool:
        try:
            return await Theatre._live(self, burns_at)
        except FlowdslError as error:
            self.said.append(error)
            self.alive.clear()
            return False

    async def _post(self, order: Order) -> bool:
        """A disk that fails for good would let nobody give an order; after a while somebody mends it."""
        if await Theatre._post(self, order):
            return True
        self.refused += 1
        if self.refused > KNOCKS // 2:
            self.struck = self.struck or self.first.struck
            self.first.heal()
        return False

    async def _read(self) -> dict[str, Kept]:
        self.struck = self.struck or self.first.struck
        self.first.heal()  # this is us, looking
        return await Theatre._read(self)


def failing(kind: str, number: int, code: int, *, lasting: bool = False) -> Failing:
    theatre = Failing(plan(), orders=[(0.5, SIGNAL)], key="saga one", killed=True)
    theatre.first.fail(kind, number, code, lasting=lasting)
    theatre.play(0)
    return theatre


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "truncate"])
def test_nothing_acknowledged_is_lost_and_nothing_is_started_twice(
    kind: str, *, full: bool
) -> None:
    struck = 0
    for code in CODES if full else CODES[:1]:
        for lasting in (False, True) if full else (False,):
            for number in range(1, 1000, 1 if full else 4):
                theatre = failing(kind, number, code, lasting=lasting)
                judge(theatre)
                if not theatre.struck:
                    break
                struck += 1
                for error in theatre.said:
                    assert error.code, error
                    assert error.help, error
                    assert error.exit_code in (2, 74)
            else:
                raise AssertionError("it never came to an end")
    assert struck, "the fault never struck"
    count("operations of neighbouring runs on the disk that failed", struck)


def judge(theatre: Failing) -> None:
    theatre.judge()
    assert theatre.state == "succeeded"
    assert len(theatre.acknowledged) == 1
    (child,) = (run for run in theatre.runs if run != RUN)
    assert theatre.runs[child].now.state == "succeeded"
    facts = theatre.runs[RUN].facts
    assert [fact.run for fact in facts if isinstance(fact, Detached)] == [child]
    assert sum(isinstance(fact, Begun) for fact in facts) == 1
    store = FileStore(STORE, theatre.disk.killed(), offload=Inline(), read_only=True)
    assert {finding.kind for finding in at_once(store.fsck())} <= {"leftover"}
