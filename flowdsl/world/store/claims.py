"""Ids that a person chose: the first to claim one has it, and says for which file and inputs.

A claim is a symlink whose target is the fingerprint: exclusive, atomic, and inside its inode, so that one sync of the folder
makes any number of them durable. Where there are no symlinks, in older stores, and for events it is a file.

A claim is synced before the first record of its run. Until that is durable a place in `store.json` is locked for it, so a claim
whose maker died without having started anything can be told from one that is about to start, and is taken over.

Once the run is there its first record says the same as the claim, and is believed where the two differ: a claim that was
damaged or lost starts nothing twice, and turns away nobody who asks for the same.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from msgspec import Struct

from flowdsl.plan.json import to_bytes
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created
from flowdsl.world.store.disk import ASIDE, Disk, read_whole, write_new, write_once
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.line import RUN_ID
from flowdsl.world.store.offload import Offload
from flowdsl.world.store.summary import (
    HELD_SECONDS,
    LOOK_SECONDS,
    Claim,
    damaged,
    held,
    hidden,
    taken,
)
from flowdsl.world.store.together import Together

RUN = "run "  # what the claim of an event says, where a person chose the id of its run
TARGET_CHARACTERS = 56  # of a fingerprint: ext4 keeps up to 59 in the inode
_NO_SYMLINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})


class KnownRuns(Struct, frozen=True):
    """What is known of the runs. `may_hide`: lines were lost, and a run in them is found nowhere."""

    exists: Callable[[str], Awaitable[bool]]
    surely_exists: Callable[[str], Awaitable[bool]]  # by all that is on the disk
    created: Callable[[str], Awaitable[Created]]
    may_hide: Callable[[], bool]


class Grip(Struct, frozen=True):
    """What came of reaching for a claim. `ours`: nobody else can start the run now. `made`: there was no claim."""

    ours: bool
    made: bool = False
    said: str | None = None


@dataclass(slots=True)
class Claims:
    """Its thread is one of its own: claims wait for no list, and no fact waits for them."""

    disk: Disk
    layout: StoreLayout
    offload: Offload
    known: KnownRuns
    _held: set[str] = field(default_factory=set)
    _ground: int = -1  # the handle whose places are locked
    _reach: Together[tuple[str, str], Grip] = field(init=False)

    def __post_init__(self) -> None:
        self._reach = Together(self.offload, self._reach_for)

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        """`attach`: the id alone says which run is meant, whatever it was started from."""
        for _ in range(int(HELD_SECONDS / LOOK_SECONDS)):
            grip = await self._gripped(run, fingerprint)
            try:
                claim = await self._settled(run, fingerprint, grip, attach=attach)
            except BaseException:
                self._let_go(run, grip)
                raise
            if claim is not Claim.MINE:
                self._let_go(run, grip)
            if claim is not None:
                return claim
            await asyncio.sleep(LOOK_SECONDS)
        raise held(f"about to start {run}")

    async def _settled(
        self, run: str, fingerprint: str, grip: Grip, *, attach: bool
    ) -> Claim | None:
        """None while somebody else is about to start it."""
        if await self.known.exists(run):
            created = await self.known.created(run)
            if attach:
                if grip.made:  # it was lost
                    await self.offload(partial(self._rewrite, run, fingerprint_of(created)))
                return Claim.TAKEN
            if not grip.made and grip.said is not None and _same(grip.said, fingerprint):
                return Claim.TAKEN
            if not _same(fingerprint_of(created), fingerprint):
                if grip.made:  # it was lost, or never needed
                    await self.offload(partial(self.disk.unlink, self.layout.claims / run))
                raise taken(run)
            return Claim.TAKEN
        if grip.made:
            return Claim.MINE
        if grip.ours:  # its maker died
            if self.known.may_hide():
                raise hidden(run)
            if await self.known.surely_exists(run):
                return None  # known as well by the next look
            if grip.said is None or not _same(grip.said, fingerprint):
                await self.offload(partial(self._rewrite, run, fingerprint))
            return Claim.MINE
        if grip.said is not None and not _same(grip.said, fingerprint) and not attach:
            raise taken(run)
        return None

    async def _gripped(self, run: str, fingerprint: str) -> Grip:
        reaching = self._reach.ask((run, fingerprint))
        try:
            return await asyncio.shield(reaching)
        except asyncio.CancelledError:
            reaching.add_done_callback(
                lambda done: (
                    None
                    if done.cancelled() or done.exception()
                    else self._let_go(run, done.result())
                )
            )
            raise

    def _let_go(self, run: str, grip: Grip) -> None:
        if grip.ours:
            self.release(run)

    def started_by(self, event: str) -> str | None:
        """The run that an event has started, or will; None where it has not been claimed. `event` is the id of its run
        where nobody chose another one.
        """
        said = self.said(event)
        if said is None or not said.startswith(RUN):
            return None if said is None else event
        run = said.removeprefix(RUN)
        if RUN_ID.fullmatch(run) is None:
            raise damaged(event, str(self.layout.claims / event))
        return run

    async def claim_event(self, event: str, run: str) -> str:
        """The run that the event has started before; `run` where there is none, which has it from now on."""
        path, text = self.layout.claims / event, f"{RUN}{run}".encode()
        for _ in range(int(HELD_SECONDS / LOOK_SECONDS)):
            ours = await self.offload(partial(self._lock, event))
            try:
                started = await self.offload(partial(self.started_by, event))
                if ours and started is None:
                    await self.offload(partial(write_once, self.disk, path, text))
                    return run
                if ours and started == event and not await self.known.exists(event):
                    if self.known.may_hide():
                        raise hidden(event)
                    if await self.known.surely_exists(event):
                        return started
                    await self.offload(partial(write_new, self.disk, path, text))
                    return run  # the process that was about to start it died
            finally:
                self._let_go(event, Grip(ours))
            if started is not None:
                return started
            await asyncio.sleep(LOOK_SECONDS)
        raise held(f"about to start {event}")

    # --- in the thread -------------------------------------------------------------------------------

    def _reach_for(self, wanted: Sequence[tuple[str, str]]) -> list[Grip | OSError]:
        """Lock first: the holder of a claim's lock may make it, or take it over. One sync for all."""
        grips: list[Grip | OSError] = []
        folder = self.layout.claims
        for run, fingerprint in wanted:
            try:
                grips.append(self._reach_for_one(run, folder / run, fingerprint))
            except OSError as error:
                grips.append(error)
        made = [n for n, grip in enumerate(grips) if isinstance(grip, Grip) and grip.made]
        if made:
            try:
                self.disk.sync_folder(self.layout.claims)
            except OSError as error:
                for n in made:
                    with suppress(OSError):
                        self.disk.unlink(self.layout.claims / wanted[n][0])
                    self.release(wanted[n][0])
                    grips[n] = error
        return grips

    def _reach_for_one(self, run: str, path: Path, fingerprint: str) -> Grip:
        if not self._lock(run):
            return Grip(ours=False, said=self.said(run))
        try:
            if write_claim(self.disk, path, fingerprint):
                return Grip(ours=True, made=True)
            said = self.said(run)
            if self._is_locked_file(path):
                self.release(run)
                return Grip(ours=False, said=said)
        except BaseException:
            self.release(run)
            raise
        return Grip(ours=True, said=said)

    def _lock(self, run: str) -> bool:
        if run in self._held:
            return False
        if self._ground < 0:
            self._ground = self.disk.open(self.layout.about, append=True)
        if not self.disk.lock_place(self._ground, _place(run)):
            return False
        self._held.add(run)
        return True

    def _is_locked_file(self, path: Path) -> bool:
        """By an older flowdsl, which is about to start the run."""
        if self.disk.read_link(path) is not None:
            return False
        handle = self.disk.open(path, append=True)
        try:
            return not self.disk.lock(handle)
        finally:
            self.disk.close(handle)

    def said(self, run: str) -> str | None:
        return said_at(self.disk, self.layout.claims / run)

    def _rewrite(self, run: str, fingerprint: str) -> None:
        """Nothing was ever started under this claim, so it may be for something else now."""
        path = self.layout.claims / run
        aside = path.with_name(f"{ASIDE}{run}.{secrets.token_hex(4)}")
        write_claim(self.disk, aside, fingerprint)
        self.disk.rename(aside, path)
        self.disk.sync_folder(path.parent)

    def holds(self, run: str) -> bool:
        """Whether this process is about to start it."""
        return run in self._held

    def release(self, run: str) -> None:
        """The run's first record is durable, or will never be. Unlocked first: until it is not held, nobody here locks it."""
        if run in self._held:
            self.disk.unlock_place(self._ground, _place(run))
            self._held.discard(run)

    def close(self) -> None:
        self._held.clear()
        if self._ground >= 0:
            self.disk.close(self._ground)
            self._ground = -1


def write_claim(disk: Disk, path: Path, fingerprint: str) -> bool:
    """False where there is one. It is durable once its folder is synced."""
    try:
        disk.symlink(fingerprint[:TARGET_CHARACTERS], path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_SYMLINKS:
            raise
        return write_once(disk, path, fingerprint.encode())
    return True


def said_at(disk: Disk, path: Path) -> str | None:
    """What a claim says; None where there is none."""
    try:
        target = disk.read_link(path)
        return target if target is not None else read_whole(disk, path).decode(errors="replace")
    except FileNotFoundError:
        return None


def _same(one: str, other: str) -> bool:
    return one[:TARGET_CHARACTERS] == other[:TARGET_CHARACTERS]


def _place(run: str) -> int:
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:8]) >> 2


def fingerprint(digest: str, inputs: Mapping[str, Json]) -> str:
    """Of the file and the inputs: what must be the same for an id to mean the same run."""
    return hashlib.sha256(to_bytes([digest, _sorted(dict(inputs))])).hexdigest()


def _sorted(value: Json) -> Json:
    match value:
        case dict():
            return {name: _sorted(value[name]) for name in sorted(value)}
        case list():
            return [_sorted(item) for item in value]
        case _:
            return value


def fingerprint_of(created: Created) -> str:
    """It is kept with a run whose inputs are kept masked: from those it would come out as another."""
    return created.claim or fingerprint(created.digest, created.inputs)
