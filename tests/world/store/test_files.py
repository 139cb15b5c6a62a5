"""The store in a folder: who may read it, what it refuses to open, how it shares syncs and renews its journal."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from flowdsl.errors import DiskFull, InputError, StoreError
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.journal import RESERVE_BYTES
from flowdsl.world.store.summary import Claim
from tests.lives.simdisk import SimDisk
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    ROOT,
    archived,
    created,
    events_of,
    facts,
    fingerprint,
    intent,
    journals,
    run,
    sim_store,
)


def _used(root: Path) -> FileStore:
    """A store that has been used for everything, with a journal left in it."""
    store = FileStore(root)

    async def story() -> None:
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.claim("mine", fingerprint("mine"))
        await store.create("mine", [created("mine")])
        await store.create("done", [created("done"), ENDED])
        await store.finish("done")
        await store.send("mine", {"kind": "cancel"})
        await store.close()

    run(story())
    return store


def test_nobody_else_can_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _used(tmp_path / "s")
    finally:
        os.umask(before)
    before = os.umask(0o777)
    try:
        _used(tmp_path / "t")
    finally:
        os.umask(before)
    for root in (tmp_path / "s", tmp_path / "t"):
        found = {path: stat.S_IMODE(path.lstat().st_mode) for path in (root, *root.rglob("*"))}
        assert len(found) >= 13
        del found[
            root / "claims" / "mine"
        ]  # a symlink: whoever may not enter its folder cannot read it
        assert {
            path: mode
            for path, mode in found.items()
            if mode != (0o700 if path.is_dir() else 0o600)
        } == {}


def test_its_files_are_where_the_contract_says(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    _used(root)
    found = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    fixed = {"store.json", "key", f"definitions/{DIGEST}.json", "archive/1.jsonl", "claims/mine"}
    assert fixed < found
    assert sorted(Path(name).parent.name for name in found - fixed) == [
        "cache",
        "inbox",
        "journals",
    ]


def test_a_store_of_a_newer_flowdsl_is_refused(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    _used(root)
    (root / "store.json").write_text('{"format":"flowdsl-store","version":3,"id":"x"}')
    for store in (FileStore(root), FileStore(root, read_only=True)):
        with pytest.raises(StoreError, match="newer flowdsl") as refusal:
            run(store.start())
        assert refusal.value.code == "F202"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("store.json", b"{", "is damaged, or no flowdsl store"),
        ("store.json", b'{"format":"other","version":1}', "is damaged, or no flowdsl store"),
        ("key", b"", "is damaged"),
        ("key", b"zz" * 32, "is damaged"),
        ("key", b"ab" * 31, "is damaged"),
        ("key", b"\xff", "is damaged"),
    ],
)
def test_a_store_whose_own_files_are_damaged_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    root = tmp_path / ".flowdsl"
    _used(root)
    (root / name).write_bytes(content)
    with pytest.raises(StoreError, match=message):
        run(FileStore(root).start())


def test_a_store_without_its_key_is_refused_and_gets_no_new_one(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    _used(root)
    (root / "key").unlink()
    with pytest.raises(StoreError, match="is missing"):
        run(FileStore(root).start())
    assert not (root / "key").exists()


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / ".flowdsl", tmp_path / "elsewhere"
    elsewhere.mkdir()
    root.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="symbolic link"):
        run(FileStore(root).start())
    root.unlink()
    _used(root)
    for name in ("archive", "key"):
        (root / name).rename(tmp_path / name)
        (root / name).symlink_to(tmp_path / name)
        with pytest.raises(StoreError, match="symbolic link"):
            run(FileStore(root).start())
        (root / name).unlink()
        (tmp_path / name).rename(root / name)


def test_a_journal_that_is_a_link_or_a_pipe_hides_no_other(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    _used(root)
    (root / "journals" / "link.jsonl").symlink_to("/dev/zero")
    os.mkfifo(root / "journals" / "pipe.jsonl")
    store = FileStore(root)

    async def story() -> None:
        await store.start()
        assert {summary.run for summary in await store.list()} == {"mine", "done"}
        assert list(await store.adopt_all()) == ["mine"]
        assert {f.path: f.kind for f in await store.fsck()} == {
            "journals/link.jsonl": "unreadable",
            "journals/pipe.jsonl": "unreadable",
        }
        await store.close()

    run(story())


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES])
def test_a_store_that_cannot_be_written_can_be_read_and_says_what_is_wrong(code: int) -> None:
    disk = SimDisk()

    async def story() -> None:
        writer = sim_store(disk)
        await writer.start()
        await writer.create("a", [created("a")])
        await writer.close()
        for kind in (
            "create",
            "write",
            "sync",
            "rename",
            "link",
            "unlink",
            "make_folder",
            "truncate",
        ):
            disk.fail(kind, 1, code, lasting=True)
        for read_only in (True, False):
            store = sim_store(disk, read_only=read_only)
            await store.start()
            assert events_of(await store.events("a")) == [created("a")]
            with pytest.raises(StoreError, match="cannot be written") as refusal:
                await store.create("b", [created("b")])
            assert refusal.value.help
            with pytest.raises(StoreError, match="cannot be written"):
                await store.adopt("a")
            with pytest.raises(StoreError, match="cannot be written"):
                await store.send("a", None)
            await store.close()

    run(story())


def test_looking_makes_no_store_where_there_is_none(tmp_path: Path) -> None:
    store = FileStore(tmp_path / ".flowdsl", read_only=True)
    run(store.start())
    assert asyncio.run(store.list()) == []
    assert asyncio.run(store.fsck()) == []
    with pytest.raises(InputError, match="no run"):
        asyncio.run(store.events("a"))
    run(store.close())
    assert list(tmp_path.iterdir()) == []


def test_a_definition_that_another_process_has_not_synced_yet_is_not_relied_on() -> None:
    disk = SimDisk()

    async def story() -> None:
        first, second = sim_store(disk), sim_store(disk)
        await first.start()
        await second.start()
        disk.fail("sync_folder", 1, errno.EIO)
        with pytest.raises(StoreError):
            await first.pin(DIGEST, DEFINITION)
        await second.pin(DIGEST, DEFINITION)
        found = sim_store(disk.crash())
        await found.start()
        assert await found.definition(DIGEST) == DEFINITION

    run(story())


# --- group commit ------------------------------------------------------------------------------------


def test_what_is_appended_together_is_synced_together() -> None:
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.create("a", [created("a")])
        before = disk.count("sync")
        await asyncio.gather(*(store.append("a", facts(number)) for number in range(500)))
        assert disk.count("sync") - before == 1
        assert events_of(await store.events("a")) == [created("a"), *facts(*range(500))]
        await store.close()

    run(story())


def test_while_one_batch_is_synced_the_next_one_gathers(tmp_path: Path) -> None:
    store = FileStore(tmp_path / ".flowdsl")
    batches: list[int] = []

    async def drive(name: str) -> None:
        await store.create(name, [created(name)])
        for number in range(10):
            await store.append(name, facts(number))

    async def story() -> None:
        await store.start()
        await asyncio.gather(*(drive(f"run-{number}") for number in range(100)))
        committer = store._own._committer
        assert committer is not None
        batches.append(committer.journal.index.batch)
        await store.close()

    run(story())
    assert batches[0] < 110, "a thousand appends, in about ten rounds"


def test_what_one_call_appends_is_never_torn_apart() -> None:
    disk = SimDisk()
    store = sim_store(disk)
    long = replace(created("a"), inputs={"text": "x" * 700_000})

    async def story() -> None:
        await store.start()
        await asyncio.gather(*(store.create(n, [replace(long, run=n), *facts(1)]) for n in "abc"))
        await store.close()

    run(story())
    lines = disk.content(journals(disk)[0]).splitlines()
    assert [b',"end":true,' in line for line in lines] == [False, True] * 3


def test_who_gives_up_waiting_has_appended_all_the_same() -> None:
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.create("a", [created("a")])
        waiting = asyncio.create_task(store.append("a", facts(1)))
        await asyncio.sleep(0)
        waiting.cancel()
        await store.append("a", facts(2))
        assert events_of(await store.events("a")) == [created("a"), *facts(1, 2)]
        await store.close()

    run(story())


# --- a disk that fails -------------------------------------------------------------------------------


def test_after_a_failed_sync_the_process_keeps_nothing_more_and_the_next_one_goes_on() -> None:
    disk = SimDisk()
    store, following = sim_store(disk), sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.create("a", [created("a")])
        disk.fail("sync", 1, errno.EIO)
        for number in (1, 2):
            with pytest.raises(StoreError) as refusal:
                await store.append("a", facts(number))
            assert refusal.value.code == "F208"
            assert not isinstance(refusal.value, DiskFull)
        with pytest.raises(StoreError):
            await store.create("b", [created("b")])
        await store.close()
        await following.start()
        past = await following.adopt("a")
        assert past in ([created("a")], [created("a"), *facts(1)])
        # what was taken over stands, synced, in a journal of its own: the tail is not trusted as it lies there
        (own,) = [path for path in journals(disk) if path.stem in following._journals.own]
        assert disk.crash(names=True).content(own).count(b'"e":2') == len(past)
        await following.close()

    run(story())


def test_on_a_full_disk_intents_are_refused_and_facts_are_kept() -> None:
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.create("a", [created("a")])
        disk.capacity = sum(len(disk.content(path)) for path in disk.files()) + RESERVE_BYTES
        with pytest.raises(DiskFull):
            await store.append("a", [intent()])
        await store.append("a", facts(1))
        with pytest.raises(DiskFull):
            await store.append("a", [intent()])
        both = await asyncio.gather(
            store.append("a", [intent()]), store.append("a", facts(2)), return_exceptions=True
        )
        assert isinstance(both[0], DiskFull)
        assert both[1] is None
        disk.capacity = None
        await store.append("a", [intent()])
        assert events_of(await store.events("a")) == [created("a"), *facts(1, 2), intent()]
        await store.close()

    run(story())


KINDS = (
    "create",
    "write",
    "sync",
    "sync_folder",
    "rename",
    "link",
    "allocate",
    "lock",
    "list",
    "open",
    "unlink",
)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_fails_is_said_and_loses_nothing_that_was_acknowledged(
    kind: str, code: int
) -> None:
    for number in range(1, 60):
        disk = SimDisk()
        disk.fail(kind, number, code)
        kept, error = run(_used_until_it_fails(sim_store(disk)))
        assert error is None or (error.code and error.help)
        run(_as_it_was_kept(sim_store(disk.killed()), kept))
        if disk.count(kind) < number:
            return
    raise AssertionError("it never came to an end")


OPEN = [created("a"), *facts(0, 1, 2)]


async def _used_until_it_fails(store: FileStore) -> tuple[int, StoreError | None]:
    """How many facts of `a` were acknowledged, and what was said when something failed."""
    kept = 0
    try:
        await store.start()
        await store.create("a", OPEN[:1])
        for kept in range(1, len(OPEN)):
            await store.append("a", [OPEN[kept]])
        kept = len(OPEN)
        await store.create("b", [created("b"), ENDED])
        await store.finish("b")
        await store.close()
    except StoreError as error:
        return kept, error
    return kept, None


async def _as_it_was_kept(store: FileStore, kept: int) -> None:
    await store.start()
    if kept:
        assert events_of(await store.events("a"))[:kept] == OPEN[:kept]
        assert (await store.adopt("a") or [])[:kept] == OPEN[:kept]
    await store.close()


# --- renewal -----------------------------------------------------------------------------------------


def test_a_long_journal_is_renewed_and_what_has_ended_is_left_behind() -> None:
    disk = SimDisk()
    store = sim_store(disk, rotate_bytes=4000)

    async def story() -> None:
        await store.start()
        await store.create("open", [created("open")])
        for number in range(40):
            name = f"done-{number}"
            await store.create(name, [created(name), ENDED])
            await store.finish(name)
            await store.append("open", facts(number))
        assert store.epoch("open") > 3
        await asyncio.sleep(0)
        (only,) = journals(disk)
        assert len(disk.content(only)) < 14_000
        assert events_of(await store.events("open")) == [created("open"), *facts(*range(40))]
        await store.append("open", [ENDED])
        await store.finish("open")
        await store.close()

    run(story())
    assert journals(disk) == []
    # all were synced before their journals went
    assert len(archived(disk.crash())) == 41


def test_an_old_journal_that_cannot_be_deleted_is_never_taken_for_the_newer_one() -> None:
    disk = SimDisk()
    store = sim_store(disk, rotate_bytes=1000)
    expected = [created("open"), *facts(*range(9))]

    async def story() -> None:
        await store.start()
        disk.fail("unlink", 1, errno.EIO, lasting=True)
        await store.create("open", [created("open")])
        for number in range(9):
            await store.append("open", facts(number))
        assert len(journals(disk)) > 1
        reader = sim_store(disk)
        await reader.start()
        assert events_of(await reader.events("open")) == expected
        following = sim_store(disk.killed())
        await following.start()
        assert await following.adopt_all() == {"open": expected}
        assert len(journals(following._disk)) == 1  # type: ignore[arg-type]
        await following.close()

    run(story())


def test_a_full_disk_puts_the_renewal_off() -> None:
    disk = SimDisk()
    store = sim_store(disk, rotate_bytes=1000)

    async def story() -> None:
        await store.start()
        await store.create("open", [created("open")])
        disk.fail("allocate", 1, errno.ENOSPC)
        for number in range(20):
            await store.append("open", facts(number))
        assert store.epoch("open") > 1
        assert events_of(await store.events("open")) == [created("open"), *facts(*range(20))]
        await store.close()

    run(story())


@pytest.mark.parametrize("operation", ["create", "write", "sync", "sync_folder"])
def test_a_run_that_cannot_be_archived_stays_in_its_journal(operation: str) -> None:
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.create("a", [created("a"), ENDED])
        await store.finish("a")
        assert events_of(await store.events("a")) == [created("a"), ENDED]
        disk.fail(operation, 1, errno.EIO)
        await store.close()
        assert disk.struck
        assert archived(disk) == []
        # the next process does it
        following = sim_store(disk)
        await following.start()
        assert [(s.run, s.ended) for s in await following.list()] == [("a", "succeeded")]
        assert await following.adopt_all() == {}
        assert journals(disk) == []
        assert [line["run"] for line in archived(disk)] == ["a"]
        assert events_of(await following.events("a")) == [created("a"), ENDED]
        await following.close()

    run(story())


def test_a_claim_waits_for_a_maker_that_is_about_to_start(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    first, second = FileStore(root), FileStore(root)

    async def story() -> None:
        await first.start()
        await second.start()
        assert await first.claim("today", "file 1") is Claim.MINE
        with pytest.raises(InputError, match="taken"):
            await second.claim("today", "file 2")
        waiting = asyncio.create_task(second.claim("today", "file 1"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await first.create("today", [created("today")])
        assert await waiting is Claim.TAKEN
        await first.close()
        await second.close()

    run(story())


def test_the_same_event_twice_at_once_is_one_run_whatever_it_carries(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    first, second = FileStore(root), FileStore(root)

    async def story() -> None:
        await first.start()
        await second.start()
        assert await first.claim("event", "file 1", attach=True) is Claim.MINE
        waiting = asyncio.create_task(second.claim("event", "file 2", attach=True))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await first.create("event", [created("event")])
        assert await waiting is Claim.TAKEN
        assert await second.claim_event("event", "other") == "event"
        await first.close()
        await second.close()

    run(story())


def test_an_event_whose_process_died_before_it_started_anything_is_free(tmp_path: Path) -> None:
    root = tmp_path / ".flowdsl"
    first, second = FileStore(root), FileStore(root)

    async def story() -> None:
        await first.start()
        await second.start()
        assert await first.claim("event", "file 1", attach=True) is Claim.MINE
        await first.close()
        assert await second.claim_event("event", "mine") == "mine"
        assert await second.started_by("event") == "mine"
        assert await second.claim_event("event", "other") == "mine"
        await second.close()

    run(story())


def test_who_is_driven_and_what_is_unfinished_is_told_without_reading_all_that_has_ended() -> None:
    disk = SimDisk()
    store, reader = sim_store(disk), sim_store(disk, read_only=True)

    async def story() -> None:
        await store.start()
        await reader.start()
        await store.create("open", [created("open")])
        await store.create("done", [created("done"), ENDED])
        await store.finish("done")
        before = disk.count("read")
        assert [(s.run, s.driven) for s in await reader.unfinished()] == [("open", True)]
        assert disk.count("read") == before + 1, "the journal, and no document"
        assert [await store.is_driven(name) for name in ("open", "done", "none")] == [
            True,
            False,
            False,
        ]
        assert [await reader.is_driven(name) for name in ("open", "done", "none")] == [
            True,
            False,
            False,
        ]
        await store.close()
        assert [(s.run, s.driven) for s in await reader.unfinished()] == [("open", False)]
        assert not await reader.is_driven("open")

    run(story())


def test_one_journal_that_cannot_be_read_hides_no_other() -> None:
    disk = SimDisk()

    async def story() -> None:
        for name in ("a", "b"):
            store = sim_store(disk)
            await store.start()
            await store.pin(DIGEST, DEFINITION)
            await store.create(name, [created(name)])
            await store.close()
        reader = sim_store(disk, read_only=True)
        await reader.start()
        disk.fail("sync", 1, errno.EIO)
        assert len(await reader.list()) == 1
        assert [f.kind for f in await reader.fsck()] == [], "it is looked at again"
        assert len(await reader.list()) == 2

    run(story())


# --- waiting for others ------------------------------------------------------------------------------


def test_who_only_looks_whether_there_is_a_driver_is_not_taken_for_one() -> None:
    disk = SimDisk()

    async def story() -> None:
        first, second = sim_store(disk), sim_store(disk)
        await first.start()
        await second.start()
        await first.create("a", [created("a")])
        await first.close()
        looking = disk.open(journals(disk)[0])
        assert disk.lock(looking, shared=True)
        adopting = asyncio.create_task(second.adopt("a"))
        await asyncio.sleep(0.03)
        assert not adopting.done()
        disk.close(looking)
        assert await adopting == [created("a")]
        await second.close()

    run(story())


def test_two_that_take_over_wait_for_each_other_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        other = disk.open(ROOT / "store.json")
        assert disk.lock(other)
        waiting = asyncio.create_task(store.adopt_all())
        await asyncio.sleep(0.03)
        assert not waiting.done()
        disk.close(other)
        assert await waiting == {}
        other = disk.open(ROOT / "store.json")
        assert disk.lock(other)
        monkeypatch.setattr("flowdsl.world.store.dead_journals.WAIT_SECONDS", 0.03)
        with pytest.raises(StoreError, match="taking runs over") as refusal:
            await store.adopt_all()
        assert refusal.value.help
        await store.close()

    run(story())


def test_a_maker_that_neither_starts_nor_dies_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SimDisk()
    first, second = sim_store(disk), sim_store(disk)
    monkeypatch.setattr("flowdsl.world.store.claims.HELD_SECONDS", 0.05)

    async def story() -> None:
        await first.start()
        await second.start()
        await first.claim("today", "file 1")
        with pytest.raises(StoreError, match="about to start today") as refusal:
            await second.claim("today", "file 1")
        assert refusal.value.help
        await first.close()

    run(story())


@pytest.mark.parametrize("kind", ["symlink", "sync_folder", "lock_place"])
def test_a_claim_that_cannot_be_made_durable_claims_nothing(kind: str) -> None:
    disk = SimDisk()
    first, second = sim_store(disk), sim_store(disk)

    async def story() -> None:
        await first.start()
        await second.start()
        disk.fail(kind, 1, errno.ENOSPC)
        with pytest.raises(DiskFull):
            await first.claim("today", "file 1")
        assert await second.claim("today", "file 2") is Claim.MINE
        assert not [path for path in disk.files() if path.name.startswith(".new-")]
        await second.close()

    run(story())
