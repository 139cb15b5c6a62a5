"""The other runs of the store, as far as one run has to do with them: those with its key, and those that it starts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct

from flowdsl.engine.detached import detached_run
from flowdsl.engine.masks import Masks
from flowdsl.engine.project import Project, Start
from flowdsl.engine.turns import Turns
from flowdsl.errors import InputError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created, Detached, Failure
from flowdsl.world.clock import Clock


class StoreNeighbours(Struct, frozen=True):
    """`masks` are those of the run; `start` returns once the new run is there, by this or before."""

    turns: Turns
    clock: Clock
    project: Project
    masks: Masks
    start: Callable[[Start], Awaitable[None]]

    async def turn(self, run: str, key: str) -> None:
        await self.turns.wait(run, key)

    async def begin(self, plan: Plan, parent: Created, spawned: Detached) -> Failure | None:
        child = plan.detached[spawned.digest]
        try:
            created = detached_run(child, parent, spawned, self.clock.now())
            handed_on = self.masks.standing_in(spawned)
            secrets = {**handed_on, **self.project.secrets_for(child)}
        except InputError as error:
            message = f"the run of its own could not be started: {error}"
            return Failure(error.code, message, spawned.node)
        await self.start(Start(child, created, secrets, {}))
        return None
