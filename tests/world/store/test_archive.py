"""Runs that are over: they move to the archive together, and can be read at every moment of it."""

from __future__ import annotations

import asyncio
import json
from functools import partial

import pytest

from flowdsl.plan.json import from_bytes
from flowdsl.saga.events import Event
from flowdsl.saga.records import BY_TAG
from flowdsl.world.store.archive_writer import ARCHIVE_BYTES
from flowdsl.world.store.archived_run import (
    is_sound,
    read_facts,
    read_summary,
    run_in,
    write_run,
)
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.journal import Record
from flowdsl.world.store.offload import Inline
from flowdsl.world.store.summary import Closing, RunSummary
from tests.counts import count
from tests.disk.journals import died, journal_of, read
from tests.lives.machine import RUN
from tests.lives.simdisk import Operation, SimDisk, _nothing
from tests.lives.virtual import at_once
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    ROOT,
    archived,
    created,
    events_of,
    facts,
    journals,
    old_store,
    run,
    sim_store,
)

CLOSING = Closing(7.25, "träveled", 'card "declined" ☂', 2)


# --- one line ------------------------------------------------------------------------------------------

SENT = (
    b'{"t":"started","call":"a","attempt":1,"at":1.50,"key":"fd1-x","request":{"method":"POST",'
    b'"url":"http:\\/\\/h\\"\\\\","headers":[["Content-Type","application/json"],["Idempotency-Key","fd1-x"]],'
    b'"body":"{\\"a\\":\\"}}\\"}"}}'
)
ANSWERED = (
    b'{"t":"finished","call":"a","attempt":1,"at":2,"outcome":{"t":"ok","status":201,'
    b'"headers":{"content-type":"application/json"},"body":{"a":{"t":"answered"},"b":"\\ud800"}}}'
)
ODD = (
    SENT,
    SENT.replace(b'"Idempotency-Key","fd1-x"', b'"Idempotency-Key","fd1-y"'),
    SENT.replace(b'["Content-Type","application/json"],', b"").replace(
        b',"body":"{\\"a\\":\\"}}\\"}"', b""
    ),
    SENT.replace(b'"attempt":1', b'"attempt":2'),
    SENT.replace(b'"POST"', b'"DELETE"'),
    SENT[:-1] + b',"seal":"x"}',
    ANSWERED,
    ANSWERED[:-2] + b',"misfit":"is not as described"}}',
    ANSWERED.replace(b'"ok"', b'"refused"'),
    ANSWERED.replace(b'{"content-type":"application/json"}', b'{"location":"x"}'),
    b'{"t":"ended","state":"succeeded"}',
)


def test_what_is_written_shorter_comes_back_as_it_was() -> None:
    disk = died().disk
    _, kept = read(journal_of(disk), disk.content(journal_of(disk)))
    real = [Record(1_000 + n, fact) for n, fact in enumerate(kept[RUN])]
    for records in (
        real,
        [Record(9, fact) for fact in ODD],
        [Record(5 - n, f) for n, f in enumerate(ODD)],
    ):
        text = write_run(RunSummary("r", "trip", 1.5, "succeeded", closing=CLOSING), records)
        assert text.endswith(b"\n")
        assert [record for _, record in read_facts(text[:-1])] == records
        assert text.isascii()
    shorter = json.loads(write_run(RunSummary("r", "t", 0.0, "x"), [Record(0, f) for f in ODD]))
    assert [fact["t"] for fact in shorter["facts"]].count("sent") == 2
    assert [fact["t"] for fact in shorter["facts"]].count("answered") == 2
    assert not {"sent", "answered"} & BY_TAG.keys(), "no fact has the name of a short one"


def test_a_line_says_what_a_list_shows() -> None:
    for closing in (CLOSING, Closing(1.0), None):
        one = RunSummary("r-1.x", "trip", 1.0625, "compensated", closing=closing)
        text = write_run(one, [Record(1, b'{"t":"x"}')])[:-1]
        assert is_sound(text)
        assert (run_in(text), read_summary(text)) == ("r-1.x", one)


# --- moving there --------------------------------------------------------------------------------------


async def ends(store: FileStore, *runs: str, closing: Closing | None = None) -> None:
    for name in runs:
        await store.create(name, over(name))
        await store.finish(name, closing)


def over(name: str) -> list[Event]:
    return [created(name), *facts(1), ENDED]


def test_any_number_of_runs_moves_with_one_sync() -> None:
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await ends(store, *(f"run-{number}" for number in range(500)))
        before = [disk.count(kind) for kind in ("sync", "sync_folder")]
        await store.close()
        syncs, folders = (
            disk.count(kind) - was
            for kind, was in zip(("sync", "sync_folder"), before, strict=True)
        )
        assert (syncs, folders) == (1, 2), "the lines; the name of the new file, and of the journal"
        assert journals(disk) == []

    run(story())
    assert len(archived(disk.crash())) == 500
    count("runs archived with one sync", 500)


def test_every_run_is_read_at_every_moment_of_its_move() -> None:
    looks = 0
    names = [f"run-{number}" for number in range(70)]

    def look(when: str, operation: Operation) -> None:
        nonlocal looks
        if not moving or operation.kind not in ("write", "sync", "sync_folder", "unlink", "create"):
            return
        if looks % 2 == 0:
            reader.__init__(ROOT, disk, offload=Inline(), read_only=True)  # type: ignore[misc]
        looks += 1
        disk.hook = _nothing
        for name in (names[0], names[-1]):
            assert events_of(at_once(reader.events(name))) == over(name)
        assert {one.ended for one in at_once(reader.list())} == {"succeeded"}
        assert len(at_once(reader.list())) == len(names)
        disk.hook = look

    disk, moving = SimDisk(hook=look), False
    reader = FileStore(ROOT, disk, offload=Inline(), read_only=True)

    async def story() -> None:
        nonlocal moving
        store = sim_store(disk)
        await store.start()
        await ends(store, *names)
        moving = True
        await store.close()

    run(story())
    assert looks > 10
    count("looks at runs while they are archived", looks)


def test_two_processes_write_two_files() -> None:
    disk = SimDisk()
    one, other = sim_store(disk), sim_store(disk)

    async def story() -> None:
        for store in (one, other):
            await store.start()
        await ends(one, "a")
        await ends(other, "b")
        handle = await one._own.writer.offload(one._own.writer._open)  # it is at it
        await other.close()
        assert [path.name for path in disk.files() if path.parent.name == "archive"] == [
            "1.jsonl",
            "2.jsonl",
        ]
        disk.close(handle.handle)
        await one.close()
        reader = sim_store(disk, read_only=True)
        assert {each.run for each in await reader.list()} == {"a", "b"}

    run(story())


def test_a_long_file_and_one_that_was_begun_long_ago_are_not_gone_on_with() -> None:
    disk = SimDisk()

    async def story() -> None:
        for wall, names in (
            (1_000.0, ["a"]),
            (1_000.0, ["b"]),
            (9e6, ["c"]),
            (9e6, ["long"]),
            (9e6, ["d"]),
        ):
            store = FileStore(ROOT, disk, offload=Inline(), wall=partial(float, wall))
            await store.start()
            if names == ["long"]:
                await store.create(
                    "long", [created("long"), *facts(*range(ARCHIVE_BYTES // 35)), ENDED]
                )
                await store.finish("long")
            else:
                await ends(store, *names)
            await store.close()

    run(story())
    found = {
        path.name: [json.loads(line)["run"] for line in disk.content(path).splitlines()]
        for path in disk.files()
        if path.parent.name == "archive"
    }
    assert found == {"1.jsonl": ["a", "b"], "2.jsonl": ["c", "long"], "3.jsonl": ["d"]}


def test_what_lists_show_of_a_run_is_kept_though_its_journal_stays() -> None:
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.create("open", [created("open")])
        await ends(store, "done", closing=CLOSING)
        found = {one.run: one.closing for one in await store.list()}
        assert found == {"open": None, "done": CLOSING}
        await store.close()
        found = {one.run: one.closing for one in await sim_store(disk, read_only=True).list()}
        assert found == {"open": None, "done": CLOSING}
        assert len(journals(disk)) == 1
        following = sim_store(disk)
        await following.start()
        assert list(await following.adopt_all()) == ["open"]
        assert journals(disk) != []
        await following.close()

    run(story())
    assert [line["run"] for line in archived(disk)] == ["done"], "once"


# --- stores of older versions --------------------------------------------------------------------------


def test_an_old_store_is_read_as_it_is() -> None:
    disk = old_store("a", "b")
    before = {path: disk.content(path) for path in disk.files()}

    async def story() -> None:
        reader = sim_store(disk, read_only=True)
        await reader.start()
        assert {each.run: each.ended for each in await reader.list()} == dict.fromkeys(
            "ab", "succeeded"
        )
        assert events_of(await reader.events("a")) == [created("a"), ENDED]
        assert await reader.fsck() == []

    run(story())
    assert {path: disk.content(path) for path in disk.files()} == before


def test_an_old_store_is_carried_over_by_who_writes_it() -> None:
    disk = old_store("a", "b", "hurt")
    path = ROOT / "runs" / "hurt.json"
    disk.overwrite(path, disk.content(path)[:-40])

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await ends(store, "new")
        await store.close()

    run(story())
    cut = disk.crash()
    assert sorted(line["run"] for line in archived(cut)) == ["a", "b", "new"]
    assert [p for p in disk.files() if p.parent.name == "runs"] == [path], "what is damaged stays"
    reader = sim_store(cut, read_only=True)
    assert events_of(at_once(reader.events("b"))) == [created("b"), ENDED]
    with pytest.raises(ValueError, match=r".+"):  # so an older flowdsl refuses it
        from_bytes(disk.content(ROOT / "store.json"))


def test_a_power_cut_while_an_old_store_is_carried_over_loses_nothing() -> None:
    cuts: list[SimDisk] = []

    def hook(when: str, operation: Operation) -> None:
        if when == "after" and operation.kind in (
            "write",
            "sync",
            "sync_folder",
            "unlink",
            "create",
        ):
            cuts.extend((disk.crash(), disk.crash(names=True), disk.crash(keep=1 << 30)))

    disk = old_store("a", "b")
    disk.hook = hook

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await ends(store, "new")
        await store.close()

    run(story())
    for cut in cuts:
        reader = sim_store(cut, read_only=True)
        at_once(reader.start())
        for name in "ab":
            assert events_of(at_once(reader.events(name))) == [created(name), ENDED]
    assert len(cuts) > 30
    count("power cuts while an old store is carried over", len(cuts))


def test_a_long_journal_moves_while_others_are_appended_to() -> None:
    """Runs go on ending while what is over is written in pieces."""
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk, rotate_bytes=20_000)
        await store.start()

        async def lane(number: int) -> None:
            for each in range(40):
                await ends(store, f"run-{number}-{each}")

        await asyncio.gather(*(lane(number) for number in range(8)))
        await store.close()

    run(story())
    assert sorted(line["run"] for line in archived(disk)) == sorted(
        f"run-{number}-{each}" for number in range(8) for each in range(40)
    )
