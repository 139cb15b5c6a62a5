"""Several processes on one store, in one virtual time: each has an engine, and may be killed alone or with all others."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import httpx

from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Admitted, Event
from flowdsl.saga.run import Run
from flowdsl.saga.state import State, fold
from flowdsl.world.network.http import Http
from flowdsl.world.store.disk import Disk
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.memory import Memory, MemoryStore
from flowdsl.world.store.offload import Inline
from flowdsl.world.store.port import Store
from mock_services.app import create_app
from tests.lives.death import CHANGES, Death, DyingNetwork, Fuse
from tests.lives.front import Front
from tests.lives.simdisk import SimDisk
from tests.lives.starting import PROJECT, STORE, resumed, to_rest
from tests.lives.virtual import VirtualClock, at_once

LATENCY_SECONDS = 0.3


class OwnHandles:
    """The disk as one process sees it: when the process dies its locks are gone, and all others go on."""

    def __init__(self, shared: SimDisk, fuse: Fuse) -> None:
        self.shared, self.fuse = shared, fuse
        self.handles: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.shared, name)
        if not callable(method):  # a property
            return method

        def call(*words: Any, **more: Any) -> Any:
            self.fuse.check()
            if name in CHANGES:
                self.fuse.pass_point()
            result = method(*words, **more)
            if name in ("open", "create"):
                self.handles.add(result)
            elif name == "close":
                self.handles.discard(words[0])
            return result

        return call

    def die(self) -> None:
        for handle in self.handles:
            self.shared.close(handle)
        self.handles.clear()


@dataclass(slots=True)
class Process:
    office: Office
    burns_at: int = 0
    fuse: Fuse = field(init=False)
    store: Store = field(init=False)
    disk: OwnHandles | None = None
    engine: Engine | None = None
    work: asyncio.Task[None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    leaves: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.fuse = Fuse(frozenset({self.burns_at}))
        clock = VirtualClock()
        if self.office.memory is not None:
            self.store = MemoryStore(self.office.memory, wall=clock.now)
        else:
            self.disk = OwnHandles(self.office.disk, self.fuse)
            disk = cast("Disk", self.disk)
            self.store = FileStore(STORE, disk, offload=Inline(), wall=clock.now)

    async def start(self) -> Process:
        self.work = asyncio.create_task(self._work())
        await self._or_dead(self.ready.wait())
        return self

    async def _work(self) -> None:
        network = DyingNetwork(Http(httpx.ASGITransport(app=self.office.front)), self.fuse)
        async with Engine(self.store, network, PROJECT, VirtualClock()) as self.engine:
            self.ready.set()
            await self.leaves.wait()

    async def run(self, plan: Plan, run: str, key: str, **inputs: Json) -> Run | None:
        """None if the process died."""
        assert self.engine is not None
        result: Run | None = await self._or_dead(to_rest(self.engine, plan, run, inputs, key=key))
        return result

    async def resume(self, run: str, *orders: Order) -> Run | None:
        assert self.engine is not None
        result: Run | None = await self._or_dead(resumed(self.engine, run, *orders))
        return result

    async def _or_dead(self, doing: Any) -> Any:
        task = asyncio.ensure_future(doing)
        died = asyncio.create_task(self.fuse.died.wait())
        await asyncio.wait([task, died], return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if self.fuse.died.is_set():
            task.cancel()
            with suppress(asyncio.CancelledError, Death):
                await task
            self.bury()
            return None
        return await task

    def kill(self) -> None:
        self.fuse.died.set()
        self.bury()

    def bury(self) -> None:
        if self.work is not None:
            self.work.cancel()
        if self.disk is not None:
            self.disk.die()
        if isinstance(self.store, MemoryStore):
            self.store.die()

    async def leave(self) -> None:
        self.leaves.set()
        assert self.work is not None
        try:
            await self.work
        except (Death, asyncio.CancelledError):
            assert self.fuse.died.is_set()
            self.bury()


@dataclass(slots=True)
class Office:
    memory: Memory | None = None
    disk: SimDisk = field(default_factory=SimDisk)
    front: Front = field(default_factory=lambda: Front(app=create_app(LATENCY_SECONDS)))

    async def process(self, burns_at: int = 0) -> Process:
        return await Process(self, burns_at).start()

    def looking(self) -> Store:
        if self.memory is not None:
            return MemoryStore(self.memory)
        return FileStore(STORE, self.disk, offload=Inline(), read_only=True)

    async def say(self, run: str, order: Order) -> None:
        await self.looking().send(run, order.to_json())

    def facts(self, run: str) -> list[Event]:
        return [recorded.event for recorded in at_once(self.looking().events(run))]

    def runs(self) -> list[str]:
        return sorted(summary.run for summary in at_once(self.looking().list()))

    def state(self, run: str) -> State:
        return fold(State(), self.facts(run))

    def admitted(self, run: str) -> float | None:
        return next((fact.at for fact in self.facts(run) if isinstance(fact, Admitted)), None)
