"""Old runs go, whole files at a time; what is open loses nothing, and no id is used twice."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from flowdsl.engine.follow import created_by
from flowdsl.errors import InputError, StoreError
from flowdsl.saga.events import Event
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.offload import Inline
from flowdsl.world.store.summary import Claim, Pruned
from tests.counts import count
from tests.disk.journals import flipped
from tests.lives.simdisk import Operation, SimDisk
from tests.lives.virtual import at_once
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    ROOT,
    archived,
    created,
    document,
    events_of,
    fingerprint,
    journals,
    put,
    run,
    sim_store,
)

DAY = 86_400.0


def over(name: str, parent: str = "") -> list[Event]:
    return [replace(created(name), parent=parent), ENDED]


def lives(disk: SimDisk, day: float, *runs: Sequence[Event], claimed: bool = False) -> None:
    """One process on one day, in which these runs begin, and end or not."""

    async def story() -> None:
        store = FileStore(ROOT, disk, offload=Inline(), wall=lambda: day * DAY)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        for events in runs:
            name = created_by(events).run
            if claimed:
                await store.claim(name, fingerprint(name))
            await store.create(name, events)
            if ENDED in events:
                await store.finish(name)
        await store.close()

    run(story())


def prune(disk: SimDisk, before_day: float, *, only_plan: bool = False) -> Pruned:
    async def story() -> Pruned:
        store = FileStore(ROOT, disk, offload=Inline(), wall=lambda: 200 * DAY)
        await store.start()
        pruned = await store.prune(before_day * DAY, only_plan=only_plan)
        await store.close()
        return pruned

    return run(story())


def names(disk: SimDisk) -> set[str]:
    return {one.run for one in at_once(sim_store(disk, read_only=True).list())}


def test_what_is_old_goes_and_what_is_younger_stays() -> None:
    disk = SimDisk()
    lives(disk, 1, over("a"), over("b"))
    lives(disk, 50, over("c"))
    before = {path: disk.content(path) for path in disk.files()}
    planned = prune(disk, 40, only_plan=True)
    assert (planned.runs, {path: disk.content(path) for path in disk.files()}) == (2, before)
    assert prune(disk, 40) == planned
    assert names(disk) == names(disk.crash()) == {"c"}
    assert f"{DIGEST}.json" in {path.name for path in disk.files()}
    assert prune(disk, 40) == Pruned(0, 0)


def test_a_file_with_a_younger_run_stays_whole() -> None:
    disk = SimDisk()
    lives(disk, 1, over("a"))
    lives(disk, 3, over("b"))
    assert len([path for path in disk.files() if path.parent.name == "archive"]) == 1
    assert prune(disk, 2).runs == 0
    assert names(disk) == {"a", "b"}


def test_nothing_that_an_open_run_may_ask_for_goes() -> None:
    disk = SimDisk()
    lives(disk, 1, over("parent"))
    lives(disk, 20, over("child", parent="open"))
    lives(disk, 40, over("other"))
    lives(disk, 60, [replace(created("open"), parent="parent")])
    (journal,) = journals(disk)
    kept = disk.content(journal)
    assert prune(disk, 100).runs == 1
    assert names(disk) == {"parent", "child", "open"}
    assert disk.content(journal) == kept


def test_an_id_that_was_claimed_stays_claimed() -> None:
    disk = SimDisk()
    lives(disk, 1, over("mine"), claimed=True)
    lives(disk, 20, over("drawn"))
    assert prune(disk, 40).runs == 2
    assert names(disk) == set()
    assert [(line["run"], line["state"]) for line in archived(disk)] == [("mine", "pruned")]
    assert b"seats" not in disk.content(ROOT / "archive" / "3.jsonl"), "nothing else of it is left"

    async def again() -> None:
        store = sim_store(disk)
        await store.start()
        for inputs in ("mine", "other"):
            with pytest.raises(InputError, match="was pruned"):
                await store.claim("mine", fingerprint(inputs))
        with pytest.raises(InputError, match="was pruned"):
            await store.events("mine")
        with pytest.raises(InputError, match="taken"):
            await store.create("mine", over("mine"))
        assert await store.fsck() == []
        await store.close()

    run(again())
    assert prune(disk, 1_000).runs == 0, "what remains of it remains"


def test_what_is_damaged_stays_and_a_journal_that_cannot_be_read_stops_it() -> None:
    disk = SimDisk()
    lives(disk, 1, over("a"))
    path = ROOT / "archive" / "1.jsonl"
    disk.overwrite(path, flipped(disk.content(path), 800))
    assert prune(disk, 40).runs == 0
    assert path in disk.files()
    lives(disk, 60, [created("open")])
    (journal,) = journals(disk)
    disk.overwrite(journal, flipped(disk.content(journal), 800))
    with pytest.raises(StoreError, match="nobody can say what an open run needs"):
        prune(disk, 40)


def test_old_documents_of_older_versions_go_as_well() -> None:
    disk = SimDisk()
    lives(disk, 1, over("a"))
    disk.make_folder(ROOT / "runs")
    put(disk, ROOT / "runs" / "old.json", document(over("old")))
    assert names(disk) == {"a", "old"}
    assert prune(disk, 40).runs == 2
    assert names(disk) == set()


def test_a_power_cut_while_it_prunes_starts_nothing_again() -> None:
    disk = SimDisk()
    lives(disk, 1, over("mine"), over("more"), claimed=True)
    lives(disk, 20, over("b"), claimed=True)
    lives(disk, 60, [created("open")])
    cuts: list[SimDisk] = []
    told: set[bool] = set()

    def hook(when: str, operation: Operation) -> None:
        if when == "after" and operation.kind in (
            "create",
            "write",
            "sync",
            "sync_folder",
            "unlink",
        ):
            cuts.extend(
                (disk.crash(), disk.crash(names=True), disk.crash(keep=1 << 30, names=True))
            )

    disk.hook = hook
    assert prune(disk, 40).runs == 3

    async def look(cut: SimDisk) -> None:
        store = sim_store(cut)
        await store.start()
        for name in ("mine", "more", "b"):
            was_pruned = False
            try:
                assert await store.claim(name, fingerprint(name)) is Claim.TAKEN
                assert events_of(await store.events(name)) == over(name)
            except InputError as error:
                was_pruned = "was pruned" in error.message or pytest.fail(error.message)
            told.add(was_pruned)
        assert list(await store.adopt_all()) == ["open"]
        await store.close()

    for cut in cuts:
        run(look(cut))
    assert len(cuts) > 15
    assert told == {False, True}
    count("power cuts while old runs are pruned", len(cuts))
    assert {json.dumps(line["facts"]) for line in archived(disk)} == {'[{"t": "pruned"}]'}
