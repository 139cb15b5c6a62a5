"""A crash before and after every append, sync, send and receive; recovery; and a second crash at every point of that.

The disk keeps only what was synced. The services are never crashed: what reached them takes effect, whoever has died.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from flowdsl.engine.engine import Engine
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.run import Run
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from mock_services.app import MockServices, create_app
from tests.conftest import Counts
from tests.engine.dying import DyingNetwork
from tests.engine.stage import ORDER, TRIP, workflow
from tests.simdisk import Crash, Operation, SimDisk
from tests.starting import PROJECT, resumed, to_rest
from tests.virtual import VirtualClock, run_virtually

RUN = "trip-a"
STORE = Path("/store")
CHANGES = frozenset(
    {"write", "sync", "sync_folder", "create", "rename", "link", "unlink", "truncate"}
)
STRIDE = 181  # of the second crash, but for the full size


@dataclass(slots=True)
class Fuse:
    """Counts the points where a process may die, and dies at one of them."""

    burns_at: int = 0  # 0: never
    passed: int = 0

    def pass_point(self) -> None:
        self.passed += 1
        if self.passed == self.burns_at:
            raise Crash

    def out(self, _request: Request) -> None:
        self.pass_point()

    def see(self, _when: str, operation: Operation) -> None:
        if operation.kind in CHANGES:
            self.pass_point()


@dataclass(slots=True)
class Theatre:
    """One run over several lives of its process, on one disk and one set of services."""

    plan: Plan
    inputs: dict[str, Json]
    faults: tuple[tuple[str, str], ...] = ()
    app: MockServices = field(default_factory=create_app)
    disk: SimDisk = field(default_factory=SimDisk)

    def __post_init__(self) -> None:
        for target, fault in self.faults:
            method, service, path = target.split(" ")
            self.app.faults.add(
                {"service": service, "method": method, "path": path, "fault": fault}
            )

    def live(self, burns_at: int = 0) -> tuple[Run | None, int]:
        """One life: begin the run, or go on with it. None if the process died; and the points it passed."""
        fuse = Fuse(burns_at)
        self.disk.hook = fuse.see
        try:
            result = run_virtually(self._live(fuse))
        except Crash:
            result = None
        if result is None:
            self.disk = self.disk.crash()
        return result, fuse.passed

    async def _live(self, fuse: Fuse) -> Run:
        network = DyingNetwork(Http(httpx.ASGITransport(app=self.app)), fuse)
        store = FileStore(STORE, self.disk, offload=Inline())
        engine = Engine(store, network, PROJECT, VirtualClock())
        try:
            async with engine:
                result = await self._begin_or_resume(engine, store)
        finally:
            fuse.burns_at = 0
            await asyncio.sleep(60)  # what had reached the services takes its effect
        return result

    async def _begin_or_resume(self, engine: Engine, store: FileStore) -> Run:
        known = {summary.run: summary for summary in await store.list()}
        if RUN in known and known[RUN].ended:  # it died after the last fact
            return Run.of(self.plan, [recorded.event for recorded in await store.events(RUN)])
        if RUN in known:
            result = await resumed(engine, RUN)
            assert result is not None, "nobody else drives this run"
            return result
        assert not self.app.requests, "something was sent before the first record"
        return await to_rest(engine, self.plan, RUN, self.inputs)

    def judge(self, result: Run) -> None:
        assert result.progress.state in ("succeeded", "compensated")
        assert list(self.app.ledger.left_behind(result.progress.state)) == []
        assert not result.progress.residue
        for effect in self.app.ledger.as_json()["effects"]:  # type: ignore[call-overload, index, union-attr]
            assert effect["count"] == 1, effect  # type: ignore[call-overload, index]


SCENES: dict[str, tuple[str, dict[str, Json], tuple[tuple[str, str], ...]]] = {
    "trip": ("trip.yaml", TRIP, ()),
    "trip declined": ("trip.yaml", {**TRIP, "card": "tok_declined"}, ()),
    "trip lost reply": ("trip.yaml", TRIP, (("POST payments /charges", "lose_reply"),)),
    "order": ("order.yaml", ORDER, ()),
    "order declined": ("order.yaml", {**ORDER, "card": "tok_declined"}, ()),
    "order lost reply": ("order.yaml", ORDER, (("POST shipping /labels", "lose_reply"),)),
}


@pytest.mark.parametrize("scene", SCENES)
def test_any_two_crashes_leave_nothing_behind(scene: str, counts: Counts, *, full: bool) -> None:
    name, inputs, faults = SCENES[scene]
    plan = workflow(name)
    whole, points = Theatre(plan, inputs, faults).live()
    assert whole is not None
    assert points > 40

    crashes = 0
    for first in range(1, points + 1):
        theatre = Theatre(plan, inputs, faults)
        died, _ = theatre.live(first)
        if died is not None:
            continue  # parallel branches took another order, and this life had fewer points
        result, later = theatre.live()
        assert result is not None
        theatre.judge(result)
        crashes += 1
        for second in range(1 + first % STRIDE, later + 1, 1 if full else STRIDE):
            theatre = Theatre(plan, inputs, faults)
            theatre.live(first)
            if theatre.live(second)[0] is None:
                result, _ = theatre.live()
                assert result is not None
            theatre.judge(result)
            crashes += 1
    assert crashes > points
    counts.add("crashes, each followed by a recovery", crashes)
