"""The index of what is over is a cache: whatever becomes of it, the answers are those of the archive."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from flowdsl.world.store.catalogue import VERSION
from flowdsl.world.store.disk import RealDisk
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.summary import Claim, Closing, Listed, Wanted
from tests.counts import count
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    created,
    document,
    events_of,
    facts,
    fingerprint,
    run,
)

NAMES = [f"run-{number:02}" for number in range(30)]


class CountingDisk(RealDisk):
    bytes_read = 0

    def read(self, handle: int, offset: int, size: int) -> bytes:
        data = super().read(handle, offset, size)
        self.bytes_read += len(data)
        return data


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with 30 runs that are over, and one that is open."""
    root = tmp_path / ".flowdsl"
    store = FileStore(root)

    async def story() -> None:
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.claim("open", fingerprint("open"))
        await store.create("open", [created("open", at=99.0)])
        for number, name in enumerate(NAMES):
            await store.claim(name, fingerprint(name))
            await store.create(name, [created(name, at=float(number)), *facts(1), ENDED])
            await store.finish(name, Closing(number + 0.5, "said", "why", number % 3))
        await store.close()

    run(story())
    assert {one.run for one in listed(root).runs} == {"open", *NAMES}
    return root


def listed(root: Path, most: int | None = None, wanted: Wanted | None = None) -> Listed:
    async def story() -> Listed:
        store = FileStore(root, read_only=True)
        await store.start()
        try:
            return await store.newest(most, wanted or Wanted())
        finally:
            await store.close()

    return run(story())


def where(root: Path) -> Path:
    return root / "cache" / "runs.sqlite"


def sql(root: Path, *statements: str) -> None:
    with closing(sqlite3.connect(where(root))) as opened, opened:
        for statement in statements:
            opened.execute(statement)


def gone(root: Path) -> None:
    shutil.rmtree(root / "cache")


def garbage(root: Path) -> None:
    where(root).write_bytes(b"what is no database" * 500)


def half(root: Path) -> None:
    data = where(root).read_bytes()
    where(root).write_bytes(data[: len(data) // 2])


def zeros(root: Path) -> None:
    data = where(root).read_bytes()
    where(root).write_bytes(data[:4096] + bytes(len(data) - 4096))


def of_another_version(root: Path) -> None:
    sql(root, "DROP TABLE runs", "CREATE TABLE runs (x)", f"PRAGMA user_version = {VERSION + 1}")


def of_another_boot(root: Path) -> None:
    """A power cut may have come between: rows are missing, and it does not know."""
    sql(root, "UPDATE boots SET boot = 'another'", "DELETE FROM runs WHERE run > 'run-05'")


def without_a_table(root: Path) -> None:
    sql(root, "DROP TABLE runs")


def a_folder(root: Path) -> None:
    where(root).unlink()
    where(root).mkdir()


def behind(root: Path) -> None:
    sql(
        root,
        "DELETE FROM runs WHERE run > 'run-05'",
        "UPDATE files SET end = 0, last = 0, mark = x''",
    )


def of_other_files(root: Path) -> None:
    """As after a backup was put back."""
    sql(root, "UPDATE files SET inode = 1", "UPDATE runs SET offset = 7, workflow = 'other'")


DAMAGES = (
    gone,
    garbage,
    half,
    zeros,
    of_another_version,
    of_another_boot,
    without_a_table,
    a_folder,
    behind,
    of_other_files,
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_whatever_becomes_of_it_the_answers_are_the_same(
    damage: Callable[[Path], None], root: Path
) -> None:
    before = listed(root)
    damage(root)
    assert listed(root) == before
    # and it is kept again, or the answers come without it
    assert listed(root, 3, Wanted(ended="succeeded")).runs == before.runs[1:4]
    count("kinds of damage to the index of runs")


def test_a_store_that_may_only_be_read_is_listed_as_well(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = listed(root)
    gone(root)

    def refused(*_: object) -> None:
        raise PermissionError(13, "no")

    monkeypatch.setattr(RealDisk, "make_folder", refused)
    assert listed(root) == before
    assert not where(root).exists()


def test_what_is_listed_is_what_was_asked_for(root: Path) -> None:
    assert [one.run for one in listed(root, 2).runs] == ["open", NAMES[-1]]
    assert listed(root, 2).hidden == 29
    ended = listed(root, 4, Wanted(workflow="trip", ended="succeeded"))
    assert ([one.run for one in ended.runs], ended.hidden) == (NAMES[:-5:-1], 26)
    assert ended.runs[0].closing == Closing(29.5, "said", "why", 2)
    assert listed(root, 4, Wanted(workflow="other")) == Listed([], 0)
    assert listed(root, None, Wanted(ended="cancelled")) == Listed([], 0)
    assert len(listed(root).runs) == 31


def test_nothing_of_the_archive_is_read_for_a_list(root: Path) -> None:
    disk = CountingDisk()

    async def story() -> None:
        store = FileStore(root, disk, read_only=True)
        await store.start()
        before = disk.bytes_read
        assert len((await store.newest(5)).runs) == 5
        assert await store.find() == "open"
        assert await store.find("run-1" + "1") == "run-11"
        journal = sum(path.stat().st_size for path in (root / "journals").glob("*.jsonl"))
        assert disk.bytes_read - before <= journal
        await store.close()

    run(story())


def test_what_another_process_archives_is_there_at_the_next_look(root: Path) -> None:
    async def story() -> None:
        looking, writing = FileStore(root, read_only=True), FileStore(root)
        for store in (looking, writing):
            await store.start()
        assert len((await looking.newest(None)).runs) == 31
        await writing.create("new", [created("new"), ENDED])
        await writing.finish("new")
        await writing.close()
        assert len((await looking.newest(None)).runs) == 32
        assert events_of(await looking.events("new")) == [created("new"), ENDED]
        (root / "archive" / "1.jsonl").rename(root / "archive" / "7.jsonl")
        assert events_of(await looking.events("new")) == [created("new"), ENDED]
        assert len((await looking.newest(None)).runs) == 32
        (root / "archive" / "7.jsonl").unlink()
        left = {one.run for one in (await looking.newest(None)).runs}
        assert left == {"open", *NAMES}, "those stand in a journal as well"
        await looking.close()

    run(story())


def test_a_line_that_is_elsewhere_by_now_is_found(root: Path) -> None:
    """Lines were taken out before it, and the index has not heard of it."""
    path = root / "archive" / "1.jsonl"
    status = path.stat()
    before = path.read_bytes()
    first, rest = before.split(b"\n", 1)
    path.write_bytes(rest + first + b"\n")
    os.utime(path, (status.st_atime, status.st_mtime))

    async def story() -> None:
        store = FileStore(root, read_only=True)
        await store.start()
        for name in NAMES:
            assert events_of(await store.events(name))[-1] == ENDED
        await store.close()

    run(story())


def test_no_decision_is_made_from_it(root: Path) -> None:
    """Rows are missing in it, and it says that it has read all."""
    sql(root, "DELETE FROM runs")

    async def story() -> None:
        store = FileStore(root)
        await store.start()
        assert await store.claim(NAMES[3], fingerprint(NAMES[3])) is Claim.TAKEN
        assert await store.adopt("open") is not None
        await store.close()

    run(story())
    sql(root, "DELETE FROM runs")

    async def adopts() -> None:
        # a run that was taken over and ended does not come back from the journal that it once stood in
        store = FileStore(root)
        await store.start()
        old = (root / "journals").glob("*.jsonl").__next__()
        kept = old.read_bytes()
        assert list(await store.adopt_all()) == ["open"]
        await store.append("open", [ENDED])
        await store.finish("open")
        await store.close()
        old.write_bytes(kept)
        sql(root, "DELETE FROM runs")
        following = FileStore(root)
        await following.start()
        assert await following.adopt_all() == {}
        await following.close()

    run(adopts())


def test_documents_of_older_versions_are_in_it_too(root: Path) -> None:
    (root / "runs").mkdir()
    (root / "runs" / "old.json").write_bytes(document([created("old"), ENDED]))
    (root / "runs" / "hurt.json").write_bytes(b"{")
    found = {one.run: (one.ended, one.damaged) for one in listed(root).runs}
    assert (found["old"], found["hurt"]) == (("succeeded", False), ("", True))
    assert len(found) == 33
    (root / "runs" / "old.json").unlink()
    assert "old" not in {one.run for one in listed(root).runs}


def test_it_is_its_owners_alone(root: Path) -> None:
    for path in (root / "cache", *(root / "cache").iterdir()):
        assert path.stat().st_mode & 0o077 == 0
