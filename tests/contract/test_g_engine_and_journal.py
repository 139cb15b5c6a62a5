"""C59 to C68: what the engine and its journal owe a run that outlives its process. The file store, on a simulated disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from flowdsl.engine.engine import Engine, Result
from flowdsl.engine.orders import Order
from flowdsl.errors import FlowdslError, StoreError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created
from flowdsl.world.contents import Claim
from flowdsl.world.http import Http
from flowdsl.world.offload import Inline
from flowdsl.world.store import FileStore
from tests.contract.front import Bend, Front, Late
from tests.contract.story import PAY_AND_FAIL, Story, crash_everywhere, reserve, saga
from tests.engine.dying import DyingNetwork
from tests.engine.test_crashes import Fuse
from tests.simdisk import Crash, SimDisk
from tests.virtual import EPOCH, VirtualClock, run_virtually

T = TypeVar("T")
STORE = Path("/store")
HOTEL = "POST hotels/reservations"
TRIP = reserve("flight") + reserve("hotel") + reserve("car")


@dataclass(slots=True)
class Machine:
    """One disk and one set of services, over several lives of a process."""

    front: Front = field(default_factory=Front)
    disk: SimDisk = field(default_factory=SimDisk)
    points: int = 0

    def life(
        self,
        work: Callable[[Engine], Coroutine[object, object, T]],
        burns_at: int = 0,
        torn: Callable[[int], int] = lambda _: 0,
    ) -> T | None:
        """None if it died. `torn`: of so many unsynced bytes, how many are on the disk all the same."""
        fuse = Fuse(burns_at)
        self.disk.hook = fuse.see
        try:
            done = run_virtually(self._life(work, fuse))
        except Crash:
            self.disk = self.disk.crash(torn)
            return None
        finally:
            self.points = fuse.passed
        self.disk = self.disk.killed()
        return done

    async def _life(self, work: Callable[[Engine], Coroutine[object, object, T]], fuse: Fuse) -> T:
        try:
            async with self.engine(fuse) as engine:
                return await work(engine)
        finally:
            fuse.burns_at = 0
            await asyncio.sleep(120)  # what had reached the services takes its effect
            await self.front.settled()

    def engine(self, fuse: Fuse | None = None) -> Engine:
        network = DyingNetwork(Http(httpx.ASGITransport(app=self.front)), fuse or Fuse())
        return Engine(FileStore(STORE, self.disk, offload=Inline()), network, VirtualClock())

    def torn_tails(self) -> int:
        return sum(path.suffix == ".torn" for path in self.disk.files())

    @property
    def standings(self) -> list[tuple[str, str]]:
        return sorted((effect.service, effect.standing) for effect in self.front.app.ledger.effects)


def created(run: str, plan: Plan) -> Created:
    return Created(run, plan.name, plan.digest, EPOCH, {}, {}, {})


def starts(plan: Plan, run: str = "run-1") -> Callable[[Engine], Coroutine[object, object, Result]]:
    return lambda engine: engine.run(plan, created(run, plan))


async def goes_on(engine: Engine) -> Result:
    result = await engine.resume("run-1")
    assert result is not None
    return result


def dies_after(
    seconds: float, *runs: tuple[str, Plan]
) -> Callable[[Engine], Coroutine[object, object, None]]:
    async def work(engine: Engine) -> None:
        tasks = [asyncio.create_task(engine.run(plan, created(run, plan))) for run, plan in runs]
        await asyncio.sleep(seconds)
        for task in tasks:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise Crash

    return work


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
    machine, plan = Machine(), saga(TRIP)
    machine.front.bends.append(Bend(HOTEL, Late(5), times=1))
    machine.life(dies_after(1, ("run-1", plan)))

    async def with_the_new_file(engine: Engine) -> Result:
        new = saga(edited)
        assert new.digest != plan.digest
        engine.plans[new.digest] = new
        return await goes_on(engine)

    result = machine.life(with_the_new_file)
    assert result is not None
    assert result.plan.digest == plan.digest
    assert result.now.state == "succeeded"
    assert machine.standings == CONFIRMED
    assert machine.front.bends[0].fired == 1


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
    machine, good, bad = Machine(), saga(TRIP), saga(TRIP.replace("mine", "hers"))
    machine.front.bends.append(Bend(HOTEL, Late(5), times=2))
    machine.life(dies_after(1, ("good", good), ("bad", bad)))
    (definition,) = (path for path in machine.disk.files() if bad.digest in path.name)
    machine.disk.overwrite(definition, damage)

    async def recovery(engine: Engine) -> list[Result | BaseException]:
        """Without a new run having been started."""
        return await asyncio.gather(*await engine.resume_all(), return_exceptions=True)

    results = machine.life(recovery)
    assert results is not None
    assert machine.front.bends[0].fired == 2
    ended = [result for result in results if isinstance(result, Result)]
    errors = [result for result in results if isinstance(result, BaseException)]
    assert [(result.run, result.now.state) for result in ended] == [("good", "succeeded")]
    assert [type(error) for error in errors if not isinstance(error, FlowdslError)] == []
    assert len(errors) == 1

    async def look(engine: Engine) -> dict[str, str]:
        return {summary.run: summary.ended for summary in engine.store.list()}

    assert machine.life(look) == {"good": "succeeded", "bad": ""}


def test_c60_a_run_whose_records_are_damaged_stops_no_other() -> None:
    machine, good, bad = Machine(), saga(TRIP), saga(TRIP.replace("mine", "hers"))
    machine.front.bends.append(Bend(HOTEL, Late(5), times=2))
    machine.life(dies_after(1, ("bad", bad), ("good", good)))
    (journal,) = (path for path in machine.disk.files() if path.suffix == ".jsonl")
    content = machine.disk.content(journal)
    assert b'"hers"' in content
    machine.disk.overwrite(journal, content.replace(b"hers", b"HERS", 1))

    async def recovery(engine: Engine) -> list[Result]:
        return list(await asyncio.gather(*await engine.resume_all()))

    results = machine.life(recovery)
    assert results is not None
    assert [(result.run, result.now.state) for result in results] == [("good", "succeeded")]

    async def look(engine: Engine) -> list[tuple[str, bool]]:
        return sorted((summary.run, summary.damaged) for summary in engine.store.list())

    assert machine.life(look) == [("bad", True), ("good", False)]


def test_c61_a_run_that_kills_its_process_every_time_is_parked() -> None:
    story = Story(saga(reserve("flight") + reserve("hotel", more="retry: 100")))
    lived = 0

    async def lives() -> None:
        nonlocal lived
        for _ in range(30):
            lived += 1
            if await story.live(dies_on=HOTEL) is not None:
                break

    story._run(lives)
    assert story.now.state == "stuck"
    assert story.state.parked is not None
    assert story.count(HOTEL) == 10
    assert lived == 11
    assert {entry.step for entry in story.now.residue} == {"flight", "hotel"}

    async def a_person_says_go_on() -> None:
        await story.live(given=[Order("retry")])

    story.play(a_person_says_go_on).ended("succeeded")


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
    machine, plan = Machine(), saga(TRIP)

    async def start(engine: Engine) -> Claim:
        async with engine:
            claim = await engine.store.claim("today", "file and inputs")
            if claim is Claim.MINE:
                assert (await starts(plan, "today")(engine)).now.state == "succeeded"
        return claim

    async def both() -> list[Claim]:
        return list(await asyncio.gather(*(start(machine.engine()) for _ in range(3))))

    claims = run_virtually(both())
    assert sorted(claim.value for claim in claims) == ["mine", "taken", "taken"]
    assert machine.standings == CONFIRMED


def test_c66_nobody_takes_a_run_from_a_driver_that_only_stands_still() -> None:
    machine, plan = Machine(), saga(TRIP)
    machine.front.bends.append(Bend(HOTEL, Late(8), times=1))

    async def second(engine: Engine) -> None:
        async with engine:
            for _ in range(5):
                await asyncio.sleep(1)
                assert await engine.resume("run-1") is None
                assert await engine.resume_all() == []

    async def both(engine: Engine) -> Result:
        result, _ = await asyncio.gather(starts(plan)(engine), second(machine.engine()))
        return result

    result = machine.life(both)
    assert result is not None
    assert result.now.state == "succeeded"
    assert machine.standings == CONFIRMED
    assert machine.front.bends[0].fired == 1


def test_c66_a_driver_whose_journal_somebody_else_wrote_to_stops_and_sends_nothing() -> None:
    machine, plan = Machine(), saga(TRIP)
    machine.front.bends.append(Bend(HOTEL, Late(8), times=1))

    async def fenced(engine: Engine) -> int:
        driver = asyncio.create_task(starts(plan)(engine))
        await asyncio.sleep(1)
        (journal,) = (path for path in machine.disk.files() if path.suffix == ".jsonl")
        before = len(machine.front.log)
        machine.disk.overwrite(journal, machine.disk.content(journal) + b'{"h":"somebody')
        with pytest.raises(StoreError):
            await driver
        assert len(machine.front.log) == before
        return before

    assert machine.life(fenced) == 2
    result = machine.life(goes_on)
    assert result is not None
    assert result.now.state == "succeeded"
    assert machine.standings == CONFIRMED


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_c67_c68_a_torn_tail_needs_nobody_and_nothing_is_glued_to_it(share: float) -> None:
    def torn(unsynced: int) -> int:
        return int(unsynced * share)

    plan = saga(reserve("flight") + reserve("hotel") + PAY_AND_FAIL)
    whole = Machine()
    whole.life(starts(plan))
    tails = 0

    async def begins_or_goes_on(engine: Engine) -> str:
        for summary in engine.store.list():
            return summary.ended or (await goes_on(engine)).now.state
        return (await starts(plan)(engine)).now.state

    for point in range(2, whole.points, 2):
        machine = Machine()

        ends = [machine.life(begins_or_goes_on, at, torn) for at in (point, 7, 0)]
        tails += machine.torn_tails()
        assert ends[-1] == "compensated"
        assert machine.standings == [("flights", "released"), ("hotels", "released")]
    assert tails > 2, "no tail was ever torn"
