"""Each kind of damage that these tests make has its explanation: where, what, why, what next; and its mending, if any."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from fnmatch import fnmatch

import pytest
from msgspec.structs import replace

from flowdsl.errors import StoreError
from flowdsl.saga.events import Admitted
from flowdsl.world.store.queues import queue_of
from flowdsl.world.store.summary import StoreFinding
from tests.counts import count
from tests.disk.journals import flipped, journal_of
from tests.lives.simdisk import Operation, SimDisk
from tests.lives.virtual import at_once
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    ROOT,
    created,
    document,
    events_of,
    facts,
    fingerprint,
    run,
    sim_store,
)

LINE = ROOT / "archive" / "1.jsonl"
KEY = "trip k"
QUEUE = f"queues/{queue_of(KEY)}"
Damage = Callable[[SimDisk], object]


def used() -> SimDisk:
    """A store that a process died in: `open` goes on, `done` is in the archive and stands in the journal still.

    It is the turn of `keyed`, which is in the queue of its key.
    """
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.claim("open", fingerprint("open"))
        await store.create("open", [created("open")])
        await store.create("keyed", [replace(created("keyed"), key=KEY), Admitted(1.0)])
        assert await store.first_in_queue(KEY, "keyed") == "keyed"
        await store.create("done", [created("done"), ENDED])
        await store.append("open", facts(1))
        await store.append("open", facts(2))
        await store.finish("done")
        await store.send("open", {"kind": "cancel"})
        await store.close()

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


def hurt_line(disk: SimDisk) -> None:
    disk.overwrite(LINE, flipped(disk.content(LINE), 800))


def tear_line(disk: SimDisk) -> None:
    disk.overwrite(LINE, disk.content(LINE)[:-9])


def hole_in_line(disk: SimDisk) -> None:
    data = disk.content(LINE)
    disk.overwrite(LINE, data[:100] + bytes(30) + data[130:])


def without_journal(damage: Damage) -> Damage:
    def damaged(disk: SimDisk) -> None:
        disk.unlink(journal_of(disk))
        disk.lose_folder(ROOT / "queues")
        damage(disk)

    return damaged


def old_document(disk: SimDisk) -> None:
    """Left by an older version, and damaged."""
    disk.make_folder(ROOT / "runs")
    put("runs/old.json", flipped(document([created("old"), ENDED]), 400))(disk)


def hurt_order(disk: SimDisk) -> None:
    (order,) = [path for path in disk.files() if path.parent.name == "inbox"]
    disk.overwrite(order, b'{"kind":')


def lose(name: str) -> Damage:
    return lambda disk: disk.unlink(ROOT / name)


def zeros(name: str) -> Damage:
    return lambda disk: disk.overwrite(ROOT / name, bytes(len(disk.content(ROOT / name))))


def change(name: str, old: bytes, new: bytes) -> Damage:
    def damage(disk: SimDisk) -> None:
        before = disk.content(ROOT / name)
        assert old in before
        disk.overwrite(ROOT / name, before.replace(old, new, 1))

    return damage


def both_are_missing(disk: SimDisk) -> None:
    disk.unlink(ROOT / "key")
    disk.unlink(ROOT / "store.json")


def in_place_of_a_folder(disk: SimDisk) -> None:
    disk.lose_folder(ROOT / "quarantine")
    put("quarantine", b"")(disk)


def one_digit_of_the_key(disk: SimDisk) -> None:
    first = disk.content(ROOT / "key")[:1]
    change("key", first, b"e" if first != b"e" else b"f")(disk)


def one_digit_of_a_claim(disk: SimDisk) -> None:
    first = fingerprint("open")[:1].encode()
    change("claims/open", first, b"e" if first != b"e" else b"f")(disk)


# kind of damage: how it is made, what is said of it, whether it can be mended, whether something goes to quarantine
KINDS: dict[str, tuple[Damage, str, bool, bool]] = {
    "a bit in an early batch": (flip(0.3), "came in whole once", False, False),
    "a bit in the last batch": (flip(0.95), "came in whole once", False, False),
    "a torn tail": (tear, "were never acknowledged", True, True),
    "sectors of zeros at the end": (zero, "were never acknowledged", True, True),
    "a line of the archive, journal at hand": (hurt_line, "it stands elsewhere as well", True, True),
    "a line of the archive, journal gone": (without_journal(hurt_line), "the line of done, are not what was written", False, False),
    "a torn line of the archive": (tear_line, "were never acknowledged", True, True),
    "a hole in a line of the archive": (hole_in_line, "never came to the disk whole", True, True),
    "a document": (old_document, "is not the document", False, False),
    "an order": (hurt_order, "is not an order", True, True),
    "a half-written file": (put("archive/.new-x", b"half"), "was being written", True, True),
    "an empty half-written file": (put("claims/.new-x", b""), "was being written", True, False),
    "a reserve": (put("journals/gone.reserve", b"\0"), "is the reserve of a journal", True, False),
    "an order for what is over": (put("inbox/done.00.json", b"{}"), "that has ended", True, True),
    "store.json is missing": (lose("store.json"), "holds nothing of any run", True, False),
    "store.json is all zeros": (zeros("store.json"), "holds nothing of any run", True, True),
    "store.json is of something else": (change("store.json", b"flowdsl", b"Flowdsl"), "holds nothing of any run", True, True),
    "the key is missing": (lose("key"), "under another key", False, False),
    "the key is all zeros": (zeros("key"), "under another key", False, False),
    "a digit of the key": (one_digit_of_the_key, "under another key", False, False),
    "the key and store.json are another's": (change("store.json", b'"key":"', b'"key":"0'), "under another key", False, False),
    "a folder is missing": (lambda disk: disk.lose_folder(ROOT / "quarantine"), "a folder of the store", True, False),
    "the key and store.json are missing": (both_are_missing, "under another key", False, False),
    "a file in place of a folder": (in_place_of_a_folder, "is not a folder", False, False),
    "a definition is missing": (lose(f"definitions/{DIGEST}.json"), "is missing: the runs that are pinned to it", False, False),
    "a definition is all zeros": (zeros(f"definitions/{DIGEST}.json"), "is not what was pinned: the runs that", False, False),
    "a definition says something else": (change(f"definitions/{DIGEST}.json", b"wait: 1s", b"wait: 9s"), "is not what was pinned: the runs that", False, False),
    "a definition that nobody has": (put(f"definitions/{'0' * 64}.json", b""), "no run that is known of", False, False),
    "a digit of a claim": (one_digit_of_a_claim, "the run itself says it", True, True),
    "a claim is all zeros": (zeros("claims/open"), "the run itself says it", True, True),
    "a claim of no run": (put("claims/nobody", bytes(64)), "there is no run of that id", True, True),
    "a ticket is missing": (lose(f"{QUEUE}/{1:012}.keyed"), "its ticket is missing", True, False),
    "all tickets are missing": (lambda disk: disk.lose_folder(ROOT / "queues"), "its ticket is missing", True, False),
    "what is not a ticket": (put(f"{QUEUE}/rubbish", b"?"), "is not a ticket of this queue", True, True),
    "a ticket of another queue": (put(f"{QUEUE}/{7:012}.open", b""), "is not a ticket of this queue", True, True),
    "a ticket of what is over": (put(f"{QUEUE}/{7:012}.gone", b""), "of a run that is over", True, False),
}  # fmt: skip


def fsck(disk: SimDisk, *, repair: bool = False) -> list[StoreFinding]:
    return [*at_once(sim_store(disk, read_only=True).fsck(repair=repair))]


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
        left = 2 if name == "a torn tail" else 3
        assert _adopted(disk) == [created("open"), *facts(1, 2)][:left]
    else:
        assert after == findings
        assert {path: disk.content(path) for path in disk.files()} == before, "nothing is guessed"
    count("kinds of damage that fsck explains")


def _adopted(disk: SimDisk) -> list[object]:
    store = sim_store(disk)

    async def story() -> list[object]:
        await store.start()
        assert events_of(await store.events("done")) == [created("done"), ENDED]
        found = await store.adopt_all()
        await store.close()
        return list(found["open"])

    return asyncio.run(story())


@pytest.mark.parametrize(
    "name",
    [
        "key",
        "store.json",
        f"definitions/{DIGEST}.json",
        "claims/open",
        "archive/1.jsonl",
        "inbox/*",
    ],
)
def test_what_cannot_be_read_is_named_and_left_as_it_is(name: str) -> None:
    disk = used()

    def hook(when: str, operation: Operation) -> None:
        reads = when == "before" and operation.kind in ("read", "read_link")
        if reads and operation.path.match(str(ROOT / name)):
            raise OSError(errno.EIO, "no", str(operation.path))

    disk.hook = hook
    before = {path: disk.content(path) for path in disk.files()}
    (finding,) = fsck(disk, repair=True)
    assert fnmatch(finding.path, name)
    assert (finding.kind, finding.code, finding.repairable) == ("unreadable", "F200", False)
    assert {path: disk.content(path) for path in disk.files()} == before


def test_a_claim_of_no_run_stays_while_a_journal_may_hold_its_run() -> None:
    disk = used()
    flip(0.05)(disk)
    put("claims/nobody", bytes(64))(disk)
    fsck(disk, repair=True)
    (finding,) = [each for each in fsck(disk) if each.path == "claims/nobody"]
    assert not finding.repairable
    assert finding.help


def test_what_was_put_aside_before_is_not_written_over() -> None:
    disk = used()
    for text in (b"one", b"two"):
        put("archive/.new-x", text)(disk)
        fsck(disk, repair=True)
    kept = [path for path in disk.files() if path.parent.name == "quarantine"]
    assert {disk.content(path) for path in kept if "why" not in path.name} == {b"one", b"two"}
    assert len(kept) == 4


def test_a_store_of_a_newer_flowdsl_is_not_mended() -> None:
    disk = used()
    change("store.json", b'"version":2', b'"version":3')(disk)
    with pytest.raises(StoreError) as refusal:
        fsck(disk, repair=True)
    assert refusal.value.code == "F202"


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
    without_journal(hurt_line)(disk)
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        with pytest.raises(StoreError) as refusal:
            await store.events("done")
        assert refusal.value.code == "F203"
        await store.create("next", [created("next"), ENDED])
        await store.close()

    run(story())
