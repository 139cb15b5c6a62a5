"""Runs to look at: the real core over services whose answers are written down, on a clock that ticks as told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

from msgspec.structs import replace

from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.advance import Turn, advance
from flowdsl.saga.commands import Await, Begin, Invoke, Queue, Sleep
from flowdsl.saga.events import (
    Admitted,
    Begun,
    CancelRequested,
    Created,
    Event,
    Finished,
    Fired,
    Signalled,
    Waived,
)
from flowdsl.saga.observation import Answer, Observation
from flowdsl.saga.outcome import judge
from flowdsl.saga.progress import Progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State, apply

BEGIN = 1_795_348_000.0
STARTED = "2026-11-22T11:46:40Z"


@dataclass(slots=True)
class Signer:
    def key(self, call: CallId) -> str:
        return f"fd1-{call}"

    def seal(self, request: Request) -> str:
        return ""


@dataclass(slots=True)
class Answering:
    """`answers`: for each call, what its attempts see; the last one repeats. `took`: seconds of an attempt."""

    answers: Mapping[CallId, tuple[Observation, ...]]
    took: Mapping[CallId, float] = field(default_factory=dict)
    signals: Mapping[str, Json] = field(default_factory=dict)  # what each wait is answered with


@dataclass(slots=True)
class Story:
    """A run and how it came to this, turn by turn."""

    run: Run
    at: float
    told: list[Turn]

    @property
    def plan(self) -> Plan:
        """As it was written."""
        return self.run.plan.folded or self.run.plan

    @property
    def state(self) -> State:
        return self.run.state

    @property
    def now(self) -> Progress:
        return self.run.progress

    def tell(self, event: Event) -> None:
        """A person says something to a run that is at rest."""
        _turn(self, [event])


def play(
    plan: Plan,
    inputs: dict[str, Json],
    services: Answering,
    *,
    until: CallId = "",
    told: Mapping[CallId, tuple[CancelRequested | Waived, ...]] | None = None,
    run: str = "book-trip-7k3fq2mzab",
    env: Mapping[str, str | None] | None = None,
    key: str = "",
    turns: int = 1000,
) -> Story:
    """Run to rest, or until the call `until` is out. `told`: what a person says when a call has ended."""
    story = Story(Run.new(plan), BEGIN, [])
    created = Created(
        run, plan.name, plan.digest, BEGIN, inputs, dict(env or {}), {}, started=STARTED, key=key
    )
    _turn(story, [created])
    for _ in range(turns):
        if until and until in story.state.flying:
            return story
        arrived = _next_arrival(story, services)
        if not arrived:
            return story
        _turn(story, arrived)
        for one in arrived:
            if isinstance(one, Finished) and told is not None:
                said = told.get(one.call, ())
                _turn(story, [replace(word, at=story.at) for word in said])
    assert turns < 1000, "the run does not come to rest"
    return story


def _next_arrival(story: Story, services: Answering) -> list[Event]:
    """What ends next among all that is in flight."""
    coming: list[tuple[float, int, Event]] = []
    for index, command in enumerate(story.now.commands):
        match command:
            case Invoke(call=call, attempt=number):
                entry = story.state.calls[call]
                at = entry.last_at + services.took.get(call, 0.05)
                seen = services.answers.get(call, (Answer(200, (), {"id": "X-1"}),))
                observation = seen[min(number, len(seen)) - 1]
                outcome = judge(story.run.plan, story.state, call, observation)
                coming.append((at, index, Finished(call, number, at, outcome)))
            case Sleep(timer=timer):
                due = story.state.armed[timer]
                coming.append((due, index, Fired(timer, max(due, story.at))))
            case Await(node=node, name=name) if name in services.signals:
                at = story.at + 90
                signal = Signalled(f"s-{node}", name, services.signals[name], at, "ann")
                coming.append((at, index, signal))
            case Begin(node=node):
                coming.append((story.at, index, Begun(node, story.at)))
            case Queue():
                coming.append((story.at + 5, index, Admitted(story.at + 5)))
    if not coming:
        return []
    at, _, event = min(coming, key=lambda item: item[:2])
    story.at = max(story.at, at)
    return [event]


def _turn(story: Story, events: list[Event]) -> None:
    turn = advance(story.run, events, Signer(), story.at)
    assert reduce(apply, turn.facts, story.state) == turn.after.state
    story.told.append(turn)
    story.run = turn.after
