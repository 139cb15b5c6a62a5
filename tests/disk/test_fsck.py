"""Each kind of damage that these tests make has its explanation: where, what, why, what next; and its mending, if any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from flowdsl.errors import StoreError
from flowdsl.world.contents import Finding
from tests.counts import count
from tests.disk.journals import flipped, journal_of
from tests.simdisk import SimDisk
from tests.world.kit import DIGEST, ENDED, ROOT, created, events_of, facts, run, sim_store

DOCUMENT = ROOT / "runs" / "done.json"
Damage = Callable[[SimDisk], None]


def used() -> SimDisk:
    """A store that a process died in: `open` goes on, `done` has its document and stands in the journal still."""
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.pin(DIGEST, b"{}")
        await store.create("open", [created("open")])
        await store.create("done", [created("done"), ENDED])
        await store.append("open", facts(1))
        await store.append("open", facts(2))
        await store.finish("done", b"{}")
        await store.send("open", {"kind": "cancel"})

    run(story())
    return disk.killed()


def put(name: str, text: bytes) -> Damage:
    def damage(disk: SimDisk) -> None:
        handle = disk.create(ROOT / name)
        if text:
            disk.write(handle, text)
        disk.sync(handle)
        disk.close(handle)

    return damage


def flip(share: float) -> Damage:
    def damage(disk: SimDisk) -> None:
        data = disk.content(journal_of(disk))
        disk.overwrite(journal_of(disk), flipped(data, round(len(data) * share) * 8))

    return damage


def tear(disk: SimDisk) -> None:
    data = disk.content(journal_of(disk))
    disk.overwrite(journal_of(disk), data[:-30])


def zero(disk: SimDisk) -> None:
    data = disk.content(journal_of(disk))
    disk.overwrite(journal_of(disk), data + bytes(64))


def hurt_document(disk: SimDisk) -> None:
    disk.overwrite(DOCUMENT, flipped(disk.content(DOCUMENT), 400))


def hurt_only_document(disk: SimDisk) -> None:
    journal = journal_of(disk)
    disk.unlink(journal.with_suffix(".reserve"))
    disk.unlink(journal)
    hurt_document(disk)


def hurt_order(disk: SimDisk) -> None:
    (order,) = [path for path in disk.files() if path.parent.name == "inbox"]
    disk.overwrite(order, b'{"kind":')


def hurt_definition(disk: SimDisk) -> None:
    disk.overwrite(ROOT / "definitions" / f"{DIGEST}.json", b'{"steps"')


# kind of damage: how it is made, what is said of it, whether it can be mended, whether something goes to quarantine
KINDS: dict[str, tuple[Damage, str, bool, bool]] = {
    "a bit in an early batch": (flip(0.3), "came in whole once", False, False),
    "a bit in the last batch": (flip(0.95), "came in whole once", False, False),
    "a torn tail": (tear, "were never acknowledged", True, True),
    "sectors of zeros at the end": (zero, "were never acknowledged", True, True),
    "a document, journal at hand": (hurt_document, "its journal has it still", True, True),
    "a document, journal gone": (hurt_only_document, "is not the document", False, False),
    "an order": (hurt_order, "is no order", True, True),
    "a definition": (hurt_definition, "is no workflow any more", False, False),
    "a half-written file": (put("runs/.new-x", b"half"), "was being written", True, True),
    "an empty half-written file": (put("claims/.new-x", b""), "was being written", True, False),
    "a reserve": (put("journals/gone.reserve", b"\0"), "is the reserve of a journal", True, False),
    "an order for what is over": (put("inbox/done.00.json", b"{}"), "that has ended", True, True),
}


def fsck(disk: SimDisk, *, repair: bool = False) -> list[Finding]:
    store = sim_store(disk)

    async def story() -> list[Finding]:
        await store.start()
        found = store.fsck(repair=repair)
        await store.close()
        return found

    return asyncio.run(story())


@pytest.mark.parametrize("name", KINDS)
def test_each_damage_is_explained_and_mended_if_it_can_be(name: str) -> None:
    damage, said, repairable, is_kept = KINDS[name]
    # given
    disk = used()
    assert fsck(disk) == []
    damage(disk)
    before = {path: disk.content(path) for path in disk.files()}
    # when
    findings = fsck(disk)
    # then
    (finding,) = [each for each in findings if said in each.explanation]
    assert finding.path
    assert finding.code
    assert finding.help
    assert finding.repairable == repairable
    assert {path: disk.content(path) for path in disk.files()} == before, "looking changed it"
    # and when it is to be mended
    fsck(disk, repair=True)
    after = fsck(disk)
    assert [each for each in after if each.repairable] == []
    if repairable:
        assert {each.kind for each in after} == ({"kept"} if is_kept else set())
        assert (
            _adopted(disk) == [created("open"), *facts(1, 2)][: 2 if name == "a torn tail" else 3]
        )
    else:
        assert after == findings
        assert {path: disk.content(path) for path in disk.files()} == before, "nothing is guessed"
    count("kinds of damage that fsck explains")


def _adopted(disk: SimDisk) -> list[object]:
    store = sim_store(disk)

    async def story() -> list[object]:
        await store.start()
        assert events_of(store.events("done")) == [created("done"), ENDED]
        found = await store.adopt_all()
        await store.close()
        return list(found["open"])

    return asyncio.run(story())


def test_the_tail_of_a_living_process_is_not_touched() -> None:
    disk = used()
    tear(disk)
    path = journal_of(disk)
    before = disk.content(path)
    handle = disk.open(path, append=True)
    assert disk.lock(handle)
    fsck(disk, repair=True)
    assert disk.content(path) == before


def test_damage_to_one_run_stops_that_run_only() -> None:
    disk = used()
    hurt_only_document(disk)
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        with pytest.raises(StoreError) as refusal:
            store.events("done")
        assert refusal.value.code == "F203"
        await store.create("next", [created("next"), ENDED])
        await store.close()

    run(story())
