"""Runs on a simulated disk, over the lives of processes that share it; power goes at any point. The real engine and its file store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

import httpx

from flowdsl.engine.engine import Engine
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created
from flowdsl.saga.run import Run
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from mock_services.app import MockServices
from tests.lives.death import Death, DyingNetwork, Fuse
from tests.lives.front import Front, fault
from tests.lives.simdisk import SimDisk
from tests.lives.starting import NOTHING, PROJECT, STORE, resumed, to_rest
from tests.lives.virtual import VirtualClock, run_virtually

T = TypeVar("T")
Work: TypeAlias = Callable[[Engine], Coroutine[object, object, T]]

RUN = "trip-a"  # of `OneRun`


@dataclass(slots=True)
class Machine:
    """One disk and one set of services. `cut_at`: where the power goes in the life of a `cut`."""

    cut_at: int = 0
    front: Front = field(default_factory=Front)
    disk: SimDisk = field(default_factory=SimDisk)
    fuse: Fuse = field(default_factory=Fuse)  # of the life that is lived: of all its processes
    points: int = 0  # of the life that was cut, or might have been
    cuts: int = 0
    ended_well: bool = False  # the last life: all that it wrote is there, and its locks are gone

    def life(
        self,
        work: Work[T],
        burns_at: int = 0,
        torn: Callable[[int], int] = lambda _: 0,
    ) -> T | None:
        """None if it died. `torn`: of so many unsynced bytes, how many are on the disk all the same."""
        if self.ended_well:
            self.disk, self.ended_well = self.disk.killed(), False
        self.fuse = Fuse(frozenset({burns_at}), self.disk, after=self.fuse.after)
        self.disk.hook = self.fuse.see
        try:
            done = run_virtually(self._life(work))
        except Death:
            self.disk = self.disk.crash(torn)
            return None
        self.ended_well = True
        return done

    def cut(self, work: Work[T]) -> T:
        """A life in which the power may go; then another one does the same."""
        done = self.life(work, self.cut_at)
        self.points = self.fuse.passed
        if done is None:
            self.cuts += 1
            done = self.life(work)
        assert done is not None
        return done

    async def _life(self, work: Work[T]) -> T:
        try:
            async with self.engine() as engine:
                return await work(engine)
        finally:
            self.fuse.burns_at = frozenset()
            await asyncio.sleep(120)  # what had reached the services takes its effect
            await self.front.settled()

    def engine(self) -> Engine:
        network = DyingNetwork(Http(httpx.ASGITransport(app=self.front)), self.fuse)
        return Engine(
            FileStore(STORE, self.disk, offload=Inline()), network, PROJECT, VirtualClock()
        )

    def torn_tails(self) -> int:
        return sum(path.suffix == ".torn" for path in self.disk.files())

    @property
    def standings(self) -> list[tuple[str, str]]:
        return sorted((effect.service, effect.standing) for effect in self.front.app.ledger.effects)

    def judge(self) -> None:
        effects = Counter(effect.wish for effect in self.front.app.ledger.effects)
        assert max(effects.values(), default=1) == 1, f"an effect happened twice: {effects}"
        assert all(bend.fired for bend in self.front.bends), "a fault never struck"


@dataclass(slots=True)
class OneRun:
    """One run over several lives of its process. `faults`: of the mock services."""

    plan: Plan
    inputs: Mapping[str, Json]
    faults: tuple[tuple[str, str], ...] = ()
    machine: Machine = field(default_factory=lambda: Machine(fuse=Fuse(after=True)))

    def __post_init__(self) -> None:
        for line, kind in self.faults:
            fault(self.machine.front.app, line, kind)

    def live(self, burns_at: int = 0) -> tuple[Run | None, int]:
        """One life: begin the run, or go on with it. None if the process died; and the points it passed."""
        done = self.machine.life(begins_or_goes_on(self.plan, RUN, self.inputs), burns_at)
        return done, self.machine.fuse.passed

    @property
    def app(self) -> MockServices:
        return self.machine.front.app

    @property
    def disk(self) -> SimDisk:
        return self.machine.disk

    def kill(self) -> None:
        """What is left of the process is gone, and its disk is there as it is."""
        self.machine.disk = self.disk.killed()

    def judge(self, result: Run) -> None:
        assert result.progress.state in ("succeeded", "compensated")
        assert list(self.app.ledger.left_behind(result.progress.state)) == []
        assert not result.progress.residue
        self.machine.judge()


def starts(
    plan: Plan, run: str = "run-1", inputs: Mapping[str, Json] = NOTHING, *, key: str = ""
) -> Work[Run]:
    return lambda engine: to_rest(engine, plan, run, inputs, key=key)


def goes_on(run: str = "run-1") -> Work[Run]:
    """What it came to, if it is over."""

    async def work(engine: Engine) -> Run:
        if any(summary.ended for summary in await engine.store.list() if summary.run == run):
            facts = [recorded.event for recorded in await engine.store.events(run)]
            assert isinstance(facts[0], Created)
            return Run.of(await engine.plan_of(facts[0].digest), facts)
        result = await resumed(engine, run)
        assert result is not None
        return result

    return work


def begins_or_goes_on(
    plan: Plan, run: str = "run-1", inputs: Mapping[str, Json] = NOTHING, *, key: str = ""
) -> Work[Run]:
    async def work(engine: Engine) -> Run:
        known = any(summary.run == run for summary in await engine.store.list())
        return await (goes_on(run) if known else starts(plan, run, inputs, key=key))(engine)

    return work


def dies_after(seconds: float, *runs: tuple[str, Plan]) -> Work[None]:
    async def work(engine: Engine) -> None:
        tasks = [asyncio.create_task(to_rest(engine, plan, run)) for run, plan in runs]
        await asyncio.sleep(seconds)
        for task in tasks:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise Death

    return work
