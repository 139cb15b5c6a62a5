"""Claims of ids: batched, so that a start with an id costs little more; and those of older stores, which are files."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from flowdsl.errors import InputError
from flowdsl.world.store.disk import RealDisk
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.summary import Claim
from tests.lives.simdisk import SimDisk
from tests.world.store.kit import ROOT, created, fingerprint, run, sim_store


def test_many_claims_share_one_sync_of_their_folder() -> None:
    async def story() -> None:
        disk = SimDisk()
        store = sim_store(disk)
        await store.start()
        before = disk.count("sync") + disk.count("sync_folder")
        claims = await asyncio.gather(*(store.claim(f"r{n}", "file") for n in range(1_000)))
        assert set(claims) == {Claim.MINE}
        assert disk.count("sync") + disk.count("sync_folder") - before == 1
        after_a_cut = disk.crash()
        assert sum(path.parent.name == "claims" for path in after_a_cut.files()) == 1_000
        await store.close()

    run(story())


def test_a_claim_is_a_symlink_and_says_what_it_is_for(tmp_path: Path) -> None:
    async def story() -> None:
        store = FileStore(tmp_path / "s")
        await store.start()
        await store.claim("mine", fingerprint("mine"))
        await store.close()

    run(story())
    target = str((tmp_path / "s" / "claims" / "mine").readlink())
    assert fingerprint("mine").startswith(target)
    assert len(target) < 60, "ext4 keeps no more in the inode"


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.EOPNOTSUPP])
def test_where_there_are_no_symlinks_a_claim_is_a_file(refusal: int) -> None:
    async def story() -> None:
        disk = SimDisk()
        mine, other = sim_store(disk), sim_store(disk)
        await mine.start()
        await other.start()
        disk.fail("symlink", 1, refusal, lasting=True)
        assert await mine.claim("mine", fingerprint("mine")) is Claim.MINE
        assert disk.content(ROOT / "claims" / "mine") == fingerprint("mine").encode()
        await mine.create("mine", [created("mine")])
        assert await other.claim("mine", fingerprint("mine")) is Claim.TAKEN
        with pytest.raises(InputError):
            await other.claim("mine", "of another file")
        await mine.close()
        await other.close()

    run(story())


def test_an_old_claim_that_nobody_started_is_taken_over_and_one_that_is_locked_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowdsl.world.store.claims.HELD_SECONDS", 0.05)

    async def story() -> None:
        disk = SimDisk()
        store = sim_store(disk)
        await store.start()
        handle = disk.create(ROOT / "claims" / "mine")
        disk.write(handle, fingerprint("mine").encode())
        assert disk.lock(handle), "as an older flowdsl does that is about to start it"
        with pytest.raises(InputError):
            await store.claim("mine", "of another file")
        disk.close(handle)
        assert await store.claim("mine", "of another file") is Claim.MINE
        assert disk.read_link(ROOT / "claims" / "mine") == "of another file"
        await store.close()

    run(story())


def test_a_place_in_a_file_is_locked_by_one_and_free_when_its_handle_is_closed(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for disk, path in ((RealDisk(), tmp_path / "file"), (SimDisk(), Path("/file"))):
        if isinstance(disk, SimDisk):
            disk.close(disk.create(path))
        first, second = disk.open(path, append=True), disk.open(path, append=True)
        assert disk.lock(second), "that of the file is another lock"
        assert disk.lock_place(first, 2**61)
        assert not disk.lock_place(second, 2**61)
        assert disk.lock_place(second, 2**61 + 1)
        disk.unlock_place(first, 2**61)
        assert disk.lock_place(second, 2**61)
        third = disk.open(path, append=True)
        assert not disk.lock_place(third, 2**61)
        disk.close(second)
        assert disk.lock_place(third, 2**61)
        disk.close(first)
        disk.close(third)
