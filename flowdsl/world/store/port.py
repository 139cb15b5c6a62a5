"""Where runs are kept: all that the command line and the engine know of it. Files are one way, memory is another.

Five small protocols, by noun, and `Store`, which is all of them. What was awaited is durable. InputError: asked
wrongly; StoreError: the disk, or somebody else's run. No method blocks the loop that awaits it.

`docs/design/0006-adding-a-store.md` says what one more store takes; `tests/world/test_store.py` is what it must pass.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias, runtime_checkable

from flowdsl.errors import StoreError
from flowdsl.plan.values import Json
from flowdsl.saga.events import Event
from flowdsl.world.store.summary import (
    EVERY,
    Claim,
    Closing,
    Listed,
    Ordered,
    Pruned,
    Recorded,
    RunSummary,
    StoreFinding,
    Wanted,
)

Adoptable: TypeAlias = Callable[[list[Event]], Awaitable[bool]]


async def everything(_: list[Event]) -> bool:
    return True


class Journal(Protocol):
    """The facts of the runs."""

    async def create(self, run: str, events: Sequence[Event]) -> None: ...

    async def append(self, run: str, events: Sequence[Event]) -> None:
        """All of them or none. DiskFull: none, and nothing new may start; facts about what is out still fit."""

    async def finish(self, run: str, closing: Closing | None = None) -> None:
        """After its `Ended` is durable: nothing will be appended any more. What lists shall say of it, if that is known."""

    async def events(self, run: str) -> list[Recorded]: ...

    async def follow(self, run: str, after_sequence: int) -> list[Recorded]:
        """What is new. Cheap enough to be asked many times a second."""


class Definitions(Protocol):
    """What runs are pinned to."""

    async def pin(self, digest: str, document: bytes) -> None: ...

    async def definition(self, digest: str) -> bytes: ...


class Ownership(Protocol):
    """Who may start a run, who drives it, and whose turn it is."""

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        """For ids that were not drawn by chance. InputError where it is taken for something else, unless `attach`."""

    async def unclaim(self, run: str) -> None:
        """Nothing will be started under this claim: the next one may have it."""

    async def claim_event(self, event: str, run: str) -> str:
        """The run that an event has started before; `run` where there is none, which has it from now on."""

    async def started_by(self, event: str) -> str | None:
        """The run that an event has started, or will; None where it has not been claimed."""

    async def adopt(self, run: str) -> list[Event] | None:
        """Take over a run whose driver died. None where a living process drives it, or it has ended."""

    async def adopt_all(self, wanted: Adoptable = everything) -> dict[str, list[Event]]: ...

    async def is_driven(self, run: str) -> bool:
        """Whether a living process drives it. Cheap enough to be asked many times a second."""

    async def first_in_queue(self, key: str, run: str) -> str | None:
        """Stand in line with the runs of this key, and see who is first. None: cannot be said right now, ask again."""

    async def before_in_queue(self, key: str, run: str) -> str | None:
        """The run that another one with its key waits for, for who only looks."""

    async def leave_queue(self, key: str, run: str) -> None:
        """After the run has ended; that it never stood there is no error."""


class Inbox(Protocol):
    """Orders for runs, from processes that do not drive them."""

    async def send(self, run: str, order: Json) -> str:
        """Leave an order for the process that drives the run. Its id."""

    def alone_at_the_inbox(self) -> AbstractAsyncContextManager[None]:
        """Who looks at what lies there before it sends does so here: no other such comes in between."""

    async def orders_for(self, run: str) -> Sequence[Ordered]:
        """What lies in the inbox for a run, the oldest first, whoever drives it."""

    async def take_orders(self) -> Sequence[Ordered]:
        """What came for the runs that this store drives, each once."""

    def unread(self) -> Mapping[str, StoreError]:
        """Of the runs that this store drives: why an order that lies there could not be read the last time."""

    def put_back(self, order_id: str) -> None:
        """It could not be obeyed now: it comes again."""

    async def drop_order(self, order_id: str) -> None: ...


class Register(Protocol):
    """Which runs there are."""

    async def find(self, prefix: str | None = None) -> str:
        """The run that a person means; the newest without a prefix."""

    async def list(self) -> Sequence[RunSummary]:
        """The newest first."""

    async def newest(self, most: int | None, wanted: Wanted = EVERY) -> Listed:
        """The newest of them, and how many there are besides. Its cost is that of what it shows."""

    async def unfinished(self) -> Sequence[RunSummary]:
        """Those of `list` that have not ended; however many have, they are not looked at."""

    async def moved(self) -> set[str]:
        """Runs of other processes of which there is something new since the last time this was asked."""


class Store(Journal, Definitions, Ownership, Inbox, Register, Protocol):
    @property
    def key(self) -> bytes:
        """Secret: idempotency keys and seals are made with it."""

    async def is_there(self) -> bool:
        """Whether anything was ever kept here; asked before `start`."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


@runtime_checkable
class Prunable(Protocol):
    """A store whose old runs can be thrown away."""

    async def prune(self, before: float, *, only_plan: bool = False) -> Pruned:
        """Those that ended before, in seconds since 1970, as far as nothing that is open needs them."""


@runtime_checkable
class Checkable(Protocol):
    """A store that can be looked over, also where it cannot be opened."""

    async def fsck(self, *, repair: bool = False) -> Sequence[StoreFinding]: ...

    async def exposed(self) -> Sequence[StoreFinding]:
        """Who else may write it."""
