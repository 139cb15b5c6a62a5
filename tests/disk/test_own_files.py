"""What the store keeps for itself, hurt in every way: the key, `store.json`, definitions, claims, tickets.

Never another key, another workflow, a second run of one id or a second run at once: what is hurt is refused by name, or
what the runs say of themselves is believed.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pytest
from msgspec.structs import replace

from flowdsl.engine.pinned import definition_of, plan_from
from flowdsl.errors import FlowdslError, InputError, StoreError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Admitted, Created
from flowdsl.world.store.summary import Claim
from tests.counts import count
from tests.disk.journals import flipped
from tests.lives.constructs import CHILD, saga
from tests.lives.death import Death
from tests.lives.simdisk import SimDisk
from tests.lives.stage import workflow
from tests.lives.virtual import at_once
from tests.world.store.kit import (
    DEFINITION,
    DIGEST,
    ENDED,
    ROOT,
    created,
    facts,
    fingerprint,
    journals,
    run,
    sim_store,
)
from tests.world.store.test_crash import after, stop_at

KEY = "trip k"
USES = """
- id: child
  uses: ./child.yaml
  with: { warehouse: wh-1 }
"""


def hurt(data: bytes, every: int = 1) -> Iterator[bytes]:
    """Cut short anywhere, all zeros, and with each bit flipped."""
    yield from (data[:size] for size in range(0, len(data), every))
    yield bytes(len(data))
    yield from (flipped(data, bit) for bit in range(0, 8 * len(data), every))


def tried_to(work: Callable[[], object]) -> object:
    """What came of it, be it an error that a person hears of."""
    try:
        return work()
    except FlowdslError as error:
        return error


def said(found: object, *codes: str) -> bool:
    return isinstance(found, FlowdslError) and found.code in codes and bool(found.help)


def used(*names: str) -> SimDisk:
    """Runs with claimed ids, open, whose driver died."""
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        for name in names:
            assert await store.claim(name, fingerprint(name)) is Claim.MINE
            await store.create(name, [created(name), *facts(1)])

    run(story())
    return disk.killed()


# --- the key and store.json ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["key", "store.json"])
def test_no_damage_to_the_key_or_store_json_is_another_key(name: str) -> None:
    # given
    disk = used("a")
    whole = disk.content(ROOT / name)
    key = key_of(disk)
    refused = 0
    tried = list(hurt(whole))
    # when
    for text in tried:
        disk.overwrite(ROOT / name, text)
        # then
        found = tried_to(lambda: key_of(disk))
        refused += isinstance(found, FlowdslError)
        assert found == key or said(found, "F203", "F202")
    assert refused > len(tried) / 2
    count("cuts and flips of the key and store.json", len(tried))


def key_of(disk: SimDisk) -> bytes:
    async def story() -> bytes:
        store = sim_store(disk)
        await store.start()
        await store.close()
        return store.key

    return run(story())


@pytest.mark.parametrize("lost", [("key",), ("store.json",), ("key", "store.json")])
def test_a_store_that_lost_what_it_stands_on_gets_nothing_new_by_itself(
    lost: tuple[str, ...],
) -> None:
    disk = used("a")
    for name in lost:
        disk.unlink(ROOT / name)
    before = disk.files()
    with pytest.raises(StoreError, match="is missing") as refusal:
        key_of(disk)
    assert refusal.value.code == "F203"
    assert disk.files() == before


def test_a_store_that_was_only_half_made_is_finished() -> None:
    key_of(whole := SimDisk())
    for operation in whole.operations:
        disk = SimDisk(hook=stop_at(operation.number, "before"))
        with pytest.raises(Death):
            key_of(disk)
        for found in after(disk):
            key_of(found)
    assert len(whole.operations) > 40


def test_a_store_made_before_its_key_had_a_digest_is_read() -> None:
    disk = used("a")
    key = key_of(disk)
    disk.overwrite(
        ROOT / "store.json", b'{"format":"flowdsl-store","version":1,"id":"0011223344556677"}\n'
    )
    assert key_of(disk) == key


# --- definitions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plan", [workflow("trip.yaml"), saga(USES, child=CHILD)], ids=["trip", "with another file"]
)
def test_no_damage_to_a_definition_is_another_workflow(plan: Plan, *, full: bool) -> None:
    document = definition_of(plan)
    refused = 0
    tried = list(hurt(document, 1 if full else 7))
    for text in tried:
        found = tried_to(partial(plan_from, text, plan.digest))
        refused += isinstance(found, FlowdslError)
        if isinstance(found, Plan):
            assert (found.digest, found.source) == (plan.digest, plan.source)
            assert found.files == plan.files
        else:
            assert said(found, "F131")
    assert refused > len(tried) / 2
    count("cuts and flips of a definition", len(tried))


def test_a_damaged_definition_is_pinned_anew_by_a_run_of_the_same_file() -> None:
    disk = used("a")
    path = ROOT / "definitions" / f"{DIGEST}.json"
    disk.overwrite(path, flipped(DEFINITION, 300))

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.pin(DIGEST, DEFINITION)
        await store.close()

    run(story())
    assert disk.content(path) == DEFINITION
    (kept,) = [p for p in disk.files() if p.parent.name == "quarantine" and "why" not in p.name]
    assert disk.content(kept) == flipped(DEFINITION, 300)


def test_a_definition_that_is_missing_is_said_to_be() -> None:
    disk = used("a")
    disk.unlink(ROOT / "definitions" / f"{DIGEST}.json")
    with pytest.raises(StoreError, match="is missing") as refusal:
        at_once(sim_store(disk, read_only=True).definition(DIGEST))
    assert refusal.value.code == "F131"


# --- claims -------------------------------------------------------------------------------------------


def test_no_damage_to_a_claim_starts_its_run_twice_or_turns_it_away() -> None:
    disk = used("mine")
    path = ROOT / "claims" / "mine"
    whole = disk.content(path)
    old = fingerprint("mine").encode()  # a file, as flowdsl 0.1.0 wrote it
    for text, is_file in (
        (None, False),
        *((text, False) for text in hurt(whole, 7)),
        *((text, True) for text in (old, *hurt(old, 7))),
    ):
        now = disk.killed()
        if text is None or is_file:
            now.unlink(path)
        else:
            now.overwrite(path, text)
        if is_file and text is not None:
            handle = now.create(path)
            now.write(handle, text)
            now.sync(handle)
            now.close(handle)

        async def story(disk: SimDisk = now) -> None:
            store = sim_store(disk)
            await store.start()
            assert await store.claim("mine", fingerprint("mine")) is Claim.TAKEN
            with pytest.raises(InputError) as refusal:
                await store.claim("mine", "of another file")
            assert refusal.value.code == "F206"
            await store.close()

        run(story())
        count("cuts and flips of a claim")


def test_an_id_that_a_run_was_given_by_chance_is_not_started_again() -> None:
    """It was never claimed, and stands in the journal of a process that died."""
    disk = SimDisk()

    async def story() -> None:
        store, other = sim_store(disk), sim_store(disk)
        await store.start()
        await store.create("trip-x", [created("trip-x")])
        await other.start()
        with pytest.raises(InputError) as refusal:
            await other.claim("trip-x", "of another file")
        assert refusal.value.code == "F206"
        assert await other.claim("trip-x", fingerprint("trip-x")) is Claim.TAKEN
        await other.close()

    run(story())


def test_a_claim_whose_run_may_be_in_a_damaged_journal_starts_nothing() -> None:
    # given a journal whose only run lost all its lines
    disk = used("mine")
    (journal,) = journals(disk)
    disk.overwrite(journal, b"rubbish\n")

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        with pytest.raises(StoreError, match="cannot be said") as refusal:
            await store.claim("mine", fingerprint("mine"))
        assert refusal.value.code == "F203"
        await store.close()

    run(story())


# --- tickets ------------------------------------------------------------------------------------------


def keyed(name: str) -> Created:
    return replace(created(name), key=KEY)


def queued(disk: SimDisk, name: str, *, admitted: bool) -> str | None:
    async def story() -> str | None:
        store = sim_store(disk)
        await store.start()
        await store.create(name, [keyed(name), *([Admitted(1.0)] if admitted else [])])
        return await store.first_in_queue(KEY, name)

    return run(story())


@pytest.mark.parametrize("whole_queue", [False, True])
def test_a_run_whose_ticket_is_lost_keeps_its_turn(*, whole_queue: bool) -> None:
    # given
    disk = SimDisk()
    assert queued(disk, "one", admitted=True) == "one"
    disk = disk.killed()
    # when
    if whole_queue:
        disk.lose_folder(ROOT / "queues")
    else:
        (ticket,) = tickets(disk.files())
        disk.unlink(ROOT / ticket)
    # then the next one waits for it
    assert queued(disk, "two", admitted=False) == "one"
    assert len(list(tickets(disk.files()))) == 2


def test_nor_does_one_that_waited_already_go_past_it() -> None:
    disk = SimDisk()
    assert queued(disk, "one", admitted=True) == "one"
    disk = disk.killed()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.create("two", [keyed("two")])
        assert await store.first_in_queue(KEY, "two") == "one"
        disk.unlink(ROOT / next(name for name in tickets(disk.files()) if name.endswith(".one")))
        assert await store.first_in_queue(KEY, "two") == "one"

    run(story())
    assert len(tickets(disk.crash().files())) == 2


def tickets(paths: Iterable[object]) -> list[str]:
    found = [str(path).removeprefix(f"{ROOT}/") for path in paths]
    return [name for name in found if name.startswith("queues/") and not name.endswith("/lock")]


def test_a_ticket_that_was_found_survives_a_power_cut_as_one_that_was_drawn() -> None:
    # given a process that died between drawing the ticket and syncing it
    disk = SimDisk()

    async def story(disk: SimDisk, *, again: bool) -> None:
        store = sim_store(disk)
        await store.start()
        if not again:
            await store.create("one", [keyed("one")])
            disk.fail("sync_folder", 1, errno.EIO)
            with pytest.raises(StoreError):
                await store.first_in_queue(KEY, "one")
            return
        # when the next one finds it
        assert await store.adopt("one")
        assert await store.first_in_queue(KEY, "one") == "one"

    run(story(disk, again=False))
    disk = disk.killed()
    run(story(disk, again=True))
    # then it is there after a power cut
    assert tickets(disk.crash().files())


def test_a_run_that_may_be_in_a_damaged_journal_is_not_taken_for_over() -> None:
    disk = SimDisk()
    assert queued(disk, "one", admitted=True) == "one"
    (journal,) = journals(disk)
    disk = disk.killed()
    disk.overwrite(journal, b"rubbish\n")
    assert queued(disk, "two", admitted=False) == "one"


def test_what_has_ended_is_over_all_the_same() -> None:
    disk = SimDisk()

    async def story() -> None:
        store = sim_store(disk)
        await store.start()
        await store.create("one", [keyed("one"), Admitted(1.0), ENDED])
        await store.close()

    run(story())
    assert queued(disk, "two", admitted=False) == "two"
