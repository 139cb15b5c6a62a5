"""A journal on a disk that fails: what was not acknowledged is not there, and what was is."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from flowdsl.errors import DiskFull, StoreError
from flowdsl.saga.codec import encode
from flowdsl.saga.events import Event
from flowdsl.world.store.journal import RESERVE_BYTES, JournalFile, Record, RecordGroup
from tests.lives.simdisk import SimDisk
from tests.world.store.kit import created, facts, intent

FOLDER = Path("/journals")


def make(disk: SimDisk) -> JournalFile:
    if disk.look(FOLDER) is None:
        disk.make_folder(FOLDER)
    journal = JournalFile.create(disk, FOLDER, "w")
    journal.publish()
    return journal


def group(
    *events: Event, run: str = "a", epoch: int | None = None, intent: bool = False
) -> RecordGroup:
    return RecordGroup(run, tuple(Record(1, encode(event)) for event in events), epoch, intent)


def begun(disk: SimDisk) -> JournalFile:
    journal = make(disk)
    journal.kept(journal.write([group(created("a"), epoch=1)]))
    return journal


def test_a_write_that_takes_less_than_it_was_given_is_gone_on_with() -> None:
    short, whole = SimDisk(write_limit=7), SimDisk()
    begun(short)
    begun(whole)
    path = FOLDER / "w.jsonl"
    assert short.content(path) == whole.content(path)
    assert short.count("write") > 10


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_takes_back_what_was_half_written_and_says_so(code: int) -> None:
    # given
    disk = SimDisk(write_limit=50)
    journal = begun(disk)
    before = disk.content(journal.path)
    # when the third piece does not fit
    disk.fail("write", 3, code)
    with pytest.raises(DiskFull) as refusal:
        journal.write([group(*facts(1))])
    # then the journal is as before, and it goes on
    assert refusal.value.help
    assert disk.content(journal.path) == before
    journal.kept(journal.write([group(*facts(2))]))
    assert journal.index.entries["a"].count == 2


def test_what_was_taken_back_is_gone_for_good_before_anything_is_written_in_its_place() -> None:
    """Else a power cut may leave pieces of both in one place, which is what no cut write leaves."""
    # given
    disk = SimDisk(write_limit=50)
    journal = begun(disk)
    disk.fail("write", 3, errno.ENOSPC)
    with pytest.raises(DiskFull):
        journal.write([group(*facts(1))])
    # when the power goes as the next batch is being written
    disk.fail("write", 1, errno.ENOSPC)
    with pytest.raises(DiskFull):
        journal.write([group(*facts(2))])
    done = [operation.kind for operation in disk.operations]
    # then
    for place, kind in enumerate(done):
        if kind == "truncate":
            assert "sync" in done[place:]
            assert "write" not in done[place : place + done[place:].index("sync")]
    assert done.count("truncate") == 2


def test_what_cannot_be_taken_back_for_good_ends_the_journal() -> None:
    disk = SimDisk(write_limit=50)
    journal = begun(disk)
    disk.fail("write", 3, errno.ENOSPC)
    disk.fail("sync", 1, errno.EIO)
    with pytest.raises(StoreError) as refusal:
        journal.write([group(*facts(1))])
    assert refusal.value.code == "F208"
    with pytest.raises(StoreError):
        journal.write([group(*facts(2))])


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EBADF, errno.ENOSYS, errno.EINVAL])
def test_a_reserve_that_cannot_be_allocated_is_written_and_synced(code: int) -> None:
    disk = SimDisk(write_limit=100_000, refusal=code)
    make(disk)
    assert disk.count("allocate") == 1, "the fault never struck"
    reserve = FOLDER / "w.reserve"
    assert disk.content(reserve) == bytes(RESERVE_BYTES)
    assert disk.crash(names=True).content(reserve) == bytes(RESERVE_BYTES)


def test_what_else_keeps_a_reserve_from_being_allocated_is_an_error() -> None:
    disk = SimDisk(refusal=errno.EIO)
    disk.make_folder(FOLDER)
    with pytest.raises(OSError, match="Input/output"):
        JournalFile.create(disk, FOLDER, "w")
    assert disk.files() == []


@pytest.mark.parametrize("refusal", [None, errno.EOPNOTSUPP])
def test_on_a_full_disk_nothing_new_starts_and_what_is_out_is_kept(refusal: int | None) -> None:
    # given a disk with room for the reserve and little else
    disk = SimDisk(capacity=RESERVE_BYTES + 900, refusal=refusal)
    journal = begun(disk)
    # when both intents and facts come
    batch, refused = None, None
    for number in range(1, 20):
        answers = group(*facts(number))
        batch, refused = journal.write_what_fits([group(intent(), intent=True), answers])
        if batch is not None:
            journal.kept(batch)
        if refused is not None:
            break
    # then in the batch that did not fit, the intent is refused and the fact is there
    assert isinstance(refused, DiskFull)
    assert batch is not None
    assert [line.data for _, line in batch.lines] == [encode(facts(number)[0])]
    # and so it goes on, as long as there is no room
    for number in range(30, 200):
        batch, refused = journal.write_what_fits(
            [group(intent(), intent=True), group(*facts(number))]
        )
        assert batch is not None
        assert refused is not None
        journal.kept(batch)
    # when somebody makes room
    disk.capacity = None
    batch, refused = journal.write_what_fits([group(intent(), intent=True)])
    # then it starts again, with its reserve
    assert (refused, journal.full) == (None, False)
    assert FOLDER / "w.reserve" in disk.files()


def test_a_disk_that_is_full_to_the_last_byte_refuses_facts_too() -> None:
    disk = SimDisk()
    journal = begun(disk)
    disk.fail("write", 1, errno.ENOSPC, lasting=True)
    with pytest.raises(DiskFull):
        journal.write_what_fits([group(*facts(1))])
    assert journal.failure is None


def _sync_fails(disk: SimDisk) -> None:
    disk.fail("sync", 1, errno.EIO)


def _write_fails(disk: SimDisk) -> None:
    disk.fail("write", 1, errno.EIO)


def _taking_back_fails(disk: SimDisk) -> None:
    disk.fail("write", 1, errno.ENOSPC)
    disk.fail("truncate", 1, errno.EIO)


@pytest.mark.parametrize("hurt", [_sync_fails, _write_fails, _taking_back_fails])
def test_after_a_failure_nobody_can_judge_nothing_is_written_or_synced_again(
    hurt: Callable[[SimDisk], None],
) -> None:
    disk = SimDisk()
    journal = begun(disk)
    hurt(disk)
    with pytest.raises(StoreError) as refusal:
        journal.write([group(*facts(1))])
    assert not isinstance(refusal.value, DiskFull)
    assert refusal.value.code == "F208"
    before = len(disk.operations)
    for _ in range(3):
        with pytest.raises(StoreError):
            journal.write([group(*facts(2))])
    assert len(disk.operations) == before


def test_bytes_of_somebody_else_stop_the_driver() -> None:
    disk = SimDisk()
    journal = begun(disk)
    other = disk.open(journal.path, append=True)
    disk.write(other, b"x")
    with pytest.raises(StoreError, match="not as this process left it"):
        journal.write([group(*facts(1))])


def test_a_journal_that_was_deleted_stops_the_driver() -> None:
    disk = SimDisk()
    journal = begun(disk)
    disk.unlink(journal.path)
    with pytest.raises(StoreError, match="was deleted"):
        journal.write([group(*facts(1))])


@pytest.mark.parametrize("refusal", [None, errno.EOPNOTSUPP])
def test_without_room_for_its_reserve_no_journal_is_made(refusal: int | None) -> None:
    disk = SimDisk(capacity=1000, refusal=refusal)
    disk.make_folder(FOLDER)
    with pytest.raises(OSError, match="No space"):
        JournalFile.create(disk, FOLDER, "w")
    assert disk.files() == []


def test_it_is_locked_before_anybody_can_see_it() -> None:
    disk = SimDisk()
    journal = make(disk)
    kinds = [each.kind for each in disk.operations]
    assert kinds.index("lock") < kinds.index("rename")
    handle = disk.open(journal.path)
    assert not disk.lock(handle, shared=True)
    journal.close(delete=False)
    assert disk.lock(handle)


def test_a_run_may_go_on_in_the_batch_that_it_begins_in() -> None:
    journal = make(SimDisk())
    journal.kept(
        journal.write([group(created("a"), epoch=1), group(*facts(1, 2)), group(*facts(3))])
    )
    assert journal.index.entries["a"].count == 4
    assert not journal.index.entries["a"].broken


def test_it_is_deleted_with_its_reserve() -> None:
    disk = SimDisk()
    journal = begun(disk)
    journal.close(delete=True)
    assert disk.files() == []
