"""What the loops of this package act through: the services, the clock, the other runs, and what hides a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Protocol

from msgspec import Struct, field

from flowdsl.engine.contracts import AnswerContracts
from flowdsl.engine.masks import Masks
from flowdsl.plan.nodes import Plan, Service
from flowdsl.plan.request import Request
from flowdsl.saga.advance import Signer, Turn
from flowdsl.saga.events import Created, Detached, Event, Failure
from flowdsl.saga.observation import Observation
from flowdsl.world.clock import Clock


class Network(Protocol):
    """The port to the services; see `world.http`."""

    async def send(
        self,
        request: Request,
        *,
        secrets: Mapping[str, str],
        timeout_seconds: float,
        fresh: bool,
    ) -> Observation: ...


class Keeper(Protocol):
    """Keeps facts: they are durable when it returns."""

    async def __call__(self, events: Sequence[Event], /) -> None: ...


class Neighbours(Protocol):
    """The other runs of the store, as far as one run has to do with them."""

    async def turn(self, run: str, key: str) -> None:
        """Returns once it is this run's turn among those with its key."""

    async def begin(self, plan: Plan, parent: Created, spawned: Detached) -> Failure | None:
        """The detached run is there, durably, when this returns; or the reason why it cannot be."""


class Alone:
    """No other runs: for exploration and for tests of one."""

    async def turn(self, run: str, key: str) -> None:
        pass

    async def begin(self, plan: Plan, parent: Created, spawned: Detached) -> Failure | None:  # noqa: ARG002
        return None


class Limits(Protocol):
    """How many requests of a service may be in flight at once."""

    def place(self, service: Service, url: str) -> AbstractAsyncContextManager[object]: ...


class Unlimited:
    def place(self, service: Service, url: str) -> AbstractAsyncContextManager[object]:  # noqa: ARG002
        return nullcontext()


class Ports(Struct, frozen=True):
    """What a drive acts through."""

    network: Network
    clock: Clock
    signer: Signer
    secrets: Mapping[str, str]
    watch: Callable[[Turn], None] = lambda _: None  # of what is durable; no secret stands in it
    neighbours: Neighbours = field(default_factory=Alone)
    limits: Limits = field(default_factory=Unlimited)
    contracts: AnswerContracts = field(default_factory=AnswerContracts)
    masks: Masks = field(default_factory=Masks)
