"""Which runs a process takes over by itself, what its end says of them, and who hears what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import httpx
import pytest

from flowdsl.engine.engine import Engine
from flowdsl.engine.follow import TurnSeen
from flowdsl.engine.orders import Order
from flowdsl.engine.project import Project
from flowdsl.engine.tended import Watch
from flowdsl.errors import InputError
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Event, Paused
from flowdsl.world.network.http import Http
from flowdsl.world.store.memory import Memory, MemoryStore
from mock_services.app import MockServices, create_app
from tests.contract.sagas import PAY_AND_FAIL, reserve, saga
from tests.lives import constructs
from tests.lives.death import Death
from tests.lives.starting import adopted, begin, resumed, to_rest
from tests.lives.virtual import VirtualClock, run_virtually

PAYS = """
- wait: 1h
- id: flight
  call: POST flights/reservations
  headers: { X: "${%s}" }
  body: { flight: mine }
  compensate: DELETE flights/reservations/${flight.id}
"""
WAITS = saga(PAYS % "run.id")
OF_A_SECRET = saga(PAYS % "secrets.PAY_TOKEN")
OF_AN_INPUT = saga(PAYS % "inputs.otp", head="inputs: { otp: { type: string, secret: true } }")


def engine_on(
    memory: Memory,
    app: MockServices,
    secrets: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> Engine:
    network = Http(httpx.ASGITransport(app=app))
    project = Project(environment=secrets or {})
    return Engine(MemoryStore(memory), network, project, VirtualClock(), watch=watch)


async def wait_in(memory: Memory, app: MockServices, plan: Plan, how: str) -> None:
    """A life in which the run comes to its wait; and how it ends."""
    given: dict[str, Json] = {"otp": "canary-4711"} if plan is OF_AN_INPUT else {}
    with suppress(Death):
        async with engine_on(memory, app, {"PAY_TOKEN": "canary-4711"}) as engine:
            await begin(engine, plan, inputs=given)
            await asyncio.sleep(60)
            if how == "killed":
                engine.store.die()  # type: ignore[attr-defined]
                raise Death
            if how == "stopped":
                await engine.drain()
            else:
                engine.pause()


def facts(memory: Memory) -> list[Event]:
    return memory.runs["run-1"].events


async def adopt(memory: Memory, app: MockServices, secrets: Mapping[str, str]) -> dict[str, str]:
    """What was left alone, and why."""
    async with engine_on(memory, app, secrets) as engine:
        return dict((await adopted(engine))[1])


def test_a_process_that_is_stopped_pauses_nothing() -> None:
    memory, app = Memory(), create_app()

    async def lives() -> dict[str, str]:
        await wait_in(memory, app, WAITS, "stopped")
        assert not any(isinstance(fact, Paused) for fact in facts(memory))
        return await adopt(memory, app, {})

    assert run_virtually(lives()) == {}
    assert memory.runs["run-1"].ended == "succeeded"


def test_to_be_stopped_is_no_crash() -> None:
    """A server that is renewed every day does not make a stuck run of one that waits for long."""
    memory, app = Memory(), create_app()

    async def lives() -> dict[str, str]:
        await wait_in(memory, app, WAITS, "stopped")
        for _ in range(12):
            async with engine_on(memory, app) as engine:
                assert (await engine.adopt()).taken == ("run-1",)
                await asyncio.sleep(1)
                await engine.drain()
        return await adopt(memory, app, {})

    assert run_virtually(lives()) == {}
    assert memory.runs["run-1"].ended == "succeeded"


def test_what_a_person_paused_is_left_to_a_person() -> None:
    memory, app = Memory(), create_app()

    async def lives() -> dict[str, str]:
        await wait_in(memory, app, WAITS, "paused")
        assert isinstance(facts(memory)[-1], Paused)
        left = await adopt(memory, app, {})
        assert isinstance(facts(memory)[-1], Paused)
        async with engine_on(memory, app) as engine:
            assert await resumed(engine, "run-1") is not None
        return left

    assert list(run_virtually(lives())) == ["run-1"]
    assert memory.runs["run-1"].ended == "succeeded"


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_nothing_is_undone_for_want_of_a_secret(how: str) -> None:
    memory, app = Memory(), create_app()

    async def lives() -> dict[str, str]:
        await wait_in(memory, app, OF_A_SECRET, how)
        before = list(facts(memory))
        left = await adopt(memory, app, {})
        assert facts(memory) == before
        async with engine_on(memory, app) as engine:
            with pytest.raises(InputError, match="the secret `PAY_TOKEN` has no value"):
                await engine.attach("run-1")
        assert facts(memory) == before
        assert await adopt(memory, app, {"PAY_TOKEN": "canary-4711"}) == {}
        return left

    assert run_virtually(lives()) == {"run-1": "the secret `PAY_TOKEN` has no value"}
    assert memory.runs["run-1"].ended == "succeeded"


def test_nor_of_a_secret_input() -> None:
    memory, app = Memory(), create_app()

    async def lives() -> dict[str, str]:
        await wait_in(memory, app, OF_AN_INPUT, "killed")
        before = list(facts(memory))
        left = await adopt(memory, app, {"PAY_TOKEN": "x"})
        async with engine_on(memory, app) as engine:
            with pytest.raises(InputError, match="`otp` of this run"):
                await engine.attach("run-1")
            assert facts(memory) == before
            await resumed(engine, "run-1", secret_inputs={"otp": "canary-4711"})
        return left

    left = run_virtually(lives())
    assert left == {"run-1": "the secret input `otp` of this run must be given again"}
    assert memory.runs["run-1"].ended == "succeeded"


def test_one_that_is_required_and_was_not_given_is_never_taken_for_null() -> None:
    memory, app = Memory(), create_app()

    async def life() -> None:
        async with engine_on(memory, app) as engine:
            with pytest.raises(InputError, match="the input `otp` is missing"):
                await to_rest(engine, OF_AN_INPUT)

    run_virtually(life())
    assert memory.runs == {}
    assert app.requests == []


# --- who hears of it ----------------------------------------------------------------------------------


def test_who_watches_the_engine_hears_of_a_run_that_is_woken() -> None:
    memory, app = Memory(), create_app()
    undo = {"service": "flights", "method": "DELETE", "path": "/reservations/*"}
    app.faults.add({**undo, "fault": "refuse:422", "times": 1})
    plan = saga(reserve("flight") + PAY_AND_FAIL)
    heard: list[TurnSeen] = []
    of_the_run: list[TurnSeen] = []

    async def life() -> None:
        async with engine_on(memory, app, watch=heard.append) as engine:
            handle = await begin(engine, plan)
            of_the_run.extend([turned async for turned in handle.turns()])
            assert of_the_run[-1].run.progress.state == "stuck"
            outside = MemoryStore(memory)
            await outside.send("run-1", Order("retry", "flight").to_json())
            await asyncio.sleep(60)
            of_the_run.extend([turned async for turned in handle.turns(of_the_run[-1].sequence)])

    run_virtually(life())
    assert app.faults.faults[0].fired == 1
    told = [fact for turn in heard for fact in turn.facts]
    assert told == memory.runs["run-1"].events
    assert heard[-1].run.progress.state == "compensated"
    assert [fact for turn in of_the_run for fact in turn.facts] == told


def test_and_of_a_run_that_a_run_has_started() -> None:
    memory, app = Memory(), create_app()
    plan = constructs.saga(
        "- { uses: ./child.yaml, detach: true }\n",
        last="",
        child="steps: [{ call: POST mail/messages, body: { text: hello }, compensate: none }]\n",
    )
    heard: list[TurnSeen] = []

    async def life() -> None:
        async with engine_on(memory, app, watch=heard.append) as engine:
            await to_rest(engine, plan)

    run_virtually(life())
    assert len(memory.runs) == 2
    for run, kept in memory.runs.items():
        told = [fact for turn in heard if turn.run.id == run for fact in turn.facts]
        assert told == kept.events
