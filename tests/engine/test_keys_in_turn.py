"""`key`: runs with one key go one at a time, in the order they were started, whoever drives them and whoever dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from random import Random

import pytest

from flowdsl.engine.orders import Order
from flowdsl.saga.events import Ended, Started, last_time
from flowdsl.world.store.memory import Memory
from tests.conftest import Counts
from tests.lives.constructs import LATE, saga, two_steps
from tests.lives.front import Bend, Says
from tests.lives.office import Office, Process
from tests.lives.virtual import run_virtually

KEY, OTHER = "saga one", "saga two"
PLAN = saga(two_steps("wh-1"), head="key: one")  # what its text says is not looked at here
STORES = {"memory": lambda: Office(Memory()), "files": Office}
SEEDS, SEEDS_FULL = 25, 400


@pytest.fixture(params=STORES)
def office(request: pytest.FixtureRequest) -> Office:
    made: Office = STORES[request.param]()
    return made


def one_at_a_time(office: Office, runs: list[str]) -> None:
    """From the first request of a run to its end, no other one with the key sends anything."""
    spans = []
    for run in runs:
        facts = office.facts(run)
        sent = [fact.at for fact in facts if isinstance(fact, Started)]
        if sent:
            assert office.admitted(run) is not None
            spans.append((sent[0], last_time(facts, 0.0), run))
    spans.sort()
    for (_, end, first), (start, _, second) in pairwise(spans):
        assert end <= start, f"{second} began at {start}, when {first} ended at {end}"


def nothing_left(office: Office) -> None:
    for run in office.runs():
        state = office.state(run)
        keys = {entry.key for entry in state.calls.values()}
        left = [e.id for e in office.front.app.ledger.left_behind(state.ended) if e.key in keys]
        assert not left, f"{run}: {left}"
    wishes = [effect.wish for effect in office.front.app.ledger.effects]
    assert len(wishes) == len(set(wishes))


def test_runs_of_several_processes_go_in_the_order_they_were_started(office: Office) -> None:
    runs = [f"run-{n}" for n in range(6)]

    async def story() -> None:
        processes = [await office.process() for _ in range(3)]
        going = []
        for n, run in enumerate(runs):
            going.append(asyncio.create_task(processes[n % 3].run(PLAN, run, KEY)))
            await asyncio.sleep(0.05)
        beside = asyncio.create_task(processes[0].run(PLAN, "beside", OTHER))
        await asyncio.gather(*going, beside)
        await leave(processes)

    run_virtually(story())
    one_at_a_time(office, runs)
    order = sorted(runs, key=lambda run: office.admitted(run) or 0.0)
    assert order == runs
    assert (office.admitted("beside") or 0) < (office.admitted(runs[1]) or 0), "another key waits"
    assert {office.state(run).ended for run in runs} == {"succeeded"}
    nothing_left(office)


async def leave(processes: list[Process]) -> None:
    await asyncio.gather(*(process.leave() for process in processes))


def test_a_run_whose_driver_died_keeps_its_place(office: Office) -> None:
    async def story() -> None:
        first, second = await office.process(), await office.process()
        one = asyncio.create_task(first.run(PLAN, "one", KEY))
        await asyncio.sleep(0.5)
        two = asyncio.create_task(second.run(PLAN, "two", KEY))
        await asyncio.sleep(0.2)
        first.kill()
        await asyncio.sleep(30)
        assert office.admitted("two") is None, "it went past one that is interrupted"
        third = await office.process()
        await third.resume("one")
        await asyncio.gather(one, two)
        await leave([second, third])

    run_virtually(story())
    one_at_a_time(office, ["one", "two"])
    assert [office.state(run).ended for run in ("one", "two")] == ["succeeded"] * 2
    nothing_left(office)


def test_a_run_that_is_stuck_keeps_its_place(office: Office) -> None:
    refuse = Says(409, {"error": "no"})
    office.front.bends += [Bend(LATE, Says(422, {}), 1), Bend("DELETE shipping/*", refuse, 1)]

    async def story() -> None:
        first, second = await office.process(), await office.process()
        stuck = await first.run(PLAN, "one", KEY)
        assert stuck is not None
        assert stuck.progress.state == "stuck"
        two = asyncio.create_task(second.run(PLAN, "two", KEY))
        await asyncio.sleep(30)
        assert office.admitted("two") is None, "it went past one that is stuck"
        await office.say("one", Order("retry"))
        await two
        await leave([first, second])

    run_virtually(story())
    assert [bend.fired for bend in office.front.bends] == [1, 1]
    one_at_a_time(office, ["one", "two"])
    assert [office.state(run).ended for run in ("one", "two")] == ["compensated", "succeeded"]
    nothing_left(office)


def test_a_queued_run_that_is_cancelled_sends_nothing_and_lets_the_next_go(office: Office) -> None:
    async def story() -> None:
        first, second = await office.process(), await office.process()
        one = asyncio.create_task(first.run(PLAN, "one", KEY))
        await asyncio.sleep(0.05)
        two = asyncio.create_task(second.run(PLAN, "two", KEY))
        await asyncio.sleep(0.05)
        three = asyncio.create_task(first.run(PLAN, "three", KEY))
        await asyncio.sleep(0.25)
        await office.say("two", Order("cancel"))
        await asyncio.gather(one, two, three)
        await leave([first, second])

    run_virtually(story())
    ends = [office.state(run).ended for run in ("one", "two", "three")]
    assert ends == ["succeeded", "cancelled", "succeeded"]
    assert not any(isinstance(fact, Started) for fact in office.facts("two"))
    one_at_a_time(office, ["one", "three"])
    nothing_left(office)


def points_of_a_run(story: Callable[[Office, int], Coroutine[object, object, int]]) -> int:
    return run_virtually(story(Office(), 0))


async def dies_beside_another(office: Office, point: int) -> int:
    """A run that dies at a point, one that waits behind it, and somebody who resumes the first one later."""
    first = await office.process(point)
    second = await office.process()
    one = asyncio.create_task(alive_run(first, "one"))
    await asyncio.sleep(0.35)
    two = asyncio.create_task(second.run(PLAN, "two", KEY))
    await asyncio.sleep(10)
    await one
    third = await office.process()
    for run in office.runs():
        if not office.state(run).ended:
            await asyncio.wait_for(third.resume(run), 60)
    await asyncio.wait_for(two, 60)
    await leave([first, second, third])
    return first.fuse.passed


async def alive_run(process: Process, run: str) -> None:
    if process.engine is not None and not process.fuse.died.is_set():
        await process.run(PLAN, run, KEY)


def test_a_crash_at_any_point_neither_overtakes_nor_blocks(counts: Counts, full: bool) -> None:
    """Also between the first record and the ticket, and between the end and the tearing up of the ticket."""
    points = points_of_a_run(dies_beside_another)
    assert points > 60
    between = 0
    for point in range(1, points + 1):
        office = Office()
        run_virtually(dies_beside_another(office, point))
        runs = office.runs()
        assert "two" in runs
        one_at_a_time(office, runs)
        for run in runs:
            assert any(isinstance(fact, Ended) for fact in office.facts(run)), f"died at {point}"
        nothing_left(office)
        between += "one" in runs and (office.admitted("two") or 0) < (office.admitted("one") or 0)
        counts.add("crashes of a run that others wait for", 1)
    assert between, "it never died between its first record and its ticket"


def test_after_a_power_cut_nobody_overtakes(counts: Counts, full: bool) -> None:
    """One process dies anywhere, another one goes on and is at work when the power goes: it keeps its turn."""
    cut = 0
    for point in range(1, 60):
        office = Office()
        run_virtually(power_cut(office, point))
        runs = office.runs()
        one_at_a_time(office, runs)
        assert {office.state(run).ended for run in runs} == {"succeeded"}
        nothing_left(office)
        cut += "two" in runs
        counts.add("power cuts while runs wait for others", 1)
    assert cut > 10


async def power_cut(office: Office, point: int) -> None:
    first = await office.process(point)
    await alive_run(first, "one")
    second = await office.process()
    two = asyncio.create_task(second.run(PLAN, "two", KEY))
    await asyncio.sleep(0.4)
    second.kill()
    first.kill()
    await asyncio.gather(two, return_exceptions=True)
    office.disk = office.disk.crash()
    third = await office.process()
    three = asyncio.create_task(third.run(PLAN, "three", KEY))
    await asyncio.sleep(0.1)
    resumed = [r for r in office.runs() if r != "three" and not office.state(r).ended]
    await asyncio.gather(three, *(third.resume(run) for run in resumed))
    await leave([third])


@pytest.mark.parametrize("store", STORES)
def test_any_number_of_processes_that_die_and_come_back(
    store: str, counts: Counts, full: bool
) -> None:
    for seed in range(SEEDS_FULL if full else SEEDS):
        office: Office = STORES[store]()
        runs = run_virtually(turmoil(office, Random(seed)))
        one_at_a_time(office, runs)
        ends = {run: office.state(run).ended for run in runs}
        assert set(ends.values()) <= {"succeeded", "cancelled"}, f"seed {seed}: {ends}"
        nothing_left(office)
        counts.add("keyed runs of processes that die", len(runs))


async def turmoil(office: Office, random: Random) -> list[str]:
    processes = [await office.process() for _ in range(3)]
    tasks: list[asyncio.Task[object]] = []
    runs = [f"run-{n}" for n in range(random.randint(2, 6))]
    for run in runs:
        await asyncio.sleep(random.choice((0.0, 0.1, 0.7)))
        tasks.append(asyncio.create_task(random.choice(processes).run(PLAN, run, KEY)))
        if random.random() < 0.3:
            await asyncio.sleep(random.random())
            killed = random.randrange(3)
            processes[killed].kill()
            processes[killed] = await office.process()
        if random.random() < 0.2 and run in office.runs():
            await office.say(run, Order("cancel"))
    for _ in range(20):
        left = [run for run in office.runs() if not office.state(run).ended]
        if not left:
            break
        tasks += [asyncio.create_task(random.choice(processes).resume(run)) for run in left]
        await asyncio.sleep(5)
    await asyncio.gather(*tasks, return_exceptions=True)
    await leave(processes)
    return [run for run in runs if run in office.runs()]
