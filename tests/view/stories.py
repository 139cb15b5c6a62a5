"""The runs that the screens are drawn from: each ending of the trip and of a larger workflow."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from flowdsl.language.load import load
from flowdsl.language.text.library import Library
from flowdsl.language.text.source import Source
from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import CancelRequested, Waived
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from tests.view.runs import BEGIN, Answering, Story, play

HERE = Path(__file__).parent
WORKFLOWS = ("trip", "fulfilment", "smallest", "odds", "lists", "branches", "parent")
EVENTS = ("order", "payment", "delivery", "closing")
FLIGHT, HOTEL = "parallel-1/flight", "parallel-1/hotel"

Answers = Mapping[CallId, tuple[Observation, ...]]


@cache
def plan_of(name: str) -> Plan:
    """With all that it uses: every other file of the folder is in the library."""
    folder = HERE / "workflows"
    texts = {f"workflows/{path.name}": path.read_text() for path in folder.glob("*.yaml")}
    text = (folder / f"{name}.yaml").read_text()
    return load(Source(f"workflows/{name}.yaml", text), Library(texts))


def reacting() -> tuple[Plan, ...]:
    """Four workflows that start each other by their events."""
    return tuple(plan_of(f"events/{name}") for name in EVENTS)


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
    world = Answering({**TRIP, **(answers or {})}, TOOK)
    story = play(plan_of("trip"), INPUTS | {"email": email}, world, until=until, told=told)
    if waive:
        story.tell(Waived(waive, story.at, "ann", "rang the airline"))
    return story


ORDER: dict[str, Json] = {"order_id": "o-1", "items": [], "note": None}
QUOTED: Answers = {"quote": (Answer(200, (), {"price": 12}),)}


def fulfilment(answers: Answers | None = None) -> Story:
    world = Answering({**QUOTED, **(answers or {})})
    return play(plan_of("fulfilment"), ORDER, world, run="fulfil-order-aaaaaaaaaa")


ODDS: dict[str, Json] = {"sizes": [1, 2], "where": "a/b"}
FOUND: Answers = {"search": (Answer(200, (), {"id": "S-1", "items": [1]}),)}


def odds(answers: Answers | None = None, *, sizes: list[Json] | None = None) -> Story:
    env = {"A_URL": "https://a.example/v1"}
    inputs = ODDS | ({"sizes": sizes} if sizes is not None else {})
    return play(
        plan_of("odds"), inputs, Answering({**FOUND, **(answers or {})}), run="odds-1", env=env
    )


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
        "lists": lists(),
        "lists-losing": lists(until="stock[1]"),
        "lists-long": lists(
            {"notify[30]": NO_FUNDS, "notify[31]": NO_FUNDS},
            count=12,
            people=tuple(f"p{number}" for number in range(40)),
        ),
        "lists-sold-out": lists({"stock[1]": NO_FUNDS, "stock[2]": NO_FUNDS}),
        "lists-turned": lists({"ship[15]/parcel": NO_FUNDS}, count=30),
        "lists-going": lists(count=30, until="ship[12]/parcel"),
        "lists-stuck": lists(
            {"ship[2]/parcel": NO_FUNDS, "ship[1]/invoice!undo": (Answer(503),)}, count=4
        ),
        "branches": branches(),
        "branches-approved": branches(total=6000, signals={"approve": {"ok": True}}),
        "branches-asking": branches(total=6000, asks=True),
        "branches-no": branches(total=6000, signals={"approve": {"ok": False}}),
        "branches-late": branches(total=6000),
        "branches-fallback": branches({"charge": NO_FUNDS}),
        "branches-falling-back": branches({"charge": NO_FUNDS}, until="charge/voucher"),
        "branches-undone": branches({"charge": NO_FUNDS, "carrier/steps-3/parcel": NO_FUNDS}),
        "parent": parent(),
        "parent-turned": parent({"shipment/customs/declare": NO_FUNDS}),
        "not-fulfilled": fulfilment(
            {"charge": (Answer(402, (), {"error": {"code": "no_funds"}}),)}
        ),
    }


NO_FUNDS = (Answer(402, (), {"error": "no_funds"}),)


def orders(count: int) -> list[Json]:
    return [{"id": f"o-{number}", "kg": 2} for number in range(1, count + 1)]


def lists(
    answers: Answers | None = None,
    *,
    count: int = 3,
    people: tuple[str, ...] = ("ann", "bob", "cat"),
    until: CallId = "",
) -> Story:
    """`wh-1` has nothing, `wh-2` is quick, `wh-3` answers when it has lost."""
    given: dict[CallId, tuple[Observation, ...]] = {
        "stock[0]": (Answer(409, (), {"error": "sold_out"}),),
        "stock[1]": (Answer(201, (), {"id": "S-2"}),),
        "stock[2]": (Answer(201, (), {"id": "S-3"}),),
    }
    world = Answering({**given, **(answers or {})}, {"stock[2]": 0.9, "quotes[1]": 0.3})
    inputs: dict[str, Json] = {"orders": orders(count), "people": list(people)}
    return play(plan_of("lists"), inputs, world, until=until, run="lists-4kq2mzab7d")


def branches(
    answers: Answers | None = None,
    *,
    total: int = 900,
    signals: dict[str, Json] | None = None,
    until: CallId = "",
    asks: bool = False,
) -> Story:
    """`asks`: it waits for its approval, and has for a while."""
    world = Answering(answers or {}, {}, signals or {})
    inputs: dict[str, Json] = {"total": total, "express": False}
    run = "branches-4kq2mzab7d"
    story = play(
        plan_of("branches"), inputs, world, until=until, run=run, turns=0 if asks else 1000
    )
    if asks:
        story.at += 3600
        story.run = replace(story.run, at=story.at)  # as if it had got on just now
    return story


def parent(answers: Answers | None = None, *, until: CallId = "") -> Story:
    world = Answering(answers or {})
    inputs: dict[str, Json] = {"order_id": "o-1"}
    return play(plan_of("parent"), inputs, world, until=until, run="parent-4kq2mzab7d")
