"""`max_concurrent`: never more requests of a service in flight than it says, over all runs of a process; nobody's time runs while it waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

import httpx
import pytest

from flowdsl.engine.engine import Engine
from flowdsl.engine.limits import ServiceLimits
from flowdsl.engine.orders import Order
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan, Service
from flowdsl.plan.request import Request
from flowdsl.saga.events import Finished, Ok, Started
from flowdsl.saga.observation import Observation
from flowdsl.saga.run import Run
from flowdsl.world.network.hosts import CONNECTIONS_PER_HOST
from flowdsl.world.network.http import Http
from flowdsl.world.store.memory import Memory, MemoryStore
from mock_services.app import create_app
from tests.conftest import Counts
from tests.lives.front import Bend, Front, Late, Says
from tests.lives.starting import PROJECT, to_rest
from tests.lives.virtual import VirtualClock, run_virtually

LATENCY, TIMEOUT, LIMIT = 1.0, 2, 3
TEXT = f"""\
flowdsl: 1
name: crowd
inputs: {{ mark: string }}
defaults: {{ timeout: {TIMEOUT}s, idempotency: 24h }}
services:
  warehouses: {{ url: 'http://mock/warehouses', max_concurrent: {LIMIT} }}
  shipping: {{ url: 'http://mock/shipping' }}
  cars: {{ url: 'http://mock/cars' }}
steps:
  - id: hold
    for_each: wh in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    call: POST warehouses/${{wh}}/holds
    body: {{ reference: "${{inputs.mark}}" }}
    confirm: POST warehouses/${{wh}}/holds/${{hold.id}}/confirm
    compensate: DELETE warehouses/${{wh}}/holds/${{hold.id}}
  - id: label
    for_each: n in [1, 2, 3, 4, 5]
    call: POST shipping/labels
    body: {{ address: "${{n}}", reference: "${{inputs.mark}}" }}
    compensate: DELETE shipping/labels/${{label.id}}
  - id: car
    call: POST cars/reservations
    body: {{ car: van, reference: "${{inputs.mark}}" }}
    confirm: POST cars/reservations/${{car.id}}/confirm
    compensate: DELETE cars/reservations/${{car.id}}
"""
PLAN: Plan = compile_plan(TEXT, "crowd.yaml")
SEEDS, SEEDS_FULL = 12, 200


@dataclass(slots=True)
class Counting:
    """How many requests of each service are out, and how many there were at most."""

    network: Http
    now: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)

    async def send(
        self, request: Request, *, secrets: Mapping[str, str], timeout_seconds: float, fresh: bool
    ) -> Observation:
        service = request.url.removeprefix("http://mock/").partition("/")[0]
        self.now[service] += 1
        self.most[service] = max(self.most[service], self.now[service])
        try:
            return await self.network.send(
                request, secrets=secrets, timeout_seconds=timeout_seconds, fresh=fresh
            )
        finally:
            self.now[service] -= 1


@dataclass(slots=True)
class Crowd:
    """Several runs of one process."""

    front: Front = field(default_factory=lambda: Front(app=create_app(LATENCY)))
    memory: Memory = field(default_factory=Memory)
    network: Counting = field(init=False)

    def __post_init__(self) -> None:
        self.network = Counting(Http(httpx.ASGITransport(app=self.front)))

    def play(self, runs: int, cancels: Mapping[int, float] | None = None) -> list[Run]:
        return run_virtually(self._play(runs, cancels or {}))

    async def _play(self, runs: int, cancels: Mapping[int, float]) -> list[Run]:
        store = MemoryStore(self.memory)
        async with Engine(store, self.network, PROJECT, VirtualClock()) as engine:
            people = [asyncio.create_task(self._cancel(n, at)) for n, at in cancels.items()]
            going = [to_rest(engine, PLAN, f"run-{n}", {"mark": f"m{n}"}) for n in range(runs)]
            results = await asyncio.gather(*going)
            await asyncio.gather(*people)
        await self.front.settled()
        return results

    async def _cancel(self, number: int, at: float) -> None:
        await asyncio.sleep(at)
        await MemoryStore(self.memory).send(f"run-{number}", Order("cancel").to_json())

    def judge(self, results: list[Run]) -> None:
        assert self.network.most["warehouses"] <= LIMIT, self.network.most
        assert not +self.network.now
        for result in results:
            assert result.state.ended, result.progress
            keys = {entry.key for entry in result.state.calls.values()}
            left = list(self.front.app.ledger.left_behind(result.state.ended))
            assert not [effect for effect in left if effect.key in keys]


def test_no_more_than_that_over_all_runs_and_no_time_runs_while_they_wait() -> None:
    crowd = Crowd()
    results = crowd.play(4)
    crowd.judge(results)
    assert crowd.network.most["warehouses"] == LIMIT
    assert crowd.network.most["shipping"] > LIMIT, "a service without a limit has none"
    assert {result.state.ended for result in results} == {"succeeded"}
    for kept in crowd.memory.runs.values():
        attempts = Counter(fact.call for fact in kept.events if isinstance(fact, Started))
        assert max(attempts.values()) == 1, "one timed out while it waited"
        assert all(isinstance(f.outcome, Ok) for f in kept.events if isinstance(f, Finished))
        first = min(fact.at for fact in kept.events if isinstance(fact, Started))
        last = max(fact.at for fact in kept.events if isinstance(fact, Finished))
        assert last - first > 3 * TIMEOUT, "nobody waited long enough to tell"


def test_what_is_undone_keeps_to_it_too() -> None:
    crowd = Crowd()
    crowd.front.bends.append(Bend("POST cars/reservations", Says(422, {}), None))
    results = crowd.play(3)
    crowd.judge(results)
    assert {result.state.ended for result in results} == {"compensated"}
    assert crowd.network.most["warehouses"] == LIMIT
    assert crowd.front.bends[0].fired == 3


@pytest.mark.parametrize("kind", ["lost", "late", "unsent"])
def test_a_request_that_comes_to_nothing_gives_its_place_back(kind: str) -> None:
    crowd = Crowd()
    if kind == "late":
        crowd.front.bends.append(Bend("POST warehouses/*/holds", Late(5.0), LIMIT + 1))
    else:
        fault = "lose_reply" if kind == "lost" else "lose_request"
        wanted = {"service": "warehouses", "method": "POST", "path": "/*/holds", "fault": fault}
        crowd.front.app.faults.add({**wanted, "times": LIMIT + 1})
    results = crowd.play(2)
    crowd.judge(results)
    assert {result.state.ended for result in results} == {"succeeded"}
    fired = [b.fired for b in crowd.front.bends] + [f.fired for f in crowd.front.app.faults.faults]
    assert fired == [LIMIT + 1]


def test_any_crowd_with_cancels_at_any_moment(counts: Counts, full: bool) -> None:
    ends: Counter[str] = Counter()
    for seed in range(SEEDS_FULL if full else SEEDS):
        random = Random(seed)
        runs = random.randint(2, 5)
        cancels = {n: random.uniform(0.3, 14.0) for n in range(runs) if random.random() < 0.5}
        crowd = Crowd()
        if random.random() < 0.5:
            bend = Bend("POST warehouses/?/holds", Late(random.uniform(0.5, 6.0)), 4)
            crowd.front.bends.append(bend)
        results = crowd.play(runs, cancels)
        crowd.judge(results)
        ends.update(result.state.ended for result in results)
        counts.add("runs that share a service with a limit", runs)
    assert ends["succeeded"]
    assert ends["cancelled"]


def test_without_a_limit_nobody_waits_for_a_connection_within_its_own_time() -> None:
    """There are so many connections to a host, whichever services of the file are there."""
    limits = ServiceLimits()
    counting: Counter[str] = Counter()

    async def request(service: Service, host: str) -> None:
        async with limits.place(service, f"http://{host}/x"):
            counting[host] += 1
            counting[f"most, {host}"] = max(counting[f"most, {host}"], counting[host])
            await asyncio.sleep(1)
            counting[host] -= 1

    async def all_at_once() -> None:
        services = [PLAN.services["shipping"], PLAN.services["cars"]]
        hosts = ["here", "there"]
        many = range(CONNECTIONS_PER_HOST)
        await asyncio.gather(*(request(s, host) for _ in many for s in services for host in hosts))

    run_virtually(all_at_once())
    assert counting["most, here"] == counting["most, there"] == CONNECTIONS_PER_HOST
