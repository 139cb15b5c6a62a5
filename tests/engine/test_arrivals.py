"""What is told while a turn is being kept is taken in by the next one, and nothing is sent for it again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from flowdsl.engine.loop import Drive
from flowdsl.engine.ports import Ports
from flowdsl.engine.sign import RunSigner
from flowdsl.language import compile_plan
from flowdsl.plan.request import Request
from flowdsl.saga.events import Created, Event
from flowdsl.saga.observation import Answer, Observation
from flowdsl.saga.run import Run
from flowdsl.world.clock import SystemClock

TWO_AT_ONCE = """flowdsl: 1
services: { a: http://a }
steps:
  - parallel:
      - { id: one, call: POST a/one, compensate: none }
      - { id: two, call: POST a/two, compensate: none }
"""


class Services:
    """Answer at once, the second call a moment later: while the answer of the first is being kept."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    async def send(
        self,
        request: Request,
        *,
        secrets: Mapping[str, str],
        timeout_seconds: float,
        fresh: bool,
    ) -> Observation:
        self.sent[request.url] += 1
        for _ in range(3 if request.url.endswith("two") else 0):
            await asyncio.sleep(0)
        return Answer(200, (), {})


async def slow_disk(events: Sequence[Event]) -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_an_answer_that_comes_while_the_disk_works_is_not_asked_for_again() -> None:
    plan = compile_plan(TWO_AT_ONCE, "w.yaml")
    services = Services()
    ports = Ports(services, SystemClock(), RunSigner(b"key", "r-1", {}), {})
    drive = Drive(Run.new(plan), slow_disk, ports)
    created = Created("r-1", plan.name, plan.digest, 0.0, {}, {}, {})
    asyncio.run(drive.go([], [created]))
    assert drive.run.progress.state == "succeeded"
    assert services.sent == {"http://a/one": 1, "http://a/two": 1}
