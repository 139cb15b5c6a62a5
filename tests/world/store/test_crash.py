"""The power goes, or the process dies, at every single operation on the disk: what was acknowledged is there."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from flowdsl.errors import InputError
from flowdsl.saga.events import Event
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.summary import Claim
from tests.lives.death import Death
from tests.lives.simdisk import Operation, SimDisk
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    created,
    events_of,
    facts,
    fingerprint,
    intent,
    run,
    sim_store,
)


@dataclass(slots=True)
class Ledger:
    """What a story asked to be kept, and what of it was acknowledged."""

    asked: dict[str, list[Event]] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    pinned: bool = False

    async def keep(
        self, name: str, events: list[Event], how: Callable[..., Awaitable[None]]
    ) -> None:
        self.asked.setdefault(name, []).extend(events)
        await how(name, events)
        self.acknowledged[name] = len(self.asked[name])


Story = Callable[[FileStore, Ledger], Awaitable[None]]


async def two_runs(store: FileStore, ledger: Ledger) -> None:
    """One run ends and gets its document, another stays open."""
    await store.start()
    await store.pin(DIGEST, DEFINITION)
    ledger.pinned = True
    await ledger.keep("one", [created("one"), intent()], store.create)
    await ledger.keep("two", [created("two")], store.create)
    await ledger.keep("one", facts(1, 2), store.append)
    await ledger.keep("two", facts(3), store.append)
    await ledger.keep("one", [ENDED], store.append)
    await store.finish("one")
    await ledger.keep("two", facts(4), store.append)
    await store.close()


async def all_done(store: FileStore, ledger: Ledger) -> None:
    """The only run ends: its journal is deleted."""
    await store.start()
    await store.pin(DIGEST, DEFINITION)
    assert await store.claim("mine", fingerprint("mine")) is Claim.MINE
    await ledger.keep("mine", [created("mine"), intent(), *facts(1), ENDED], store.create)
    await store.finish("mine")
    await store.close()


async def renewed(store: FileStore, ledger: Ledger) -> None:
    """The journal is renewed twice on the way, with a run open and one that has ended."""
    await store.start()
    await store.pin(DIGEST, DEFINITION)
    await ledger.keep("done", [created("done"), ENDED], store.create)
    await store.finish("done")
    await ledger.keep("open", [created("open")], store.create)
    for number in range(12):
        await ledger.keep("open", facts(number), store.append)
    await store.close()


def play(story: Story, disk: SimDisk) -> Ledger:
    ledger = Ledger()
    store = sim_store(disk, rotate_bytes=1500 if story is renewed else 1 << 26)

    async def played() -> None:
        with suppress(Death):
            await story(store, ledger)

    run(played())
    return ledger


def adopter(disk: SimDisk) -> Ledger:
    """The next process takes over whatever is there, and goes on."""
    ledger = Ledger()

    async def go() -> None:
        with suppress(Death):
            store = sim_store(disk)
            await store.start()
            for name, events in (await store.adopt_all()).items():
                ledger.asked[name] = list(events)
                ledger.acknowledged[name] = len(events)
                await ledger.keep(name, facts(100), store.append)
            await store.close()

    run(go())
    return ledger


def check(disk: SimDisk, ledger: Ledger) -> None:
    """Nothing acknowledged is missing, nothing is there that nobody asked for, and everything open can be gone on with."""

    async def go() -> None:
        store = sim_store(disk)
        await store.start()
        if ledger.pinned:
            assert await store.definition(DIGEST) == DEFINITION
        for name, asked in ledger.asked.items():
            least = ledger.acknowledged.get(name, 0)
            try:
                found = events_of(await store.events(name))
            except InputError:
                assert least == 0, f"{name} is gone"
                continue
            assert len(found) >= least, f"{name} lost what was acknowledged"
            assert found == asked[: len(found)]
        adopted = await store.adopt_all()
        for name, events in adopted.items():
            assert events == ledger.asked[name][: len(events)]
            assert ENDED not in events
            await store.append(name, facts(200))
            assert events_of(await store.events(name)) == [*events, *facts(200)]
        for summary in await store.list():
            assert bool(summary.ended) == (summary.run not in adopted)
        assert not [f for f in await store.fsck(repair=True) if f.kind in ("damaged", "unreadable")]
        await store.close()

    run(go())


def after(disk: SimDisk) -> list[SimDisk]:
    """Disks that the next process may find."""
    return [
        disk.crash(),
        disk.crash(names=True),
        disk.crash(keep=1 << 30),
        disk.crash(keep=1 << 30, names=True),
        disk.crash(keep=lambda unsynced: unsynced // 2, names=True),
        disk.crash(keep=lambda unsynced: max(0, unsynced - 1), names=True),
        disk.killed(),
    ]


def stop_at(number: int, moment: str) -> Callable[[str, Operation], None]:
    def hook(when: str, operation: Operation) -> None:
        if operation.number == number and when == moment:
            raise Death

    return hook


# Looking changes nothing on the disk, so a crash beside it is the crash beside the next change.
LOOKING = frozenset({"read", "status", "look", "list", "open", "lock", "close"})


def changes(story: Callable[[SimDisk], Ledger], disk: SimDisk) -> list[int]:
    story(disk)
    return [each.number for each in disk.operations if each.kind not in LOOKING]


@pytest.mark.parametrize(
    ("story", "refusal"),
    [(two_runs, None), (two_runs, errno.EBADF), (all_done, None), (renewed, None)],
)
def test_a_crash_at_every_operation_loses_nothing_that_was_acknowledged(
    story: Story, refusal: int | None
) -> None:
    """`refusal`: a file system that cannot allocate, so that the reserve is written."""
    whole = SimDisk(refusal=refusal)
    points = changes(lambda disk: play(story, disk), whole)
    if refusal is not None:  # what is refused changes nothing, and is never over
        refused = {each.number for each in whole.operations if each.kind == "allocate"}
        assert refused, "nothing was refused"
        points = [number for number in points if number not in refused]
    assert len(points) > 30
    for number in points:
        for moment in ("before", "after"):
            disk = SimDisk(hook=stop_at(number, moment), refusal=refusal)
            ledger = play(story, disk)
            assert disk.dead
            for found in after(disk):
                check(found, ledger)


def test_a_crash_at_every_operation_of_a_recovery_loses_nothing_either() -> None:
    # given a process that died with two runs open, one ended, and half a batch behind them
    first = SimDisk()
    ledger = play(two_runs, first)
    number = max(each.number for each in first.operations if each.kind == "write")
    disk = SimDisk(hook=stop_at(number, "after"))
    ledger = play(two_runs, disk)
    torn = disk.crash(keep=lambda unsynced: unsynced // 2, names=True)
    # when the process that takes over dies as well, anywhere
    for point in changes(adopter, torn.killed()):
        for moment in ("before", "after"):
            again = torn.killed()
            again.hook = stop_at(point, moment)
            more = adopter(again)
            assert again.dead
            # then a third one finds all that either had acknowledged
            for found in after(again):
                check(found, joined(ledger, more))


def joined(first: Ledger, second: Ledger) -> Ledger:
    """What the second one saw of a run goes before what the first one asked for: it may have been less."""
    acknowledged = {k: max(v, second.acknowledged.get(k, 0)) for k, v in first.acknowledged.items()}
    return Ledger({**first.asked, **second.asked}, acknowledged, first.pinned)
