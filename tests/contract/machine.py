"""Runs on a simulated disk, over the lives of processes that share it; power goes at any point. The real engine and its file store."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

import httpx

from flowdsl.engine.engine import Engine
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created
from flowdsl.saga.run import Run
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from tests.contract.front import Front
from tests.contract.tally import TALLY
from tests.engine.dying import DyingNetwork
from tests.engine.theatre import Fuse
from tests.simdisk import Crash, SimDisk
from tests.starting import PROJECT, resumed, to_rest
from tests.virtual import VirtualClock, run_virtually

T = TypeVar("T")
Work: TypeAlias = Callable[[Engine], Coroutine[object, object, T]]

STORE = Path("/store")


@dataclass(slots=True)
class Machine:
    """One disk and one set of services. `cut_at`: where the power goes in the life of a `cut`."""

    cut_at: int = 0
    front: Front = field(default_factory=Front)
    disk: SimDisk = field(default_factory=SimDisk)
    fuse: Fuse = field(init=False)  # of the life that is lived: of all its processes
    points: int = 0  # of the life that was cut, or might have been
    cuts: int = 0

    def life(
        self,
        work: Work[T],
        burns_at: int = 0,
        torn: Callable[[int], int] = lambda _: 0,
    ) -> T | None:
        """None if it died. `torn`: of so many unsynced bytes, how many are on the disk all the same."""
        self.fuse = Fuse(self.disk, burns_at)
        self.disk.hook = self.fuse.see
        try:
            done = run_virtually(self._life(work))
        except Crash:
            self.disk = self.disk.crash(torn)
            return None
        self.disk = self.disk.killed()
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
            self.fuse.burns_at = 0
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
        TALLY.struck += sum(bend.fired for bend in self.front.bends)


def cut_everywhere(play: Callable[[Machine], None], stride: int = 1) -> None:
    """`play` is the whole story and its claims, with one life that is `cut`: once without, then at every point of it."""
    whole = Machine()
    play(whole)
    whole.judge()
    for point in range(1, whole.points + 1, 1 if TALLY.full else stride):
        machine = Machine(point)
        play(machine)
        machine.judge()
        assert machine.cuts == 1
        TALLY.crashes += 1
    assert TALLY.crashes > 3


def starts(plan: Plan, run: str = "run-1", key: str = "") -> Work[Run]:
    return lambda engine: to_rest(engine, plan, run, key=key)


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


def begins_or_goes_on(plan: Plan, run: str = "run-1", key: str = "") -> Work[Run]:
    async def work(engine: Engine) -> Run:
        known = any(summary.run == run for summary in await engine.store.list())
        return await (goes_on(run) if known else starts(plan, run, key))(engine)

    return work


def dies_after(seconds: float, *runs: tuple[str, Plan]) -> Work[None]:
    async def work(engine: Engine) -> None:
        tasks = [asyncio.create_task(to_rest(engine, plan, run)) for run, plan in runs]
        await asyncio.sleep(seconds)
        for task in tasks:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise Crash

    return work
