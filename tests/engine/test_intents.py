"""What the explorer cannot see: whether the loop keeps first and acts then. The real loop, dying at every point.

A journal that is a list, a network that notes what reached it, and a fuse that burns at the n-th keep or send. After
each death another drive goes on from what was kept, as after a resume.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from flowdsl.engine.loop import Drive
from flowdsl.engine.ports import Ports
from flowdsl.engine.sign import RunSigner
from flowdsl.explorer.situation import SIGNER
from flowdsl.plan.nodes import Plan
from flowdsl.plan.request import Request
from flowdsl.saga.advance import Turn, advance
from flowdsl.saga.events import Created, Event, Finished, Resumed, Started
from flowdsl.saga.observation import Answer, Observation
from flowdsl.saga.run import Run
from flowdsl.saga.state import State, fold
from tests.conftest import Counts
from tests.explorer.corpus import sequence, unkeyed
from tests.lives.death import Death, Fuse
from tests.lives.virtual import EPOCH, VirtualClock, run_virtually

POINTS_MAX = 60


@dataclass(slots=True)
class Witness:
    """`kept` is the disk; `sent` what left the process, by key; `broken` what was done too early."""

    fuse: Fuse
    refuses: str = ""  # a part of the URL
    kept: list[Event] = field(default_factory=list)
    sent: dict[str, list[Request]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    async def keep(self, events: Sequence[Event], /) -> None:
        self.fuse.pass_point()  # before the write
        await asyncio.sleep(0.01)
        self.kept += events
        self.fuse.pass_point()  # after it, before anybody knows

    async def send(
        self,
        request: Request,
        *,
        secrets: Mapping[str, str],
        timeout_seconds: float,
        fresh: bool,
    ) -> Observation:
        key = next("".join(map(str, v)) for n, v in request.headers if n == "Idempotency-Key")
        sends = self.sent.setdefault(key, [])
        intents = [e for e in self.kept if isinstance(e, Started) and self._key(e) == key]
        if len(intents) <= len(sends):
            self.broken.append(
                f"{request.method} {request.url} was sent before its intent was kept"
            )
        sends.append(request)
        self.fuse.pass_point()  # on its way
        await asyncio.sleep(0.02)
        if self.refuses and self.refuses in request.url:
            return Answer(422)
        return Answer(200, (), {"id": "X1"})

    def watch(self, turn: Turn) -> None:
        known = fold(State(), self.kept)
        for call, entry in turn.after.state.calls.items():
            if entry.answer is not None and known.calls[call].answer is None:
                self.broken.append(f"the answer to {call} was shown before it was kept")

    def _key(self, event: Started) -> str:
        return fold(State(), self.kept).calls[event.call].key


async def live(plan: Plan, witness: Witness) -> State:
    """Drive the run until it dies or rests; then, after a death, once more."""
    created = Created("run", plan.name, plan.digest, EPOCH, {}, {}, {})
    for _ in range(2):
        witness.fuse.begin()
        past = list(witness.kept)
        drive = Drive(
            Run.new(plan), witness.keep, Ports(witness, VirtualClock(), SIGNER, {}, witness.watch)
        )
        first = [Resumed(1, EPOCH)] if past else [created]
        try:
            await drive.go(past, first)
        except Death:
            continue
        return drive.run.state
    return drive.run.state


def deaths(plan: Plan, refuses: str = "") -> list[Witness]:
    """The run without a death, and the run with a death at each of its points."""
    witnesses = []
    for burns_at in range(POINTS_MAX):
        witness = Witness(Fuse(frozenset({burns_at})), refuses)
        state = run_virtually(live(plan, witness))
        if not witness.broken:
            assert state.ended, f"no end after a death at point {burns_at}"
        witnesses.append(witness)
        if witness.fuse.passed < burns_at:
            break
    return witnesses


@pytest.mark.parametrize("refuses", ["", "/c"])
def test_an_intent_is_kept_before_its_request_leaves_and_an_answer_before_it_is_seen(
    refuses: str, counts: Counts
) -> None:
    witnesses = deaths(sequence(), refuses)
    assert 10 < len(witnesses) < POINTS_MAX
    for witness in witnesses:
        assert witness.broken == []
    counts.add("deaths of the loop", len(witnesses) - 1)


def test_a_request_is_the_same_bytes_under_the_same_key_before_and_after_a_death() -> None:
    # given a service that honours keys, so that what was out is sent again
    again = [r for witness in deaths(sequence()) for r in witness.sent.values() if len(r) > 1]
    assert again
    for requests in again:
        assert len(set(requests)) == 1


def test_what_was_out_when_its_process_died_is_not_sent_again_without_a_key() -> None:
    for witness in deaths(unkeyed()):
        changing = [requests for requests in witness.sent.values() if requests[0].method == "POST"]
        assert all(len(requests) == 1 for requests in changing)


async def acts_first(self: Drive, events: Sequence[Event]) -> None:
    """As `Drive._turn`, but what is to be kept is kept when all has begun."""
    turn = advance(self.run, events, self.ports.signer, self.ports.clock.now(), self.memory)
    self.run = turn.after
    self._reconcile(self.run.progress)
    await asyncio.sleep(0)
    self.ports.watch(turn)
    await self.keep(turn.facts)


def test_a_loop_that_acts_before_it_keeps_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Drive, "_turn", acts_first)
    broken = {line for witness in deaths(sequence()) for line in witness.broken}
    assert any("before its intent was kept" in line for line in broken)
    assert any("shown before it was kept" in line for line in broken)


def test_a_loop_that_forgets_what_was_out_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was out has no outcome then, and its attempt is made a second time under one intent."""

    def none(self: Drive) -> list[Event]:
        return []

    monkeypatch.setattr(Drive, "_interruptions", none)
    broken = {line for witness in deaths(sequence()) for line in witness.broken}
    assert any("before its intent was kept" in line for line in broken)


def test_every_outcome_that_is_kept_has_its_intent_before_it() -> None:
    for witness in deaths(sequence(), "/b"):
        open_calls: set[tuple[str, int]] = set()
        for event in witness.kept:
            if isinstance(event, Started):
                open_calls.add((event.call, event.attempt))
            if isinstance(event, Finished):
                open_calls.remove((event.call, event.attempt))


def test_a_key_depends_on_the_run_the_step_and_the_direction_and_on_nothing_else() -> None:
    signer = RunSigner(b"secret", "run-1", {})
    other = RunSigner(b"secret", "run-2", {})
    keys = [signer.key(call) for call in ("a", "a!undo", "a!confirm", "a!probe", "b")]
    assert len({*keys, other.key("a"), RunSigner(b"else", "run-1", {}).key("a")}) == 7
    assert signer.key("a") == signer.key("a!answer") == RunSigner(b"secret", "run-1", {}).key("a")
    assert signer.key("a!probe") == signer.key("a!probe2")
    assert all(key.startswith("fd1-") and len(key) == 44 for key in keys)
