"""A power cut at every operation of a store, on three characters of disk: every state recovers to what was acknowledged."""

from __future__ import annotations

import errno
from collections.abc import Callable, Coroutine
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from flowdsl.errors import DiskFull
from flowdsl.world.store.claims import TARGET_CHARACTERS
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.summary import Claim
from tests.counts import count
from tests.disk.characters import CHARACTERS, LoggedDisk, Moment
from tests.lives.simdisk import Operation, SimDisk
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    ROOT,
    created,
    facts,
    fingerprint,
    intent,
    journals,
    run,
    sim_store,
)
from tests.world.store.test_crash import LOOKING, Ledger, all_done, check, two_runs


@dataclass(slots=True)
class Log(Ledger):
    """And what else was acknowledged: commands in the inbox, claims."""

    sent: set[str] = field(default_factory=set)
    claimed: dict[str, str] = field(default_factory=dict)


Session = Callable[[LoggedDisk, Log], Coroutine[Any, Any, None]]


async def pinned(store: FileStore, log: Log) -> None:
    await store.start()
    await store.pin(DIGEST, DEFINITION)
    log.pinned = True


async def ends_and_stays(disk: LoggedDisk, log: Log) -> None:
    await two_runs(sim_store(disk), log)


async def all_ends(disk: LoggedDisk, log: Log) -> None:
    await all_done(sim_store(disk), log)


async def renews(disk: LoggedDisk, log: Log) -> None:
    store = sim_store(disk, rotate_bytes=1500)
    await pinned(store, log)
    await log.keep("done", [created("done"), ENDED], store.create)
    await store.finish("done")
    await log.keep("open", [created("open")], store.create)
    for number in range(9):
        await log.keep("open", facts(number), store.append)
    await store.close()


async def claims_and_orders(disk: LoggedDisk, log: Log) -> None:
    store, other = sim_store(disk), sim_store(disk)
    await pinned(store, log)
    await other.start()
    assert await store.claim("mine", fingerprint("mine")) is Claim.MINE
    log.claimed["mine"] = fingerprint("mine")
    await log.keep("mine", [created("mine"), intent()], store.create)
    assert await other.claim("mine", fingerprint("mine")) is Claim.TAKEN
    for kind in ("pause", "cancel"):
        log.sent.add(await other.send("mine", {"kind": kind}))
    for ordered in await store.take_orders():
        await log.keep("mine", facts(1), store.append)
        log.sent.discard(ordered.order_id)
        await store.drop_order(ordered.order_id)
    await store.close()
    await other.close()


async def takes_over_a_torn_journal(disk: LoggedDisk, log: Log) -> None:
    store = sim_store(disk)
    await pinned(store, log)
    await log.keep("a", [created("a"), intent()], store.create)
    await log.keep("b", [created("b"), ENDED], store.create)
    await store.close()
    (journal,) = journals(disk)
    handle = disk.open(journal, append=True)
    disk.write(handle, b'{"h":"0123456789abcdef')
    disk.sync(handle)
    disk.close(handle)
    following = sim_store(disk)
    await following.start()
    assert set(await following.adopt_all()) == {"a"}
    await log.keep("a", facts(5), following.append)
    await following.close()


async def repairs(disk: LoggedDisk, log: Log) -> None:
    await takes_over_a_torn_journal(disk, log)
    for name, text in (("archive/.new-x", b"half"), ("journals/gone.reserve", b"")):
        handle = disk.create(ROOT / name)
        disk.write(handle, text) if text else None
        disk.close(handle)
    handle = disk.create(ROOT / "inbox/b.00.json")
    disk.close(handle)
    store = sim_store(disk)
    await store.start()
    assert len([f for f in await store.fsck(repair=True) if f.repairable]) == 3
    await store.close()


async def writes_its_reserve(disk: LoggedDisk, log: Log) -> None:
    """On a file system that cannot allocate; full at once, and with room again."""
    disk.refusal = errno.EOPNOTSUPP
    await runs_full(disk, log)
    assert disk.count("write") > disk.count("allocate") > 0


async def runs_full(disk: LoggedDisk, log: Log) -> None:
    store = sim_store(disk)
    await pinned(store, log)
    await log.keep("a", [created("a"), intent()], store.create)
    disk.write_limit = 70
    disk.fail("write", 3, errno.ENOSPC)
    with suppress(DiskFull):
        await store.append("a", [intent(2)])
    disk.write_limit = None
    await log.keep("a", facts(1), store.append)
    await store.close()


SESSIONS: tuple[Session, ...] = (
    ends_and_stays,
    all_ends,
    renews,
    claims_and_orders,
    takes_over_a_torn_journal,
    repairs,
    runs_full,
    writes_its_reserve,
)


def moments(session: Session) -> list[tuple[Moment, Log]]:
    """Where the power may go while the session is on, each with what was acknowledged by then."""
    disk, log = LoggedDisk(), Log()
    found: list[tuple[Moment, Log]] = []

    def hook(when: str, operation: Operation) -> None:
        if when == "before" and operation.kind not in LOOKING:
            found.append((disk.moment(), deepcopy(log)))

    disk.hook = hook
    run(session(disk, log))
    return [*found, (disk.moment(), log)]


def check_all(disk: SimDisk, log: Log) -> None:
    assert log.sent <= _waiting(disk), "an order that was acknowledged is gone"
    for name, claim in log.claimed.items():
        assert disk.read_link(ROOT / "claims" / name) == claim[:TARGET_CHARACTERS]
    check(disk, log)


def _waiting(disk: SimDisk) -> set[str]:
    return {path.stem for path in disk.files() if path.parent == ROOT / "inbox"}


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("session", SESSIONS)
def test_every_state_recovers_to_what_was_acknowledged(
    session: Session, character: str, *, full: bool
) -> None:
    random = Random(4)
    states = 0
    points = moments(session)
    for moment, log in points:
        for disk in moment.states(character, random, 600 if full else 5):
            check_all(disk, log)
            states += 1
    assert states > len(points), "nothing was ever unsynced"
    count("power cuts at an operation of a store", len(points))
    count(f"disk states, {character}", states)
