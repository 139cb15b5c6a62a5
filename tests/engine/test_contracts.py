"""An answer that does not fit its contract: a warning that lasts or, where the service is strict, not believed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from msgspec.structs import replace

from flowdsl.engine.contracts import SHOWN_MAX, STEPS_AT_ONCE, contracts_of
from flowdsl.engine.loop import Drive
from flowdsl.engine.pinned import definition_of, plan_from
from flowdsl.engine.ports import Ports
from flowdsl.engine.sign import RunSigner
from flowdsl.language import compile_plan
from flowdsl.language.conformance.pattern import Work
from flowdsl.language.openapi import Operation, Readings, validate
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.codec import decode, encode
from flowdsl.saga.events import Created, Event
from flowdsl.saga.intent import action_of
from flowdsl.saga.observation import Answer, Lost, Observation
from flowdsl.saga.progress import Progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State, fold
from flowdsl.saga.unfolding import unfolded
from flowdsl.world.network.http import Http
from flowdsl.world.store.offload import OneThread
from tests.lives.virtual import EPOCH, VirtualClock, run_virtually
from tests.runs import run_at

CONTRACT = """
openapi: 3.1.0
info: { title: Desk, version: "1" }
paths:
  /holds:
    post:
      responses:
        "201": { description: made, content: { application/json: { schema: { $ref: "#/components/schemas/Hold" } } } }
  /holds/{hold}:
    get:
      responses:
        "200": { description: it, content: { application/json: { schema: { $ref: "#/components/schemas/Hold" } } } }
    delete:
      responses:
        "200": { description: gone, content: { application/json: { schema: { type: object, required: [gone] } } } }
  /holds/{hold}/prices:
    get:
      responses:
        "200": { description: them, content: { application/json: { schema: { type: array } } } }
components:
  schemas:
    Hold: { type: object, required: [id, price], properties: { id: { type: string }, price: { type: number } } }
"""
WORKFLOW = """\
flowdsl: 1
name: desk
services:
  desk: { url: "http://desk", openapi: ./desk.openapi.yaml, strict: false }
  other: http://other
steps:
  - id: hold
    call: POST desk/holds
    compensate: DELETE desk/holds/${hold.id}
  - id: seen
    call: GET desk/holds/${hold.id}
  - call: POST other/things
    compensate: none
"""
HOLD: dict[str, Json] = {"id": "H-1", "price": 12}
ODD: dict[str, Json] = {"id": "H-1", "price": "dear"}


def desk(*, strict: bool = False) -> Plan:
    text = WORKFLOW.replace("strict: false", f"strict: {str(strict).lower()}")
    return compile_plan(text, "desk.yaml", [("desk.openapi.yaml", CONTRACT)])


@dataclass(slots=True)
class Visit:
    """`answers`: by method and path, what comes instead of what is described."""

    plan: Plan
    answers: dict[str, object] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    facts: list[Event] = field(default_factory=list)

    def play(self) -> tuple[State, Progress]:
        return run_virtually(self._play())

    async def _play(self) -> tuple[State, Progress]:
        first = Created("run-1", self.plan.name, self.plan.digest, EPOCH, {}, {}, {})
        ports = Ports(
            Http(httpx.MockTransport(self._answer)),
            VirtualClock(),
            RunSigner(b"key", "run-1", {}),
            {},
            contracts=contracts_of(self.plan, Readings()),
        )
        drive = Drive(Run.new(self.plan), self._keep, ports)
        await drive.go([], [first])
        return drive.run.state, drive.run.progress

    async def _keep(self, events: Sequence[Event]) -> None:
        self.facts += events

    def _answer(self, request: httpx.Request) -> httpx.Response:
        said = f"{request.method} {request.url.path}"
        self.sent.append(said)
        status = 201 if request.method == "POST" else 200
        body = {"gone": True} if request.method == "DELETE" else HOLD
        return httpx.Response(status, json=self.answers.get(said, body))


def test_answers_that_fit_are_no_news() -> None:
    visit = Visit(desk(strict=True))
    _, now = visit.play()
    assert (now.state, now.warnings) == ("succeeded", ())


@pytest.mark.parametrize(
    ("said", "step"), [("POST /holds", "hold"), ("GET /holds/H-1", "seen")], ids=["change", "read"]
)
def test_an_answer_that_does_not_fit_is_a_warning_that_lasts(said: str, step: str) -> None:
    # given a service that answers a text where its contract says a number
    visit = Visit(desk(), {said: ODD})
    # when the run goes to its end
    _, now = visit.play()
    # then it has succeeded, with a warning that says what is odd
    assert now.state == "succeeded"
    (warning,) = now.warnings
    assert (warning.code, warning.step) == ("F122", step)
    assert "`price` must be a number, not the text `dear`" in warning.message
    # and whoever reads its journal later says the same, with or without the contract
    read_back = fold(State(), [decode(encode(event)) for event in visit.facts])
    assert run_at(visit.plan, read_back).progress.warnings == now.warnings


def test_where_the_service_is_strict_a_read_is_refused_and_all_is_undone() -> None:
    visit = Visit(desk(strict=True), {"GET /holds/H-1": ODD})
    _, now = visit.play()
    assert now.state == "compensated"
    assert visit.sent == ["POST /holds", "GET /holds/H-1", "DELETE /holds/H-1"]


def test_where_the_service_is_strict_a_change_is_undone_with_its_own_answer() -> None:
    # given a change that happened, and was answered oddly
    visit = Visit(desk(strict=True), {"POST /holds": ODD})
    state, now = visit.play()
    # then it is not left behind: its undo names what the odd answer did say
    assert now.state == "compensated"
    assert visit.sent == ["POST /holds", "DELETE /holds/H-1"]
    assert state.turning is not None
    assert state.turning.failure.code == "F122"


def test_an_odd_answer_to_an_undo_is_a_warning_even_where_the_service_is_strict() -> None:
    answers: dict[str, object] = {"GET /holds/H-1": ODD, "DELETE /holds/H-1": []}
    _, now = Visit(desk(strict=True), answers).play()
    assert now.state == "compensated"
    assert [warning.step for warning in now.warnings] == ["hold"]


def test_a_run_is_judged_by_the_document_it_was_started_with() -> None:
    # given a run whose document has been changed or deleted since
    pinned = definition_of(desk(strict=True))
    # when another process goes on with it
    plan = plan_from(pinned, desk(strict=True).digest)
    # then it knows what the document said
    _, now = Visit(plan, {"GET /holds/H-1": ODD}).play()
    assert now.state == "compensated"


def test_a_service_without_a_contract_says_what_it_likes() -> None:
    _, now = Visit(desk(strict=True), {"POST /things": [1, "x"]}).play()
    assert (now.state, now.warnings) == ("succeeded", ())


# --- one answer --------------------------------------------------------------------------------------


def seen_as(seen: Observation, path: str = "/holds/${'H-1'}") -> Observation:
    """What is said of the answer to this GET, whose path was rendered with `holds/H-1` or `holds/H-1/prices`."""
    text = WORKFLOW.replace("GET desk/holds/${hold.id}", f"GET desk{path}")
    plan = compile_plan(text, "desk.yaml", [("desk.openapi.yaml", CONTRACT)])
    contracts = contracts_of(plan, Readings())
    rendered = path.replace("${'", "").replace("'}", "")
    request = Request("GET", f"http://desk/base{rendered}?page=2")
    return asyncio.run(
        contracts.look_at(action_of(unfolded(plan, State()), "seen"), request, seen, 60)
    )


@pytest.mark.parametrize(
    "seen",
    [
        Lost("the connection broke"),
        Answer(404, (), ODD),
        Answer(200, (), None, problem="cut"),
        Answer(200, (), HOLD),
    ],
)
def test_what_is_no_2xx_or_fits_is_left_as_it_is(seen: Observation) -> None:
    assert seen_as(seen) == seen


def test_an_operation_that_an_expression_decides_is_known_by_the_time_it_answers() -> None:
    path = "/holds/${'H-1'}/${'prices'}"
    assert seen_as(Answer(200, (), []), path) == Answer(200, (), [])
    odd = seen_as(Answer(200, (), HOLD), path)
    assert isinstance(odd, Answer)
    assert odd.misfit == "the body must be a list, not an object"


def test_an_operation_that_is_not_there_is_not_judged() -> None:
    path = "/holds/${'H-1'}/${'nowhere'}"
    assert seen_as(Answer(200, (), ODD), path) == Answer(200, (), ODD)


def test_what_is_said_is_not_longer_than_a_line_or_two() -> None:
    odd = seen_as(Answer(200, (), {"id": json.dumps(HOLD), "price": "x" * 10_000}))
    assert isinstance(odd, Answer)
    assert 0 < len(odd.misfit) <= SHOWN_MAX


def test_the_answer_to_a_head_has_no_body_to_look_at() -> None:
    text = CONTRACT.replace(
        "    delete:\n",
        "    head:\n      responses: { '200': { $ref: '#/paths/~1holds~1{hold}/get/responses/200' } }\n    delete:\n",
    )
    told = WORKFLOW.replace("GET desk/holds/${hold.id}", "HEAD desk/holds/${hold.id}")
    plan = compile_plan(told, "desk.yaml", [("desk.openapi.yaml", text)])
    action, answer = action_of(unfolded(plan, State()), "seen"), Answer(200)
    contracts = contracts_of(plan, Readings())
    head = Request("HEAD", "http://desk/holds/H-1")
    assert asyncio.run(contracts.look_at(action, head, answer, 60)) == answer
    get = Request("GET", "http://desk/holds/H-1")
    asked = asyncio.run(contracts.look_at(replace(action, method="GET"), get, answer, 60))
    assert isinstance(asked, Answer)
    assert asked.misfit


# --- an answer whose check takes long ----------------------------------------------------------------

WORDS = [f"word {number}" for number in range(2_000)]
PRICES = CONTRACT.replace(
    "{ schema: { type: array } }",
    f"{{ schema: {{ type: array, items: {{ enum: {json.dumps(WORDS)} }} }} }}",
)
LONG: list[Json] = [*WORDS, "no such word", *WORDS]

Look = Callable[[Observation, float], Awaitable[Observation]]


@asynccontextmanager
async def looking() -> AsyncIterator[Look]:
    """What is said of an answer to a question for prices, which are many and each one of many words."""
    path = "/holds/${'H-1'}/${'prices'}"
    text = WORKFLOW.replace("GET desk/holds/${hold.id}", f"GET desk{path}")
    plan = compile_plan(text, "desk.yaml", [("desk.openapi.yaml", PRICES)])
    aside = OneThread("aside")
    contracts = contracts_of(plan, Readings(), aside)
    request = Request("GET", "http://desk/holds/H-1/prices")
    try:
        yield lambda seen, seconds: contracts.look_at(
            action_of(unfolded(plan, State()), "seen"), request, seen, seconds
        )
    finally:
        aside.close()  # which waits for what is at work


def held_up(monkeypatch: pytest.MonkeyPatch, hold: Callable[[Work], None]) -> list[str]:
    """Every check that is not done at once is held up first. The threads that were."""
    names: list[str] = []

    def held(operation: Operation, status: int, body: Json, work: Work) -> list[str]:
        if work.left > STEPS_AT_ONCE:
            names.append(threading.current_thread().name)
            hold(work)
        return validate(operation, status, body, work)

    monkeypatch.setattr("flowdsl.language.openapi.validate", held)
    return names


def test_a_check_that_takes_long_leaves_the_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a check that goes on only once somebody on the loop has had a turn
    opened = threading.Event()

    def wait(_: Work) -> None:
        assert opened.wait(30), "the loop was held"

    names = held_up(monkeypatch, wait)

    async def story() -> Observation:
        async with looking() as look:
            task = asyncio.create_task(_awaited(look(Answer(200, (), LONG), 60)))
            await asyncio.sleep(0)  # by now it is begun, and here somebody has the turn
            opened.set()
            return await task

    seen = asyncio.run(story())
    # then it was done aside, and its word is the same as ever
    assert names == ["aside"]
    assert isinstance(seen, Answer)
    assert "`[2000]` must be `word 0`" in seen.misfit


def test_a_check_that_takes_longer_than_the_call_may_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_end(work: Work) -> None:
        while True:
            work.spend(0)

    names = held_up(monkeypatch, without_end)

    async def story() -> Observation:
        async with looking() as look:
            return await look(Answer(200, (), LONG), 0.05)

    # then the answer is left alone; and the thread has ended, or this would never return
    assert asyncio.run(story()) == Answer(200, (), LONG)
    assert names == ["aside"]


def test_a_short_answer_is_checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = held_up(monkeypatch, lambda _: None)

    async def story() -> Observation:
        async with looking() as look:
            return await look(Answer(200, (), ["no such word"]), 60)

    seen = asyncio.run(story())
    assert isinstance(seen, Answer)
    assert (bool(seen.misfit), names) == (True, [])


async def _awaited(seen: Awaitable[Observation]) -> Observation:
    return await seen
