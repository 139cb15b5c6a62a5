"""Start, tell, attach, adopt: what each says when it returns, and that no use of them makes a run that cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowdsl.engine.engine import Engine
from flowdsl.engine.follow import created_by
from flowdsl.engine.orders import Kind, Order
from flowdsl.engine.pinned import plan_from
from flowdsl.engine.project import EventId, Project, Start
from flowdsl.errors import InputError, Interrupted
from flowdsl.plan.values import Json
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Event, Resumed
from flowdsl.saga.run import Run
from flowdsl.world.network.http import Http
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.memory import Memory, MemoryStore
from flowdsl.world.store.offload import Inline
from mock_services.app import MockServices, create_app
from tests.contract.sagas import PAY_AND_FAIL, reserve, saga
from tests.counts import count
from tests.lives.simdisk import SimDisk
from tests.lives.stage import TRIP, workflow
from tests.lives.starting import PROJECT, prepared
from tests.lives.virtual import VirtualClock, at_once, run_virtually
from tests.world.store.kit import ROOT as STORE

ASKS = saga(
    """
- id: flight
  call: POST flights/reservations
  body: { flight: "${inputs.flight}" }
  compensate: DELETE flights/reservations/${flight.id}
- id: approval
  wait_for: approve
  schema: { type: object, required: [ok], properties: { ok: { type: boolean } } }
  timeout: 1h
""",
    head="inputs: { flight: { type: string } }",
)
MINE: dict[str, Json] = {"flight": "mine"}


def engine_on(memory: Memory, app: MockServices) -> Engine:
    return Engine(
        MemoryStore(memory), Http(httpx.ASGITransport(app=app)), PROJECT, VirtualClock(), by="ada"
    )


def yes(ok: Json = True) -> Order:
    return Order("signal", step="approve", body={"ok": ok}, actor="ada")


def test_a_run_is_durable_when_start_returns_and_an_order_when_tell_does() -> None:
    memory = Memory()

    async def life() -> None:
        async with engine_on(memory, create_app()) as engine:
            handle = await engine.start(PROJECT.prepare(ASKS, MINE))
            assert memory.runs[handle.run].events[0].run == handle.run  # type: ignore[union-attr]
            assert await engine.tell(handle.run, yes()) == "ours"
            (signal,) = (
                f for f in memory.runs[handle.run].events if type(f).__name__ == "Signalled"
            )
            assert (await handle.rest()).state.ended == "succeeded"
            assert signal in memory.runs[handle.run].events

    run_virtually(life())


def test_what_is_wrong_with_a_run_is_said_before_there_is_one() -> None:
    secretive = saga(reserve("flight", more='headers: { X: "${secrets.TOKEN}" }'))
    project = Project(environment={})
    wrongs: dict[str, Callable[[], Start]] = {
        "F072": lambda: project.prepare(ASKS, {"flight": 7}),
        "F207": lambda: project.prepare(ASKS, MINE, "../up"),
        "F077": lambda: project.prepare(secretive, {}),
        "F130": lambda: Project(services={"flights": "http://169.254.169.254"}).prepare(ASKS, MINE),
        "F075": lambda: Project(services={"flights": "ftp://x"}).prepare(ASKS, MINE),
    }
    for code, wrong in wrongs.items():
        with pytest.raises(InputError) as refusal:
            wrong()
        assert refusal.value.code == code


def test_an_id_is_one_run_and_so_is_an_event() -> None:
    memory = Memory()

    async def life() -> None:
        async with engine_on(memory, create_app()) as engine:
            first = await engine.start(PROJECT.prepare(ASKS, MINE, "one"), once=True)
            again = await engine.start(PROJECT.prepare(ASKS, MINE, "one"), once=True)
            assert (first.sequence, again.driver, again.sequence > 0) == (0, "ours", True)
            for once, inputs in ((False, MINE), (True, {"flight": "hers"})):
                with pytest.raises(InputError) as refusal:
                    await engine.start(PROJECT.prepare(ASKS, inputs, "one"), once=once)
                assert refusal.value.code == "F206"
            told = EventId("shop", "e-1")
            by_event = await engine.start(PROJECT.prepare(ASKS, MINE, event=told))
            redelivered = await engine.start(PROJECT.prepare(ASKS, MINE, event=told))
            assert redelivered.run == by_event.run
            with pytest.raises(InputError, match="no event starts two runs"):
                await engine.start(PROJECT.prepare(ASKS, MINE, "two", event=told))
            for run in ("one", by_event.run):
                await engine.tell(run, yes())

    run_virtually(life())
    assert len(memory.runs) == 2


def test_an_order_for_another_state_of_the_run_is_refused() -> None:
    memory = Memory()

    async def life() -> None:
        async with engine_on(memory, create_app()) as engine:
            await engine.start(prepared(ASKS, inputs=MINE))
            await asyncio.sleep(1)
            before = list(memory.runs["run-1"].events)
            for number in (len(before) - 1, len(before) + 1):
                with pytest.raises(InputError) as refusal:
                    await engine.tell("run-1", Order("cancel"), if_sequence=number)
                assert refusal.value.code == "F152"
            assert memory.runs["run-1"].events == before
            assert await engine.tell("run-1", Order("cancel"), if_sequence=len(before)) == "ours"

    run_virtually(life())
    assert memory.runs["run-1"].ended == "cancelled"


def test_a_handle_shows_every_fact_once_over_a_change_of_driver() -> None:
    memory, app = Memory(), create_app()

    async def lives() -> list[tuple[int, bool]]:
        async with engine_on(memory, app) as second:
            async with engine_on(memory, app) as first:
                await first.start(prepared(ASKS, inputs=MINE))
                await asyncio.sleep(1)
                handle = await second.attach("run-1")
                assert handle.driver == "another"
                seen: list[tuple[int, bool]] = []

                async def look() -> Run:
                    shown: list[Event] = []
                    async for turned in handle.turns():
                        seen.append((turned.sequence, turned.is_ours))
                        shown += turned.facts
                    assert shown == memory.runs["run-1"].events
                    return turned.run

                looking = asyncio.create_task(look())
                await asyncio.sleep(1)
                await first.drain()
            await asyncio.sleep(5)
            assert await second.tell("run-1", yes()) == "ours"
            assert (await looking).state.ended == "succeeded"
            return seen

    seen = run_virtually(lives())
    assert [ours for _, ours in seen] == sorted(ours for _, ours in seen)
    assert {ours for _, ours in seen} == {False, True}


def test_another_process_hears_an_order_and_says_so() -> None:
    memory, app = Memory(), create_app()

    async def lives() -> None:
        async with engine_on(memory, app) as first, engine_on(memory, app) as second:
            await first.start(prepared(ASKS, inputs=MINE))
            await asyncio.sleep(1)
            with pytest.raises(InputError) as refusal:
                await second.tell("run-1", yes("perhaps"))
            assert refusal.value.code == "F149"
            assert memory.inbox == []
            assert await second.tell("run-1", yes()) == "heard"

    run_virtually(lives())
    assert memory.runs["run-1"].ended == "succeeded"


def test_who_is_woken_where_it_came_to_rest_was_not_taken_over() -> None:
    memory, app = Memory(), create_app()
    undo = {"service": "flights", "method": "DELETE", "path": "/reservations/*"}
    app.faults.add({**undo, "fault": "refuse:422", "times": 1})

    async def life() -> None:
        async with engine_on(memory, app) as engine:
            handle = await engine.start(prepared(saga(reserve("flight") + PAY_AND_FAIL)))
            assert (await handle.rest()).progress.state == "stuck"
            assert await engine.tell("run-1", Order("retry", "flight")) == "ours"
            assert (await handle.rest()).state.ended == "compensated"

    run_virtually(life())
    assert not any(isinstance(fact, Resumed) for fact in memory.runs["run-1"].events)


def test_a_process_that_stops_takes_nothing_new() -> None:
    memory = Memory()

    async def life() -> None:
        async with engine_on(memory, create_app()) as engine:
            handle = await engine.start(prepared(ASKS, inputs=MINE))
            await engine.drain()
            with pytest.raises(Interrupted):
                await engine.start(prepared(ASKS, "run-2", MINE))
            with pytest.raises(Interrupted):
                await handle.rest()

    run_virtually(life())
    assert list(memory.runs) == ["run-1"]


# --- misuse -------------------------------------------------------------------------------------------

json_values = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4)
inputs = st.just(MINE) | st.dictionaries(st.sampled_from(["flight", "x"]), json_values, max_size=2)
ids = st.sampled_from(["one", "two", "", "../up", "a" * 65, "ä", ".x"])
kinds: st.SearchStrategy[Kind] = st.sampled_from(["cancel", "retry", "resolve", "skip", "signal"])
orders = st.tuples(
    kinds,
    st.sampled_from(["", "flight", "approve", "nobody", "approval"]),
    st.booleans(),
    json_values | st.just({"ok": True}),
    st.just("ada"),
    st.sampled_from(["", "so"]),
).map(lambda said: Order(*said))
uses = st.lists(
    st.tuples(st.just("start"), ids, inputs, st.booleans())
    | st.tuples(st.just("tell"), ids, orders, st.none() | st.integers(-1, 9))
    | st.tuples(st.just("attach"), ids, st.just(None), st.booleans()),
    min_size=1,
    max_size=6,
)


@given(uses)
@settings(max_examples=60, deadline=None)
def test_no_use_of_the_verbs_leaves_a_run_that_is_damaged(
    used: list[tuple[str, str, object, object]],
) -> None:
    disk, app = SimDisk(), create_app()

    async def life() -> None:
        store = FileStore(STORE, disk, offload=Inline())
        network = Http(httpx.ASGITransport(app=app))
        async with Engine(store, network, PROJECT, VirtualClock()) as engine:
            for use in used:
                try:
                    await _use(engine, *use)
                except InputError:
                    count("misuses of the verbs that were refused", 1)
            await engine.drain()

    run_virtually(life())
    store = FileStore(STORE, disk.killed(), offload=Inline(), read_only=True)
    assert at_once(store.fsck()) == []
    for summary in at_once(store.list()):
        assert not summary.damaged
        facts = [recorded.event for recorded in at_once(store.events(summary.run))]
        digest = created_by(facts).digest
        plan = plan_from(at_once(store.definition(digest)), digest)
        assert Run.of(plan, facts).id == summary.run


async def _use(engine: Engine, verb: str, run: str, what: object, how: object) -> None:
    if verb == "start":
        start = engine.project.prepare(ASKS, what, run)  # type: ignore[arg-type]
        await engine.start(start, once=bool(how))
    elif verb == "tell":
        await engine.tell(run, what, if_sequence=how)  # type: ignore[arg-type]
    else:
        await engine.attach(run, drive=bool(how))


def test_the_trace_of_the_caller_is_kept_with_the_run() -> None:
    told = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    created = PROJECT.prepare(workflow("trip.yaml"), TRIP, trace=told).created
    assert decode(encode(created)) == created
    assert created.trace == told
    assert b"trace" not in encode(PROJECT.prepare(workflow("trip.yaml"), TRIP).created)
