"""Ids that a person chose: the first to claim one has it, and says for which file and inputs.

A claim is synced before the first record of its run. It is locked until then, so a claim whose maker died without having
started anything can be told from one that is about to start, and is taken over.

Once the run is there its first record says the same as the claim, and is believed where the two differ: a claim that was
damaged or lost starts nothing twice, and turns away nobody who asks for the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from flowdsl.plan.json import to_bytes
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created
from flowdsl.world.store.disk import ASIDE, Disk, read_whole, write_all
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

RUN = "run "  # what the claim of an event says, where a person chose the id of its run


@dataclass(frozen=True, slots=True)
class KnownRuns:
    """What is known of the runs. `may_hide`: lines were lost, and a run in them is found nowhere."""

    exists: Callable[[str], Awaitable[bool]]
    created: Callable[[str], Awaitable[Created | None]]
    may_hide: Callable[[], bool]


@dataclass(slots=True)
class Claims:
    disk: Disk
    layout: StoreLayout
    offload: Offload
    known: KnownRuns
    _held: dict[str, int] = field(default_factory=dict)  # run → the locked handle of its claim

    async def claim(self, run: str, fingerprint: str, *, attach: bool = False) -> Claim:
        """`attach`: the id alone says which run is meant, whatever it was started from."""
        for _ in range(int(HELD_SECONDS / LOOK_SECONDS)):
            made = await self.offload(partial(self.make, run, fingerprint))
            said = self.fingerprint(run)
            if (created := await self.known.created(run)) is not None:
                if attach and made:  # it was lost
                    self.rewrite(run, fingerprint_of(created))
                self.release(run)
                if attach:
                    return Claim.TAKEN
                return self._compare(created, fingerprint, said, anew=made)
            if made:
                return Claim.MINE
            if self.lock(run):
                if await self.known.exists(
                    run
                ):  # it was started and ended, or died, since we looked
                    self.release(run)
                    continue
                self._take_over(run, fingerprint)
                return Claim.MINE
            if said not in (fingerprint, None) and not attach:
                raise taken(run)
            await asyncio.sleep(LOOK_SECONDS)
        raise held(f"about to start {run}")

    def started_by(self, event: str) -> str | None:
        """The run that an event has started, or will; None where it has not been claimed. `event` is the id of its run
        where nobody chose another one.
        """
        said = self.fingerprint(event)
        if said is None or not said.startswith(RUN):
            return None if said is None else event
        run = said.removeprefix(RUN)
        if RUN_ID.fullmatch(run) is None:
            raise damaged(event, str(self.layout.claims / event))
        return run

    async def claim_event(self, event: str, run: str) -> str:
        """The run that the event has started before; `run` where there is none, which has it from now on."""
        if await self.offload(partial(self.make, event, f"{RUN}{run}")):
            self.release(event)
            return run
        started = self.started_by(event)
        if started == event and self.lock(event):
            if not await self.known.exists(event):  # whoever was about to start it died
                self._take_over(event, f"{RUN}{run}")
                started = run
            self.release(event)
        return started or run

    def _compare(
        self, created: Created, fingerprint: str, said: str | None, *, anew: bool
    ) -> Claim:
        """`anew`: the claim was lost, or never needed; we have just made one for a run that is there."""
        if said == fingerprint and not anew:
            return Claim.TAKEN
        if fingerprint_of(created) != fingerprint:
            if anew:
                self.disk.unlink(self.layout.claims / created.run)
            raise taken(created.run)
        return Claim.TAKEN

    def _take_over(self, run: str, fingerprint: str) -> None:
        if self.known.may_hide():
            self.release(run)
            raise hidden(run)
        self.rewrite(run, fingerprint)

    def make(self, run: str, fingerprint: str) -> bool:
        """False where there is one."""
        path = self.layout.claims / run
        if self.disk.look(path) is not None:
            return False
        aside = path.with_name(f"{ASIDE}{run}.{secrets.token_hex(4)}")
        handle = self.disk.create(aside)
        try:
            assert self.disk.lock(handle), "a file that nobody knew of was locked"
            write_all(self.disk, handle, fingerprint.encode())
            self.disk.sync(handle)
            self.disk.link(aside, path)
            self.disk.sync_folder(self.layout.claims)
        except FileExistsError:
            self.disk.close(handle)
            return False
        except OSError:
            self.disk.close(handle)
            raise
        finally:
            with suppress(OSError):
                self.disk.unlink(aside)
        self._held[run] = handle
        return True

    def fingerprint(self, run: str) -> str | None:
        try:
            return read_whole(self.disk, self.layout.claims / run).decode(errors="replace")
        except FileNotFoundError:
            return None

    def lock(self, run: str) -> bool:
        """Of a maker that died, before or after it started the run: the caller looks after this."""
        handle = self.disk.open(self.layout.claims / run, append=True)
        if not self.disk.lock(handle):
            self.disk.close(handle)
            return False
        self._held[run] = handle
        return True

    def rewrite(self, run: str, fingerprint: str) -> None:
        """Nothing was ever started under this claim, so it may be for something else now."""
        handle = self._held[run]
        self.disk.truncate(handle, 0)
        write_all(self.disk, handle, fingerprint.encode())
        self.disk.sync(handle)

    def release(self, run: str) -> None:
        """The run's first record is durable, or will never be."""
        handle = self._held.pop(run, None)
        if handle is not None:
            self.disk.close(handle)

    def release_all(self) -> None:
        for run in list(self._held):
            self.release(run)


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
