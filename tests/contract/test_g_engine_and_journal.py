"""C59 to C68: what the engine and its journal owe a run that outlives its process. The file store, on a simulated disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.errors import StoreError
from flowdsl.saga.run import Run
from flowdsl.world.store.summary import Claim
from tests.contract.crashes import crash_everywhere, cut_everywhere
from tests.contract.sagas import PAY_AND_FAIL, reserve, saga
from tests.contract.story import Story
from tests.contract.tally import TALLY
from tests.lives.front import Bend, Late
from tests.lives.machine import (
    Machine,
    begins_or_goes_on,
    dies_after,
    goes_on,
    starts,
)
from tests.lives.starting import adopted
from tests.world.store.kit import journals

HOTEL = "POST hotels/reservations"
TRIP = reserve("flight") + reserve("hotel") + reserve("car")
CONFIRMED = [("cars", "confirmed"), ("flights", "confirmed"), ("hotels", "confirmed")]


@pytest.mark.parametrize(
    "edited",
    [
        TRIP + PAY_AND_FAIL,
        "- fail: never\n" + TRIP,
        reserve("car") + reserve("hotel") + reserve("flight"),
        reserve("car"),
        TRIP.replace("id: hotel", "id: inn").replace("hotel.id", "inn.id"),
    ],
    ids=["inserted", "in front", "reordered", "deleted", "renamed"],
)
def test_c59_an_edited_file_changes_no_run_that_has_started(edited: str) -> None:
    def play(machine: Machine) -> None:
        plan, new = saga(TRIP), saga(edited)
        machine.front.bends.append(Bend(HOTEL, Late(5), times=1))
        machine.life(dies_after(1, ("run-1", plan)))
        assert machine.front.bends[0].fired == 1

        async def with_the_new_file(engine: Engine) -> Run:
            assert new.digest != plan.digest
            engine._pinned.plans[new.digest] = new
            return await goes_on()(engine)

        result = machine.cut(with_the_new_file)
        assert result.plan.digest == plan.digest
        assert result.progress.state == "succeeded"
        assert machine.standings == CONFIRMED

    cut_everywhere(play, stride=12)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 1}',
        b'{"format": 99}',
        b"\xff",
        b'{"format": 1, "path": "x", "text": "a: b"}',
    ],
)
def test_c60_c62_a_run_whose_definition_is_unreadable_stops_no_other(damage: bytes) -> None:
    def play(machine: Machine) -> None:
        good, bad = saga(TRIP), saga(TRIP.replace("mine", "hers"))
        machine.front.bends.append(Bend(HOTEL, Late(5), times=2))
        machine.life(dies_after(1, ("good", good), ("bad", bad)))
        assert machine.front.bends[0].fired == 2
        (definition,) = (path for path in machine.disk.files() if bad.digest in path.name)
        assert machine.disk.content(definition) != damage
        machine.disk.overwrite(definition, damage)

        async def recovery(engine: Engine) -> tuple[list[Run], Mapping[str, str]]:
            """Without a new run having been started."""
            return await adopted(engine)

        results, left = machine.cut(recovery)
        assert list(left) == ["bad"]
        assert left["bad"]
        if not machine.cuts:
            assert [(result.id, result.progress.state) for result in results] == [
                ("good", "succeeded")
            ]

        async def look(engine: Engine) -> dict[str, str]:
            return {summary.run: summary.ended for summary in await engine.store.list()}

        assert machine.life(look) == {"good": "succeeded", "bad": ""}

    cut_everywhere(play, stride=12)


def test_c60_a_run_whose_records_are_damaged_stops_no_other() -> None:
    def play(machine: Machine) -> None:
        good, bad = saga(TRIP), saga(TRIP.replace("mine", "hers"))
        machine.front.bends.append(Bend(HOTEL, Late(5), times=2))
        machine.life(dies_after(1, ("bad", bad), ("good", good)))
        assert machine.front.bends[0].fired == 2
        (journal,) = journals(machine.disk)
        content = machine.disk.content(journal)
        assert b'"hers"' in content
        machine.disk.overwrite(journal, content.replace(b"hers", b"HERS", 1))

        async def recovery(engine: Engine) -> list[Run]:
            return (await adopted(engine))[0]

        results = machine.cut(recovery)
        if not machine.cuts:
            assert [(result.id, result.progress.state) for result in results] == [
                ("good", "succeeded")
            ]

        async def look(engine: Engine) -> list[tuple[str, str, bool]]:
            return sorted(
                (each.run, each.ended, each.damaged) for each in await engine.store.list()
            )

        assert machine.life(look) == [("bad", "", True), ("good", "succeeded", False)]

    cut_everywhere(play, stride=5)


def test_c61_a_run_that_kills_its_process_every_time_is_parked() -> None:
    def make() -> Story:
        story = Story(saga(reserve("flight") + reserve("hotel", more="retry: 100")))

        async def lives() -> None:
            lived = 1
            while await story.live(dies_on=HOTEL) is None:
                lived += 1
            assert story.now.state == "stuck"
            assert story.state.parked is not None
            assert lived == 11 or story.fuse.crashes
            assert story.count(HOTEL) <= 10
            assert {entry.step for entry in story.now.residue} == {"flight", "hotel"}
            await story.live(given=[Order("retry")])

        story.lives = lives
        return story

    story = make().play()
    story.ended("succeeded")
    assert story.count(HOTEL) == 11
    crash_everywhere(make, "succeeded", stride=5)


def test_c63_steps_without_a_request_go_on_after_a_crash_between_them() -> None:
    steps = """
    - set: { one: "${1}" }
    - status: counting
    - set: { two: "${one + 1}" }
    - wait: 1m
    - set: { three: "${two + 1}" }
    - id: charge
      call: POST payments/charges
      body: { card: tok_visa, amount: "${three}" }
      compensate: none
    - set: { four: "${three + charge.amount}" }
    - wait: 1m
    - status: counted
    """

    def make() -> Story:
        return Story(saga(steps, head='outputs: { four: "${four}" }'))

    story = make().play()
    story.ended("succeeded")
    assert [effect.body for effect in story.ledger] == [{"card": "tok_visa", "amount": 3}]
    crash_everywhere(make, "succeeded")


def test_c65_two_starts_with_one_id_are_one_run() -> None:
    def play(machine: Machine) -> None:
        async def start(engine: Engine) -> Claim:
            claim = await engine.store.claim("today", "file and inputs")
            if claim is Claim.MINE:
                await starts(saga(TRIP), "today")(engine)
            return claim

        async def another() -> Claim:
            async with machine.engine() as engine:
                return await start(engine)

        async def all_three(engine: Engine) -> list[Claim]:
            return list(await asyncio.gather(start(engine), another(), another()))

        claims = sorted(claim.value for claim in machine.cut(all_three))
        assert claims[-2:] == ["taken", "taken"]
        assert claims[0] == "mine" or machine.cuts
        assert machine.life(begins_or_goes_on(saga(TRIP), "today")) is not None
        assert machine.standings == CONFIRMED

    cut_everywhere(play, stride=6)


def test_c66_nobody_takes_a_run_from_a_driver_that_only_stands_still() -> None:
    def play(machine: Machine) -> None:
        machine.front.bends.append(Bend(HOTEL, Late(8), times=1))

        async def second() -> None:
            async with machine.engine() as engine:
                for _ in range(5):
                    await asyncio.sleep(1)
                    assert (await engine.attach("run-1")).driver != "ours"
                    assert (await engine.adopt()).taken == ()

        async def both(engine: Engine) -> Run:
            result, _ = await asyncio.gather(begins_or_goes_on(saga(TRIP))(engine), second())
            return result

        assert machine.cut(both).progress.state == "succeeded"
        assert machine.standings == CONFIRMED

    cut_everywhere(play, stride=5)


def test_c66_a_driver_whose_journal_somebody_else_wrote_to_stops_and_sends_nothing() -> None:
    def play(machine: Machine) -> None:
        machine.front.bends.append(Bend(HOTEL, Late(8), times=1))

        async def fenced(engine: Engine) -> int:
            driver = asyncio.create_task(starts(saga(TRIP))(engine))
            await asyncio.sleep(1)
            (journal,) = journals(machine.disk)
            before = len(machine.front.log)
            machine.disk.overwrite(journal, machine.disk.content(journal) + b'{"h":"somebody')
            with pytest.raises(StoreError):
                await driver
            assert len(machine.front.log) == before
            return before

        assert machine.life(fenced) == 2
        assert machine.cut(goes_on()).progress.state == "succeeded"
        assert machine.standings == CONFIRMED

    cut_everywhere(play, stride=11)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_c67_c68_a_torn_tail_needs_nobody_and_nothing_is_glued_to_it(share: float) -> None:
    def torn(unsynced: int) -> int:
        return int(unsynced * share)

    plan = saga(reserve("flight") + reserve("hotel") + PAY_AND_FAIL)
    whole = Machine()
    whole.cut(starts(plan))
    tails = 0
    for point in range(1, whole.points + 1):
        machine = Machine()
        first, second, last = (
            machine.life(begins_or_goes_on(plan), at, torn) for at in (point, 7, 0)
        )
        TALLY.crashes += (first is None) + (second is None)
        tails += machine.torn_tails()
        assert last is not None
        assert last.progress.state == "compensated"
        assert machine.standings == [("flights", "released"), ("hotels", "released")]
    assert tails > 2, "no tail was ever torn"
