"""The runs that the screens are drawn from: each ending of the trip and of a larger workflow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from flowdsl.language.load import load
from flowdsl.language.source import Source
from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import CancelRequested, Waived
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from tests.view.runs import BEGIN, Story, World, play

HERE = Path(__file__).parent
WORKFLOWS = ("trip", "fulfilment", "smallest", "odds")
FLIGHT, HOTEL = "parallel-1/flight", "parallel-1/hotel"

Answers = Mapping[CallId, tuple[Observation, ...]]


@cache
def plan_of(name: str) -> Plan:
    text = (HERE / "workflows" / f"{name}.yaml").read_text()
    return load(Source(f"workflows/{name}.yaml", text))


TRIP: Answers = {
    FLIGHT: (Answer(201, (), {"id": "F-1", "price": 420}),),
    HOTEL: (Answer(503), Answer(201, (), {"id": "H-7", "price": 180})),
    "payment": (Answer(201, (("Content-Type", "application/json"),), {"id": "P-3"}),),
    f"{FLIGHT}!undo": (Answer(204),),
    f"{HOTEL}!undo": (Answer(204),),
}
TOOK = {FLIGHT: 0.312, "payment": 0.184}
INPUTS: dict[str, Json] = {
    "flight": "LH-454",
    "hotel": "Savoy",
    "nights": 1,
    "card": "tok_visa",
    "email": None,
}
DECLINED: Answers = {"payment": (Answer(402, (), {"error": "card_declined"}),)}


def trip(
    answers: Answers | None = None,
    *,
    email: str | None = None,
    until: CallId = "",
    cancel_after: CallId = "",
    waive: CallId = "",
) -> Story:
    told: dict[CallId, tuple[CancelRequested | Waived, ...]] = {}
    if cancel_after:
        told[cancel_after] = (CancelRequested(BEGIN + 1, "ann", "wrong dates"),)
    world = World({**TRIP, **(answers or {})}, TOOK)
    story = play(plan_of("trip"), INPUTS | {"email": email}, world, until=until, told=told)
    if waive:
        story.tell(Waived(waive, story.at, "ann", "rang the airline"))
    return story


ORDER: dict[str, Json] = {"order_id": "o-1", "items": [], "note": None}
QUOTED: Answers = {"quote": (Answer(200, (), {"price": 12}),)}


def fulfilment(answers: Answers | None = None) -> Story:
    world = World({**QUOTED, **(answers or {})})
    return play(plan_of("fulfilment"), ORDER, world, run="fulfil-order-aaaaaaaaaa")


ODDS: dict[str, Json] = {"sizes": [1, 2], "where": "a/b"}
FOUND: Answers = {"search": (Answer(200, (), {"id": "S-1", "items": [1]}),)}


def odds(answers: Answers | None = None, *, sizes: list[Json] | None = None) -> Story:
    env = {"A_URL": "https://a.example/v1"}
    inputs = ODDS | ({"sizes": sizes} if sizes is not None else {})
    return play(plan_of("odds"), inputs, World({**FOUND, **(answers or {})}), run="odds-1", env=env)


@cache
def stories() -> dict[str, Story]:
    """Each by the name of its ending."""
    cannot_undo: Answers = {**DECLINED, f"{FLIGHT}!undo": (Answer(503),)}
    return {
        "booked": trip(),
        "booked-with-a-warning": trip({"call-1": (Answer(503),)}, email="ann@example.org"),
        "open": trip(until="payment"),
        "declined": trip(DECLINED),
        "lost": trip({"payment": (Lost("no answer within 10s"),)}),
        "not-sent": trip({FLIGHT: (NotSent("connection refused"),)}),
        "cancelled": trip(cancel_after=FLIGHT),
        "stuck": trip(cannot_undo),
        "waived": trip(cannot_undo, waive=f"{FLIGHT}!undo"),
        "stuck-after-commit": trip({f"{HOTEL}!confirm": (Answer(404, (), {"error": "expired"}),)}),
        "fulfilled": fulfilment(),
        "odds": odds(sizes=[1]),
        "odds-group-turned": odds({"extras/seven": (Answer(422, (), {"error": "no"}),)}),
        "odds-expected": odds({"search": (Answer(200, (), {"items": []}),)}),
        "odds-unexpected": odds({"search": (Answer(200, (), {"id": "S-1"}),)}),
        "odds-in-doubt": odds({"parallel-1/nested/two": (Lost("timeout"),)}),
        "odds-moved": odds({"left": (Answer(302),)}, sizes=[1]),
        "not-fulfilled": fulfilment(
            {"charge": (Answer(402, (), {"error": {"code": "no_funds"}}),)}
        ),
    }
