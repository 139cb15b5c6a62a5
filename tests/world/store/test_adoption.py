"""What the dead leave behind: torn tails are set aside, damage stops the runs it touches and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from flowdsl.errors import StoreError
from flowdsl.world.store.line import read_line, write_line
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
    intent,
    journals,
    nothing,
    old_store,
    run,
    sim_store,
)

QUARANTINE = ROOT / "quarantine"


def left_behind(disk: SimDisk) -> Path:
    """A dead process's journal: `done` has ended, `hurt` and `late` are open. Its path."""

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.create("done", [created("done"), ENDED])
        await store.create("hurt", [created("hurt"), intent()])
        await store.append("hurt", facts(1))
        await store.append("hurt", facts(2))
        await store.create("late", [created("late")])
        await store.append("late", facts(3))
        await store.close()

    run(story())
    (path,) = journals(disk)
    return path


def rot(disk: SimDisk, path: Path, *, line: int) -> None:
    lines = disk.content(path).splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"w":', b'"W":')
    disk.overwrite(path, b"".join(lines))


def test_a_torn_tail_is_kept_aside_with_the_reason_and_nothing_is_glued_to_it() -> None:
    disk = SimDisk()
    path = left_behind(disk)
    whole = disk.content(path)
    disk.overwrite(path, whole[:-20])

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        assert [(f.kind, f.path) for f in await store.fsck()] == [("torn", f"journals/{path.name}")]
        assert disk.content(path) == whole[:-20], "looking changes nothing"
        adopted = await store.adopt_all()
        assert adopted == {
            "hurt": [created("hurt"), intent(), *facts(1, 2)],
            "late": [created("late")],
        }
        await store.append("late", facts(9))
        assert events_of(await store.events("late")) == [created("late"), *facts(9)]
        await store.close()

    run(story())
    tail = whole[whole.rindex(b'{"h"') : -20]
    start = len(whole) - len(whole[whole.rindex(b'{"h"') :])
    assert disk.content(QUARANTINE / f"{path.stem}.{start}.torn") == tail
    why = json.loads(disk.content(QUARANTINE / f"{path.stem}.{start}.why.json"))
    assert (why["journal"], why["offset"], why["bytes"]) == (path.name, start, len(tail))


def test_a_torn_tail_of_a_journal_that_stays_is_set_aside_once() -> None:
    disk = SimDisk()
    path = left_behind(disk)
    whole = disk.content(path)
    disk.overwrite(path, whole + b'{"h":"')

    async def story() -> None:
        for _ in range(2):
            store = sim_store(disk)
            await store.start()
            assert await store.adopt_all(nothing) == {}
            await store.close()

    run(story())
    assert disk.content(path) == whole
    assert len([p for p in disk.files() if p.suffix == ".torn"]) == 1


def test_damage_stops_the_runs_it_touches_by_name_and_no_other() -> None:
    disk = SimDisk()
    path = left_behind(disk)
    rot(disk, path, line=4)  # the first fact of `hurt`
    before = disk.content(path)

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        with pytest.raises(StoreError, match="hurt cannot be read") as refusal:
            await store.events("hurt")
        assert refusal.value.code == "F203"
        assert path.name in refusal.value.message
        with pytest.raises(StoreError, match="hurt cannot be read"):
            await store.follow("hurt", 1)
        with pytest.raises(StoreError, match="hurt cannot be read"):
            await store.adopt("hurt")
        assert [(s.run, s.damaged) for s in await store.list() if s.damaged] == [("hurt", True)]
        assert events_of(await store.events("done")) == [created("done"), ENDED]
        found = [(f.kind, f.repairable) for f in await store.fsck()]
        assert found == [("damaged", False), ("damaged", False)]
        assert any("hurt" in f.path for f in await store.fsck())
        # the others go on
        assert await store.adopt_all() == {"late": [created("late"), *facts(3)]}
        await store.close()

    run(story())
    assert disk.content(path) == before, "what is damaged is neither changed nor deleted"


def test_a_record_that_rots_after_it_was_read_is_not_believed() -> None:
    disk = SimDisk()
    path = left_behind(disk)

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        assert events_of(await store.events("late")) == [created("late"), *facts(3)]
        disk.overwrite(path, disk.content(path).replace(b'"timer-3"', b'"timer-4"'))
        with pytest.raises(StoreError, match="cannot be read"):
            await store.events("late")
        await store.close()

    run(story())


def test_a_record_that_only_a_newer_flowdsl_understands_stops_its_run_alone() -> None:
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.create("a", [created("a")])
        await store.create("b", [created("b")])
        await store.close()
        path = journals(disk)[0]
        # as a newer one would have written it, hash and all
        lines = disk.content(path).splitlines()
        last = read_line(lines[-1])
        assert last is not None
        must = replace(
            last,
            number=last.number + 1,
            batch=last.batch + 1,
            previous=last.hash,
            sequence=2,
            data=b'{"t":"rested","must":true}',
        )
        disk.overwrite(path, disk.content(path) + write_line(must)[1])
        following = sim_store(disk)
        await following.start()
        with pytest.raises(StoreError, match="newer flowdsl"):
            await following.adopt("b")
        assert list(await following.adopt_all()) == ["a"]
        await following.close()

    run(story())


def test_a_dead_journal_goes_once_nothing_depends_on_it() -> None:
    disk = SimDisk()
    path = left_behind(disk)

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        assert await store.adopt("late") is not None
        assert path in disk.files(), "`hurt` stands in it still"
        assert await store.adopt("hurt") is not None
        assert path not in disk.files()
        assert path.with_suffix(".reserve") not in disk.files()
        assert events_of(await store.events("done")) == [created("done"), ENDED]
        (line,) = archived(disk)
        assert (line["run"], line["state"], len(line["facts"])) == ("done", "succeeded", 2)
        await store.close()

    run(story())


def test_a_run_that_was_taken_over_and_ended_does_not_come_back_from_the_journal_it_once_stood_in() -> (
    None
):
    disk = SimDisk()
    path = left_behind(disk)

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        assert await store.adopt("late") is not None
        await store.append("late", [ENDED])
        await store.finish("late")
        await store.close()
        assert path in disk.files()
        following = sim_store(disk)
        await following.start()
        assert await following.adopt("late") is None
        assert {s.run: s.ended for s in await following.list()}["late"] == "succeeded"
        assert list(await following.adopt_all()) == ["hurt"]
        assert path not in disk.files()
        await following.close()

    run(story())


def test_a_line_of_the_archive_that_a_power_cut_emptied_is_written_again_from_the_journal() -> None:
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.create("done", [created("done"), ENDED])
        await store.create("open", [created("open")])
        await store.finish("done")
        await store.close()
        (path,) = [path for path in disk.files() if path.parent.name == "archive"]
        line = disk.content(path)
        for torn in (bytes(len(line)), line[:90] + bytes(40) + line[130:], line[:-5]):
            cut = disk.crash()
            cut.overwrite(path, torn)
            following = sim_store(cut)
            await following.start()
            assert events_of(await following.events("done")) == [created("done"), ENDED]
            assert {s.run: s.ended for s in await following.list()} == {
                "open": "",
                "done": "succeeded",
            }
            assert [f.kind for f in await following.fsck() if f.path.startswith("archive")] == [
                "torn"
            ]
            assert list(await following.adopt_all()) == ["open"]
            assert [each["run"] for each in archived(cut)] == ["done"]
            await following.close()

    run(story())


def test_a_document_that_went_through_a_formatter_is_read_all_the_same() -> None:
    disk = old_store("done")
    path = ROOT / "runs" / "done.json"

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        disk.overwrite(path, json.dumps(json.loads(disk.content(path)), indent=2).encode())
        assert events_of(await store.events("done")) == [created("done"), ENDED]
        for broken in ("{}", "[]", '{"events":[{"s":2,"w":1,"d":{}}]}', "", '{"events":['):
            disk.overwrite(path, broken.encode())
            with pytest.raises(StoreError, match="cannot be read to its end"):
                await store.events("done")
            assert (await sim_store(disk, read_only=True).list())[0].damaged
        await store.close()

    run(story())


def test_leftovers_are_named_and_removed_when_asked() -> None:
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.create("done", [created("done"), ENDED])
        await store.create("open", [created("open")])
        await store.finish("done")
        await store.send("done", {"kind": "cancel"})
        await store.send("open", {"kind": "cancel"})
        for path in (ROOT / "claims" / ".new-x.1234", ROOT / "journals" / "gone.reserve"):
            disk.close(disk.create(path))
        command = ROOT / "inbox" / "open.000000000000zz.json"
        handle = disk.create(command)
        disk.write(handle, b"{")
        disk.close(handle)
        assert [each.order for each in await store.take_orders()] == [{"kind": "cancel"}]
        before = disk.files()
        found = await store.fsck()
        assert disk.files() == before, "nothing is changed unless it is asked for"
        assert [(f.kind, f.repairable) for f in found] == [("leftover", True)] * 3 + [
            ("kept", False)
        ]
        await store.fsck(repair=True)
        # what held anything is in quarantine: an order nobody could follow, and one for a run that has ended
        assert [f.kind for f in await store.fsck()] == ["kept", "kept"]
        await store.close()

    run(story())


def test_a_damaged_journal_stays_though_every_run_that_can_be_read_in_it_has_ended() -> None:
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.create("lost", [created("lost")])
        await store.create("done", [created("done"), ENDED])
        await store.close()
        (path,) = journals(disk)
        rot(disk, path, line=0)
        following = sim_store(disk)
        await following.start()
        assert await following.adopt_all() == {}
        assert path in disk.files()
        assert [f.kind for f in await following.fsck()] == ["damaged"]
        await following.close()

    run(story())
