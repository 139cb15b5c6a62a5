"""Where runs are kept. `Store` is all that the engine knows of it; `FileStore` is the folder `.flowdsl/`.

Each process appends to a journal of its own, so writers never wait for each other, and drives the runs that stand in it. What
it hears of others it reads from theirs; what it wants of them it leaves in the inbox; what they leave behind when
they die it adopts. A run that has ended is moved to a document of its own.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from flowdsl.errors import InputError, StoreError
from flowdsl.plan.values import Json
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Created, Event, Started
from flowdsl.world.adoption import Adoption
from flowdsl.world.claims import Claims
from flowdsl.world.committer import Committer
from flowdsl.world.contents import (
    Claim,
    Finding,
    Ordered,
    Recorded,
    RunSummary,
    check_run_id,
    choose,
    damaged,
    no_run,
    not_driven,
)
from flowdsl.world.disk import Disk, RealDisk, explained, read_whole, write_once
from flowdsl.world.documents import Documents
from flowdsl.world.inbox import Inbox
from flowdsl.world.index import Entry
from flowdsl.world.journal import Group, Journal, Record, read_records
from flowdsl.world.journals import Journals, Reader
from flowdsl.world.layout import Layout, open_existing, prepare
from flowdsl.world.offload import Offload, WriterThread

ROTATE_BYTES = 64 * 1024 * 1024
CLAIM_SECONDS, _POLL_SECONDS = 10.0, 0.02

Adoptable = Callable[[list[Event]], bool]
Report = bytes | Callable[[], bytes]


class Store(Protocol):
    """What was awaited is durable. InputError: asked wrongly; StoreError: the disk, or somebody else's run."""

    @property
    def key(self) -> bytes:
        """Secret: idempotency keys and seals are made with it."""

    def sign(self, text: str) -> str: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def pin(self, digest: str, document: bytes) -> None: ...

    def definition(self, digest: str) -> bytes: ...

    async def claim(self, run: str, fingerprint: str) -> Claim:
        """For ids that a person chose. InputError where it is taken for something else."""

    async def create(self, run: str, events: Sequence[Event]) -> None: ...

    async def append(self, run: str, events: Sequence[Event]) -> None:
        """All of them or none. DiskFull: none, and nothing new may start; facts about what is out still fit."""

    async def finish(self, run: str, report: Report) -> None:
        """After its `Ended` is durable. The report is a JSON object; the events are added to it."""

    async def adopt(self, run: str) -> list[Event] | None:
        """Take over a run whose driver died. None where a living process drives it, or it has ended."""

    async def adopt_all(self, wanted: Adoptable = ...) -> dict[str, list[Event]]: ...

    def epoch(self, run: str) -> int:
        """How often the run changed hands, itself included; of a run that this store drives."""

    def events(self, run: str) -> list[Recorded]: ...

    def follow(self, run: str, after_sequence: int) -> list[Recorded]:
        """What is new. Cheap enough to be asked many times a second."""

    def list(self) -> list[RunSummary]:
        """The newest first."""

    def find(self, prefix: str | None = None) -> str:
        """The run that a person means; the newest without a prefix."""

    async def send(self, run: str, command: Json) -> str:
        """Leave a command for whoever drives the run. Its id."""

    def take_commands(self) -> Iterable[Ordered]:
        """What came for the runs that this store drives, each once."""

    def drop_command(self, command_id: str) -> None: ...

    def fsck(self, *, repair: bool = False) -> list[Finding]: ...


class FileStore:
    """`read_only`: looks and asks (`list`, `events`, `send`), and makes no store where there is none."""

    def __init__(
        self,
        root: Path,
        disk: Disk | None = None,
        *,
        offload: Offload | None = None,
        wall: Callable[[], float] = time.time,
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        self._layout = Layout(root)
        self._disk = disk or RealDisk()
        self._offload = offload or WriterThread()
        self._wall = wall
        self._rotate_bytes = self._rotate_at = rotate_bytes
        self._key = b""
        self._journals = Journals(self._disk, self._layout)
        self._documents = Documents(self._disk, self._layout)
        self._claims = Claims(self._disk, self._layout)
        self._inbox = Inbox(self._disk, self._layout, wall)
        self._adoption = Adoption(
            self._disk, self._layout, self._journals, self._documents, self._offload
        )
        self._committer: Committer | None = None
        self._opening = asyncio.Lock()
        self._retiring: list[asyncio.Task[None]] = []
        self._pinned: set[str] = set()
