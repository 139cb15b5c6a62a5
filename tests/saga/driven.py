"""A run driven without a loop: each call that is sent is answered in a turn of its own, in the order of sending."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from flowdsl.codes import Code
from flowdsl.explorer.situation import SIGNER
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.advance import advance
from flowdsl.saga.commands import Invoke
from flowdsl.saga.events import Created, Event, Failure, Finished, Ok, Refused
from flowdsl.saga.remembered import Remembered
from flowdsl.saga.run import Run
from flowdsl.saga.since import since

NO = Refused(Failure(Code.REFUSED, "no"))
YES = Ok(200, {}, {"id": 1})


@dataclass(slots=True)
class Driven:
    """`turns`: how many it took. `asked`: how many parts were asked in all of them, those of a check left out."""

    run: Run
    memory: Remembered
    turns: int = 0

    @property
    def asked(self) -> int:
        return self.memory.asked

    @property
    def parts_a_turn(self) -> float:
        return self.asked / self.turns


def driven(
    plan: Plan,
    inputs: dict[str, Json] | None = None,
    refused: Callable[[str], bool] = lambda _: False,
    watch: Callable[[Driven], None] = lambda _: None,
) -> Driven:
    """Until nothing is in flight any more. What is refused, is refused for good."""
    new = Run.new(plan)
    here = Driven(new, Remembered(new.plan, new.state))
    events: list[Event] = [Created("run", "tiny", plan.digest, 0.0, inputs or {}, {}, {})]
    out: deque[Invoke] = deque()
    while events:
        here.run = advance(here.run, events, SIGNER, float(here.turns), here.memory).after
        here.turns += 1
        came = since(here.memory.settled, here.run.progress).came
        here.memory.settled = here.run.progress
        watch(here)
        out.extend(command for command in came if isinstance(command, Invoke))
        events = [_answer(out.popleft(), here.turns, refused)] if out else []
    return here


def _answer(sent: Invoke, at: int, refused: Callable[[str], bool]) -> Finished:
    return Finished(sent.call, sent.attempt, float(at), NO if refused(sent.call) else YES)
