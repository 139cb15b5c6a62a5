"""Runs over several lives of their process: the real engine, a disk that forgets what was not synced, one virtual clock.

A process may die before each change of the disk (which is after the one before it), before and during each request, and
before it sees the answer. The services live on, and so do the people outside, whose orders reach the run through its
inbox. The books of the services say what really happened.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from flowdsl.engine.engine import Engine
from flowdsl.engine.listening import POLL_SECONDS
from flowdsl.engine.orders import Order
from flowdsl.engine.pinned import plan_from
from flowdsl.engine.project import Project
from flowdsl.errors import StoreError
from flowdsl.plan.address import is_below
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Event
from flowdsl.saga.progress import Progress
from flowdsl.saga.state import State, fold
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from mock_services.ledger import Effect
from tests.lives.death import Death, DyingNetwork, Fuse
from tests.lives.front import Bend, Front, How, fault
from tests.lives.simdisk import Operation, SimDisk
from tests.lives.starting import STORE, resumed, to_rest
from tests.lives.virtual import VirtualClock, run_virtually
from tests.runs import run_at

RUN = "saga-a"
KNOCKS = 100
AFTERWARDS_SECONDS = 2 * 24 * 3600.0  # for what is still on its way when all is at rest
TAKEN_BACK = frozenset({"released", "refunded"})


@dataclass(frozen=True, slots=True)
class Kept:
    """One run as the store knows it in the end."""

    plan: Plan
    facts: list[Event]
    state: State
    now: Progress


@dataclass(slots=True)
class Theatre:
    """`orders`: what people outside ask of the run, and how many seconds after the beginning."""

    plan: Plan
    inputs: Mapping[str, Json] = field(default_factory=dict)
    orders: Sequence[tuple[float, Order]] = ()
    env: Mapping[str, str | None] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    front: Front = field(default_factory=Front)
    disk: SimDisk = field(default_factory=SimDisk)
    key: str = ""
    points: list[int] = field(default_factory=list)  # of each life
    runs: dict[str, Kept] = field(default_factory=dict)
    acknowledged: dict[str, tuple[float, Order]] = field(default_factory=dict)  # by command
    deaths: list[float] = field(default_factory=list)  # when
    fuse: Fuse | None = None
    killed: bool = False  # only the process dies: what was not synced is there all the same
    gap_seconds: float = 0.0  # how long nobody drives it after a death
    alive: asyncio.Event = field(default_factory=asyncio.Event)  # there is a disk to write to

    # --- what goes wrong -----------------------------------------------------------------------------

    def fault(self, line: str, kind: str, times: int | None = 1) -> Theatre:
        """A fault of the mock services: "POST hotels/reservations", "lose_reply"."""
        fault(self.front.app, line, kind, times)
        return self

    def bend(self, line: str, how: How, times: int | None = None, skip: int = 0) -> Theatre:
        self.front.bends.append(Bend(line, how, times, skip))
        return self

    # --- lives ---------------------------------------------------------------------------------------

    def play(self, *deaths: float, first: Sequence[tuple[str, Json]] = ()) -> Theatre:
        """A life for each death, dying there, and one more that comes to rest. `first` is POSTed by somebody else before.

        A death is a point, or with a fraction so many seconds of that life.
        """
        run_virtually(self._play(deaths, first))
        return self

    async def _play(self, deaths: Sequence[float], first: Sequence[tuple[str, Json]]) -> None:
        asyncio.get_running_loop().set_exception_handler(_no_obituaries)
        await self._prepare(first)
        people = [asyncio.create_task(self._say(*each)) for each in self.orders]
        for burns_at in (*deaths, 0):
            if await self._live(burns_at):
                break
            self.deaths.append(VirtualClock().now())
            self.disk = self.disk.killed() if self.killed else self.disk.crash()
            self._begin_fuse(0)
            await asyncio.sleep(self.gap_seconds)
        await asyncio.sleep(AFTERWARDS_SECONDS)
        await self.front.settled()
        await asyncio.gather(*people)
        self.runs = await self._read()

    async def _prepare(self, first: Sequence[tuple[str, Json]]) -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=self.front)) as client:
            for url, body in first:
                assert (await client.post(url, json=body)).status_code == 201
        self.front.log.clear()

    async def _live(self, burns_at: float) -> bool:
        """Whether it came to rest."""
        fuse = self._begin_fuse(burns_at if isinstance(burns_at, int) else 0)
        clockwork = None
        if not isinstance(burns_at, int):
            clockwork = asyncio.get_running_loop().call_later(burns_at, fuse.burn)
        work = asyncio.create_task(self._work(fuse))
        died = asyncio.create_task(fuse.died.wait())
        await asyncio.wait([work, died], return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if clockwork is not None:
            clockwork.cancel()
        self.points.append(fuse.passed)
        if fuse.died.is_set():
            self.alive.clear()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            return False
        await work
        self.disk.hook = _look_away
        return True

    def _begin_fuse(self, burns_at: int) -> Fuse:
        fuse = self.fuse = Fuse(frozenset({burns_at}), self.disk)
        self.disk.hook = fuse.see
        self.alive.set()
        return fuse

    async def _work(self, fuse: Fuse) -> None:
        clock = VirtualClock()
        network = DyingNetwork(Http(httpx.ASGITransport(app=self.front)), fuse)
        store = FileStore(STORE, self.disk, offload=Inline(), wall=clock.now)
        async with Engine(store, network, self.project, clock) as engine:
            known = await store.list()
            if RUN in {summary.run for summary in known}:
                async with asyncio.TaskGroup() as group:
                    for summary in known:
                        if not summary.ended:
                            group.create_task(resumed(engine, summary.run))
            else:
                assert not self.front.log, "something was sent before the first record"
                await to_rest(engine, self.plan, RUN, self.inputs, key=self.key)

    @property
    def project(self) -> Project:
        env = {name: value for name, value in self.env.items() if value is not None}
        return Project(environment={**env, **self.secrets}, services=self.services)

    async def _say(self, seconds: float, order: Order) -> None:
        """From a process of its own, once there is a run: acknowledged when it is in the inbox."""
        await asyncio.sleep(seconds)
        for _ in range(KNOCKS):
            await self.alive.wait()
            if await self._post(order):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError("there never was a run")

    async def _post(self, order: Order) -> bool:
        assert self.fuse is not None
        if self.disk.dead:
            return False  # at this very moment
        self.fuse.outside = True
        try:
            other = FileStore(STORE, self.disk, offload=Inline(), read_only=True)
            await other.start()
            if RUN not in {summary.run for summary in await other.list()}:
                return False
            command = await other.send(RUN, order.to_json())
        except StoreError:
            return False  # it was not there before the power went
        finally:
            self.fuse.outside = False
        self.acknowledged[command] = (VirtualClock().now(), order)
        return True

    async def _read(self) -> dict[str, Kept]:
        store = FileStore(STORE, self.disk, offload=Inline(), read_only=True)
        await store.start()
        found: dict[str, Kept] = {}
        for summary in await store.list():
            facts = [recorded.event for recorded in await store.events(summary.run)]
            state = fold(State(), facts)
            assert state.created is not None
            digest = state.created.digest
            plan = self.plan
            if digest != plan.digest:
                plan = plan_from(await store.definition(digest), digest)
            found[summary.run] = Kept(plan, facts, state, run_at(plan, state).progress)
        await store.close()
        return found

    # --- what became of it ---------------------------------------------------------------------------

    @property
    def ledger(self) -> list[Effect]:
        return self.front.app.ledger.effects

    @property
    def fired(self) -> list[int]:
        faults = [fault.fired for fault in self.front.app.faults.faults]
        return faults + [bend.fired for bend in self.front.bends]

    @property
    def inbox(self) -> list[str]:
        """The commands that nobody has dropped."""
        files = [path for path in self.disk.files() if path.parent.name == "inbox"]
        return [path.name.removesuffix(".json") for path in files]

    @property
    def state(self) -> str:
        return self.runs[RUN].now.state

    @property
    def standing(self) -> Counter[tuple[str, str]]:
        """What is there in the end and was not taken back, by kind."""
        there = [e for e in self.ledger if e.standing not in TAKEN_BACK]
        return Counter((effect.kind, effect.standing) for effect in there)

    def judge(self, *, may_stick: bool = False, may_leave: bool = False) -> None:
        """What is true of every story: each fault struck, nothing happened twice, and nothing is left behind.

        `may_stick`: without a service that honours keys, a crash may leave what only a person can know; it is named, then. A call
        that a crash may have sent is not sent again, so its fault may never strike; it has to where nobody crashes.
        `may_leave`: what may fail may stand in the end; it is named, and the run is not stuck for it.
        """
        assert may_stick or all(self.fired), f"a fault never struck: {self.fired}"
        wishes = Counter(effect.wish for effect in self.ledger)
        assert max(wishes.values(), default=1) == 1, f"an effect happened twice: {wishes}"
        for run, kept in self.runs.items():
            is_stuck = may_stick and not may_leave and kept.now.state == "stuck"
            assert is_stuck or kept.state.ended == kept.now.state, f"{run}: {kept.now}"
            assert is_stuck or may_leave or not kept.now.residue, f"{run}: {kept.now.residue}"
            named = {entry.step for entry in kept.now.residue}
            left = [call for call in self.left(kept) if call not in named]
            assert not left, f"{run} left behind: {left}"

    def left(self, kept: Kept) -> list[str]:
        """The steps of which the services hold something that a run that stands so should have cleared away."""
        calls = {entry.key: call for call, entry in kept.state.calls.items()}
        end = "succeeded" if kept.state.committed else "compensated"
        if not kept.state.ended and not kept.state.committed and kept.state.turning is None:
            return []  # stuck on its way forward: what was done so far is still wanted
        held = [calls[e.key] for e in self.front.app.ledger.left_behind(end) if e.key in calls]
        return [call for call in held if not is_below(call, "on_failure")]


def _no_obituaries(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Nobody is left to ask what the tasks of a process that died came to."""
    if not isinstance(context.get("exception"), Death):
        loop.default_exception_handler(context)


def _look_away(_when: str, _operation: Operation) -> None:
    pass
