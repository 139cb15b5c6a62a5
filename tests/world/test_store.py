"""What every store promises, whatever it is made of: the suite that a new one has to pass.

It takes any store: add a `Place` that makes some to the parameters of `place`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import pytest
from msgspec.structs import replace

from flowdsl.errors import InputError, StoreError
from flowdsl.saga.events import Event
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.memory import Memory, MemoryStore
from flowdsl.world.store.port import Checkable, Store
from flowdsl.world.store.summary import Claim
from tests.lives.simdisk import SimDisk
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    created,
    events_of,
    facts,
    intent,
    run,
    sim_store,
)
from tests.world.store.slow_store import Shelf, SlowStore


@runtime_checkable
class Counting(Protocol):
    """A store that counts how often a run changed hands."""

    def epoch(self, run: str) -> int: ...


def epoch(store: Store, run: str) -> int | None:
    return store.epoch(run) if isinstance(store, Counting) else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where stores of several processes stand side by side; `die` ends one the hard way."""

    store: Callable[[], Store]
    die: Callable[[Store], None]


def _files(folder: Path) -> Place:
    def die(store: Store) -> None:
        assert isinstance(store, FileStore)
        committer = store._own._committer
        assert committer is not None
        store._disk.close(
            committer.journal.handle
        )  # the kernel does that for a process that is killed
        store._offload.close()

    return Place(lambda: FileStore(folder / "deep" / ".flowdsl"), die)


def _simulated(_: Path) -> Place:
    disk = SimDisk()

    def die(store: Store) -> None:
        assert isinstance(store, FileStore)
        committer = store._own._committer
        assert committer is not None
        disk.close(committer.journal.handle)

    return Place(lambda: sim_store(disk), die)


def _memory(_: Path) -> Place:
    memory = Memory()

    def die(store: Store) -> None:
        assert isinstance(store, MemoryStore)
        store.die()

    return Place(lambda: MemoryStore(memory), die)


def _slow(_: Path) -> Place:
    shelf = Shelf()

    def die(store: Store) -> None:
        assert isinstance(store, SlowStore)
        store.die()

    return Place(lambda: SlowStore(shelf), die)


@pytest.fixture(params=[_files, _simulated, _memory, _slow])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    found: Place = request.param(tmp_path)
    return found


def test_what_was_kept_is_read_back_by_every_process(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        assert mine.key == other.key
        await mine.create("trip-a", [created("trip-a"), intent()])
        await mine.append("trip-a", facts(1))
        await mine.append("trip-a", [])
        for store in (mine, other):
            assert events_of(await store.events("trip-a")) == [
                created("trip-a"),
                intent(),
                *facts(1),
            ]
            assert [record.event for record in await store.follow("trip-a", 2)] == facts(1)
            assert await store.follow("trip-a", 3) == []
        await mine.append("trip-a", facts(2, 3))
        assert [record.sequence for record in await other.follow("trip-a", 3)] == [4, 5]
        await mine.close()
        await other.close()

    run(story())


def test_a_run_that_ended_is_read_as_before_and_driven_by_nobody(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        await mine.create("trip-a", [created("trip-a"), *facts(1), ENDED])
        await mine.finish("trip-a")
        expected = [created("trip-a"), *facts(1), ENDED]
        assert events_of(await mine.events("trip-a")) == expected
        assert events_of(await other.events("trip-a")) == expected
        with pytest.raises(StoreError):
            await mine.append("trip-a", facts(2))
        await mine.close()
        assert events_of(await other.events("trip-a")) == expected
        assert [record.event for record in await other.follow("trip-a", 2)] == [ENDED]
        assert await other.adopt("trip-a") is None
        assert await other.adopt_all() == {}
        await other.close()

    run(story())


def test_only_a_dead_drivers_runs_are_taken_over(place: Place) -> None:
    async def story() -> None:
        first, second, third = place.store(), place.store(), place.store()
        for store in (first, second, third):
            await store.start()
        await first.create("trip-a", [created("trip-a"), intent()])
        # while it lives
        assert await second.adopt("trip-a") is None
        assert await second.adopt_all() == {}
        assert await first.adopt("trip-a") is None, "its own"
        # when it has died
        place.die(first)
        assert await second.adopt("trip-a") == [created("trip-a"), intent()]
        assert epoch(second, "trip-a") in (None, 2)
        assert await third.adopt("trip-a") is None
        await second.append("trip-a", facts(1))
        assert events_of(await third.events("trip-a")) == [created("trip-a"), intent(), *facts(1)]
        # and a closed one is as dead
        await second.close()
        assert await third.adopt_all() == {"trip-a": [created("trip-a"), intent(), *facts(1)]}
        assert epoch(third, "trip-a") in (None, 3)
        await third.close()

    run(story())


def test_who_does_not_drive_a_run_appends_nothing_to_it(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        await mine.create("trip-a", [created("trip-a")])
        for attempt in (other.append("trip-a", facts(1)), other.finish("trip-a")):
            with pytest.raises(StoreError, match="not driven by this process") as refusal:
                await attempt
            assert refusal.value.code == "F204"
        if isinstance(other, Counting):
            with pytest.raises(StoreError):
                other.epoch("trip-a")
        await mine.close()
        await other.close()

    run(story())


def test_a_run_is_created_once(place: Place) -> None:
    async def story() -> None:
        store = place.store()
        await store.start()
        await store.create("trip-a", [created("trip-a")])
        with pytest.raises(InputError, match="taken"):
            await store.create("trip-a", [created("trip-a")])
        await store.append("trip-a", [ENDED])
        await store.finish("trip-a")
        with pytest.raises(InputError, match="taken"):
            await store.create("trip-a", [created("trip-a")])
        await store.close()

    run(story())


def test_those_that_are_not_wanted_stay_where_they_are(place: Place) -> None:
    async def story() -> None:
        first, second, third = place.store(), place.store(), place.store()
        for store in (first, second, third):
            await store.start()
        for name in ("a", "b", "c"):
            await first.create(name, [created(name), *facts(1)])
        place.die(first)

        async def is_b(events: list[Event]) -> bool:
            return events[0] == created("b")

        assert list(await second.adopt_all(is_b)) == ["b"]
        assert events_of(await second.events("a")) == [created("a"), *facts(1)]
        assert sorted(await third.adopt_all()) == ["a", "c"]
        await second.close()
        await third.close()

    run(story())


def test_the_list_shows_what_is_open_what_has_ended_and_who_is_driven(place: Place) -> None:
    async def story() -> None:
        first, second = place.store(), place.store()
        await first.start()
        await second.start()
        await first.create("old", [created("old", 1.0), ENDED])
        await first.finish("old")
        await first.create("new", [created("new", 2.0)])
        for store in (first, second):
            shown = [
                (s.run, s.workflow, s.created_at, s.ended, s.driven) for s in await store.list()
            ]
            assert shown == [
                ("new", "trip", 2.0, "", True),
                ("old", "trip", 1.0, "succeeded", False),
            ]
        place.die(first)
        assert [s.driven for s in await second.list()] == [False, False]
        await second.close()

    run(story())


def test_a_run_is_found_by_any_unique_beginning_and_the_newest_by_none(place: Place) -> None:
    async def story() -> None:
        store = place.store()
        await store.start()
        with pytest.raises(InputError, match="no runs yet"):
            await store.find()
        for at, name in enumerate(("trip-abc", "trip-abd", "order-x", "trip")):
            await store.create(name, [created(name, 10.0 - at)])
        assert await store.find("trip-abc") == "trip-abc"
        assert await store.find("o") == "order-x"
        assert await store.find("trip") == "trip", "the whole id, though others begin with it"
        assert await store.find() == "trip-abc"
        with pytest.raises(InputError, match="beginning of 2 runs"):
            await store.find("trip-a")
        with pytest.raises(InputError, match="no run") as refusal:
            await store.find("trip-axc")
        assert "did you mean `trip-a" in refusal.value.help
        for ask in (store.events("nothing"), store.adopt("nothing")):
            with pytest.raises(InputError):
                await ask
        await store.close()

    run(story())


def test_a_run_that_has_ended_may_be_the_newest(place: Place) -> None:
    async def story() -> None:
        store = place.store()
        await store.start()
        await store.create("open", [created("open", 1.0)])
        for at, name in ((3.0, "newest"), (2.0, "newer")):
            await store.create(name, [created(name, at), ENDED])
            await store.finish(name)
        assert await store.find() == "newest"
        await store.close()

    run(story())


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "-a", ".a", "a\n", "a\0", "ä", "a b", "x" * 65, "\ud800", "%2f"],
)
def test_an_id_that_could_lead_elsewhere_is_refused_before_anything_is_done(
    place: Place, name: str
) -> None:
    async def story() -> None:
        store = place.store()
        await store.start()
        for attempt in (
            store.create(name, [created("a")]),
            store.claim(name, "f"),
            store.send(name, None),
            store.adopt(name),
        ):
            with pytest.raises(InputError) as refusal:
                await attempt
            assert refusal.value.code == "F207"
        with pytest.raises(InputError):
            await store.events(name)
        await store.close()

    run(story())


def test_a_definition_is_what_was_pinned_first(place: Place) -> None:
    async def story() -> None:
        store = place.store()
        await store.start()
        await store.pin(DIGEST, b"one")
        await store.pin(DIGEST, b"two")
        again = place.store()
        await again.start()
        await again.pin(DIGEST, b"three")
        assert await store.definition(DIGEST) == await again.definition(DIGEST) == b"one"
        await store.close()
        await again.close()

    run(story())


def test_a_chosen_id_starts_once(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        assert await mine.claim("today", "file 1") is Claim.MINE
        await mine.create("today", [created("today")])
        for store in (mine, other):
            assert await store.claim("today", "file 1") is Claim.TAKEN
            with pytest.raises(InputError, match="taken") as refusal:
                await store.claim("today", "file 2")
            assert refusal.value.code == "F206"
        await mine.append("today", [ENDED])
        await mine.finish("today")
        await mine.close()
        assert await other.claim("today", "file 1") is Claim.TAKEN
        await other.close()

    run(story())


def test_a_claim_whose_maker_died_before_it_started_anything_is_free(place: Place) -> None:
    async def story() -> None:
        first, second = place.store(), place.store()
        await first.start()
        await second.start()
        assert await first.claim("today", "file 1") is Claim.MINE
        await first.close()
        assert await second.claim("today", "file 2") is Claim.MINE
        await second.create("today", [created("today")])
        assert await second.claim("today", "file 2") is Claim.TAKEN
        await second.close()

    run(story())


def test_commands_reach_the_driver_once_and_in_their_order(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        await mine.create("trip-a", [created("trip-a")])
        sent = [await other.send("trip-a", {"kind": "cancel"}), await other.send("elsewhere", 1)]
        assert list(await other.take_orders()) == []
        assert list(await mine.take_orders()) == [("trip-a", sent[0], {"kind": "cancel"})]
        assert list(await mine.take_orders()) == [], "each once"
        sent.append(await other.send("trip-a", [1]))
        assert [command for _, _, command in await mine.take_orders()] == [[1]]
        # a driver that died before it recorded them leaves them to the next one
        await mine.drop_order(sent[0])
        await mine.drop_order(sent[0])
        place.die(mine)
        await other.adopt("trip-a")
        assert [each.order_id for each in await other.take_orders()] == [sent[2]]
        await other.close()

    run(story())


def test_nothing_is_wrong_with_a_store_that_was_used_as_it_should_be(place: Place) -> None:
    async def story() -> None:
        store = place.store()
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.create("a", [created("a")])
        await store.create("b", [created("b"), ENDED])
        await store.finish("b")
        assert not isinstance(store, Checkable) or await store.fsck() == []
        await store.close()
        assert not isinstance(store, Checkable) or await store.fsck(repair=True) == []

    run(story())


def test_many_runs_at_once_keep_each_their_own_facts(place: Place) -> None:
    async def one(store: Store, number: int) -> None:
        name = f"run-{number}"
        await store.create(name, [created(name)])
        for fact in facts(*range(5)):
            await store.append(name, [fact])
        if number % 2:
            await store.append(name, [ENDED])
            await store.finish(name)

    async def story() -> None:
        store, reader = place.store(), place.store()
        await store.start()
        await reader.start()
        await asyncio.gather(*(one(store, number) for number in range(60)))
        for number in range(60):
            expected = [
                created(f"run-{number}"),
                *facts(*range(5)),
                *([ENDED] if number % 2 else []),
            ]
            assert events_of(await reader.events(f"run-{number}")) == expected
        await store.close()
        assert len(await reader.adopt_all()) == 30
        await reader.close()

    run(story())


def test_an_event_starts_one_run_whatever_its_id(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        assert await mine.started_by("event-1") is None
        assert await mine.claim_event("event-1", "order-7") == "order-7"
        for store in (mine, other):
            assert await store.started_by("event-1") == "order-7"
            assert await store.claim_event("event-1", "order-8") == "order-7"
        assert await other.claim("event-2", "file 1") is Claim.MINE
        assert await mine.started_by("event-2") == "event-2", "the run has the id of its event"
        await mine.close()
        await other.close()

    run(story())


def test_a_claim_that_is_given_back_is_free_at_once(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        assert await mine.claim("today", "file 1") is Claim.MINE
        await mine.unclaim("today")
        assert await other.claim("today", "file 2") is Claim.MINE
        await mine.close()
        await other.close()

    run(story())


def test_of_many_that_claim_one_id_at_once_one_starts_it(place: Place) -> None:
    async def story() -> None:
        stores = [place.store() for _ in range(3)]
        for store in stores:
            await store.start()

        async def start(store: Store) -> Claim:
            claim = await store.claim("today", "file 1")
            if claim is Claim.MINE:
                await store.create("today", [created("today")])
            return claim

        claims = await asyncio.gather(*(start(store) for store in stores for _ in range(3)))
        assert sorted(claim.value for claim in claims) == ["mine", *["taken"] * 8]
        for store in stores:
            await store.close()

    run(story())


def test_what_lies_in_the_inbox_is_seen_by_whoever_looks_and_comes_again_when_put_back(
    place: Place,
) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        await mine.create("trip-a", [created("trip-a")])
        async with other.alone_at_the_inbox():
            sent = await other.send("trip-a", {"kind": "cancel"})
        assert list(await other.orders_for("trip-a")) == [("trip-a", sent, {"kind": "cancel"})]
        assert [one.order_id for one in await mine.take_orders()] == [sent]
        assert mine.unread() == {}
        mine.put_back(sent)
        assert [one.order_id for one in await mine.take_orders()] == [sent]
        await mine.drop_order(sent)
        assert list(await other.orders_for("trip-a")) == []
        await mine.close()
        await other.close()

    run(story())


def test_runs_with_one_key_stand_in_line(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        for store, name in ((mine, "one"), (other, "two"), (mine, "three")):
            await store.create(name, [replace(created(name), key="k")])
            assert await store.first_in_queue("k", name) == "one"
        assert await other.before_in_queue("k", "two") == "one"
        assert await other.before_in_queue("k", "one") is None
        await mine.append("one", [ENDED])
        await mine.leave_queue("k", "one")
        assert await mine.first_in_queue("k", "three") == "two"
        assert await other.first_in_queue("k", "two") == "two"
        await other.append("two", [ENDED])  # and nobody tears its place up
        assert await mine.first_in_queue("k", "three") == "three"
        await mine.close()
        await other.close()

    run(story())


def test_what_others_did_since_the_last_look_is_told_once(place: Place) -> None:
    async def story() -> None:
        mine, other = place.store(), place.store()
        await mine.start()
        await other.start()
        await mine.create("own", [created("own")])
        for name in ("a", "b"):
            await other.create(name, [created(name)])
        assert await mine.moved() == {"a", "b"}
        assert await mine.moved() == set()
        await other.append("b", facts(1))
        await mine.append("own", facts(1))
        assert await mine.moved() == {"b"}
        assert {one.run for one in await mine.unfinished()} == {"own", "a", "b"}
        assert await mine.is_driven("a")
        assert not await mine.is_driven("nothing")
        await mine.close()
        await other.close()

    run(story())
