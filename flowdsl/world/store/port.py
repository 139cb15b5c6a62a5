"""Where runs are kept: all that the engine knows of it. Files are one way, memory is another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from flowdsl.errors import StoreError
from flowdsl.plan.values import Json
from flowdsl.saga.events import Event
from flowdsl.world.store.summary import Claim, Ordered, Recorded, RunSummary, StoreFinding

Adoptable: TypeAlias = Callable[[list[Event]], bool]
Report: TypeAlias = bytes | Callable[[], bytes]  # made only when it is needed


class Store(Protocol):
    """What was awaited is durable. InputError: asked wrongly; StoreError: the disk, or somebody else's run."""

    @property
    def key(self) -> bytes:
        """Secret: idempotency keys and seals are made with it."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def pin(self, digest: str, document: bytes) -> None: ...

    def definition(self, digest: str) -> bytes: ...

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        """For ids that were not drawn by chance. InputError where it is taken for something else, unless `attach`."""

    async def create(self, run: str, events: Sequence[Event]) -> None: ...

    async def append(self, run: str, events: Sequence[Event]) -> None:
        """All of them or none. DiskFull: none, and nothing new may start; facts about what is out still fit."""

    async def finish(self, run: str, report: Report) -> None:
        """After its `Ended` is durable. The report is a JSON object; the events are added to it."""

    async def first_in_queue(self, key: str, run: str) -> str | None:
        """Stand in line with the runs of this key, and see who is first. None: cannot be said right now, ask again."""

    async def leave_queue(self, key: str, run: str) -> None:
        """After the run has ended; that it never stood there is no error."""

    async def adopt(self, run: str) -> list[Event] | None:
        """Take over a run whose driver died. None where a living process drives it, or it has ended."""

    async def adopt_all(self, wanted: Adoptable = ...) -> dict[str, list[Event]]: ...

    def epoch(self, run: str) -> int:
        """How often the run changed hands, itself included; of a run that this store drives."""

    def events(self, run: str) -> list[Recorded]: ...

    def follow(self, run: str, after_sequence: int) -> list[Recorded]:
        """What is new. Cheap enough to be asked many times a second."""

    def find(self, prefix: str | None = None) -> str:
        """The run that a person means; the newest without a prefix."""

    async def send(self, run: str, command: Json) -> str:
        """Leave a command for whoever drives the run. Its id."""

    def take_commands(self) -> Iterable[Ordered]:
        """What came for the runs that this store drives, each once."""

    def unread(self) -> Mapping[str, StoreError]:
        """Of the runs that this store drives: why an order that lies there could not be read the last time."""

    def put_back(self, command_id: str) -> None:
        """It could not be obeyed now: it comes again."""

    def drop_command(self, command_id: str) -> None: ...

    def fsck(self, *, repair: bool = False) -> list[StoreFinding]: ...

    def unfinished(self) -> Sequence[RunSummary]:
        """Those of `list` that have not ended; however many have, they are not looked at."""

    def is_driven(self, run: str) -> bool:
        """Whether a living process drives it. Cheap enough to be asked many times a second."""

    def list(self) -> list[RunSummary]:
        """The newest first."""
