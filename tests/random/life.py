"""A run of a random workflow through the real loop: faults, crashes and signals by chance, time that jumps; and its judgement."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from flowdsl.engine.loop import Drive
from flowdsl.engine.masks import Masks
from flowdsl.engine.orders import Order, to_event
from flowdsl.engine.ports import Ports
from flowdsl.engine.sign import RunSigner
from flowdsl.errors import InputError
from flowdsl.plan.address import ON_FAILURE, is_below, step_of
from flowdsl.plan.nodes import Call, ForEach, NothingToUndo, Plan
from flowdsl.saga.advance import Turn
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Created, Event, Resumed
from flowdsl.saga.progress import Progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State, fold
from tests.lives.death import Death, DyingNetwork, Fuse
from tests.lives.virtual import EPOCH, VirtualClock, run_virtually
from tests.random.world import Deed, World
from tests.runs import run_at

LIVES_MAX = 6
AFTERWARDS_SECONDS = 3600.0  # for what is still on its way


@dataclass(slots=True)
class Life:
    """`dies`: the points, counted over all lives, at which a driver dies. `told`: the last that was shown of it."""

    plan: Plan
    world: World
    dies: frozenset[int] = frozenset()
    cancels_at: float | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    told: Turn | None = None
    facts: list[Event] = field(default_factory=list)
    fuse: Fuse = field(init=False)
    signals: int = 0

    def __post_init__(self) -> None:
        self.fuse = Fuse(self.dies)

    def play(self) -> None:
        run_virtually(self._play())

    async def _play(self) -> None:
        for _ in range(LIVES_MAX):
            if await self._live():
                break
        await asyncio.sleep(AFTERWARDS_SECONDS)
        await asyncio.gather(*self.world.late)

    async def _keep(self, events: Sequence[Event]) -> None:
        self.fuse.pass_point()
        await asyncio.sleep(0)
        self.facts += [decode(encode(event)) for event in events]
        self.fuse.pass_point()

    async def _live(self) -> bool:
        """Whether it came to rest."""
        self.fuse.begin()
        ports = Ports(
            DyingNetwork(self.world, self.fuse, self.world.late),
            VirtualClock(),
            RunSigner(b"key", "run", self.secrets),
            self.secrets,
            self._watch,
            masks=Masks(self.secrets, b"key"),
        )
        drive = Drive(Run.new(self.plan), self._keep, ports)
        first: list[Event] = [self._created()]
        if self.facts:
            first = [Resumed(self.state.epoch + 1, VirtualClock().now())]
        telling = asyncio.create_task(self._tell(drive))
        try:
            await drive.go(list(self.facts), first)
        except Death:
            return False
        else:
            return True
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    def _watch(self, turn: Turn) -> None:
        self.told = turn

    def _created(self) -> Created:
        key = "the key" if self.plan.key is not None else ""
        return Created("run", self.plan.name, self.plan.digest, EPOCH, {}, {}, {}, "", key)

    async def _tell(self, drive: Drive) -> None:
        """Somebody answers the waits, at any time, more often than needed, and not always with a yes; or cancels."""
        chance = random.Random(f"{self.world.seed} signals")
        while True:
            await asyncio.sleep(chance.random() * 12)
            if not drive.run.state.created:
                continue
            orders = [
                Order("signal", step=name, body={"ok": chance.random() < 0.8})
                for name in ("yes", "go")
            ]
            if self.cancels_at is not None and asyncio.get_running_loop().time() > self.cancels_at:
                orders.append(Order("cancel"))
            for order in orders:
                self.signals += 1
                named = Order(**{**order.to_json(), "id": f"{self.signals}"})  # type: ignore[arg-type]
                with suppress(InputError):
                    drive.tell(*to_event(drive.run, named, VirtualClock().now()))

    # --- what became of it ---------------------------------------------------------------------------

    @property
    def state(self) -> State:
        return fold(State(), self.facts)

    @property
    def true_state(self) -> State:
        """With the values that the run worked with."""
        opened, lost = Masks(self.secrets, b"key").open(self.facts)
        return fold(State(lost=lost), opened)

    def problems(self) -> list[str]:
        """Every promise that was broken."""
        state = self.state
        run = run_at(self.plan, state)
        plan, now = run.plan, run.progress
        found = list(self.world.complaints)
        if not now.at_rest:
            return [*found, f"not at rest: {now.commands}"]
        by_key = {entry.key: step for step, entry in state.calls.items() if step == step_of(step)}
        named = {entry.step for entry in now.residue}
        for deed in self.world.deeds.values():
            step = by_key.get(deed.key)
            if step is None:
                found.append(f"nobody knows of {deed}")
            else:
                found += _judge(plan, state, now, step, deed, step in named)
        return found + _wrong_winners(plan, state, now, self.world)


def _judge(
    plan: Plan, state: State, now: Progress, step: str, deed: Deed, is_named: bool
) -> list[str]:
    found = []
    node = plan.nodes[step]
    assert isinstance(node, Call)
    if deed.count > 1:
        found.append(f"{step} took effect {deed.count} times")
    if deed.confirmed > 1:
        found.append(f"{step} was confirmed {deed.confirmed} times")
    if deed.confirmed and not state.committed:
        found.append(f"{step} was confirmed without commit")
    free = isinstance(node.compensation, NothingToUndo) or is_below(step, ON_FAILURE)
    if not deed.held or free or is_named:
        return found
    stand = now.stands[step].state if step in now.stands else "nowhere"
    if now.state in ("compensated", "cancelled"):
        found.append(f"{now.state}, and {step} is left behind ({stand})")
    elif now.state == "succeeded" and stand not in ("ok", "kept"):
        found.append(f"succeeded, and {step} is left behind ({stand})")
    elif now.state == "stuck" and state.turning is not None:
        found.append(f"stuck, and {step} is left behind unnamed ({stand})")
    if now.state == "succeeded" and node.confirm is not None and not deed.confirmed:
        found.append(f"succeeded, and {step} was not confirmed")
    return found


def _wrong_winners(plan: Plan, state: State, now: Progress, world: World) -> list[str]:
    """Of a `first_success` or `quorum` exactly so many stand as were to win."""
    if now.state != "succeeded":
        return []
    by_step = {
        step_of(step): world.deeds.get(entry.key)
        for step, entry in state.calls.items()
        if step == step_of(step)
    }
    named = {entry.step for entry in now.residue}
    found = []
    for each in plan.nodes.values():
        winners = state.chosen.get(each.address)
        if not isinstance(each, ForEach) or winners is None or each.mirrors is not None:
            continue
        for position, item in enumerate(each.branches or ()):
            held = [
                step
                for step, deed in by_step.items()
                if deed is not None
                and deed.held
                and is_below(step, item.address)
                and step not in named
            ]
            kept = [s for s in held if not isinstance(_call(plan, s).compensation, NothingToUndo)]
            if position not in winners and kept:
                found.append(f"{kept} lost, and stands")
        if len(winners) != each.quorum:
            found.append(f"{each.address} has {len(winners)} winners")
    return found


def _call(plan: Plan, step: str) -> Call:
    node = plan.nodes[step]
    assert isinstance(node, Call)
    return node
