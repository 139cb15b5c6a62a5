"""A whole run on one stage: the real engine loop, the mock services in this process, time that jumps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from flowdsl.engine.loop import Drive
from flowdsl.engine.ports import Ports
from flowdsl.engine.sign import RunSigner
from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created, Event
from flowdsl.saga.progress import Progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State
from flowdsl.world.network.http import Http
from mock_services.app import MockServices, create_app
from tests.lives.front import fault
from tests.lives.starting import MOCK_URL
from tests.lives.virtual import EPOCH, VirtualClock, run_virtually

WORKFLOWS = Path(__file__).parents[2] / "workflows"

TRIP: dict[str, Json] = {
    "flight": "LH-454",
    "hotel": "Savoy",
    "car": "compact",
    "nights": 2,
    "card": "tok_visa",
    "email": "ada@example.com",
}
ORDER: dict[str, Json] = {
    "order": "o-1",
    "items": [{"sku": "book", "quantity": 2}],
    "total": 42,
    "card": "tok_visa",
    "address": "1 Main Street",
}


def workflow(name: str) -> Plan:
    path = WORKFLOWS / name
    return compile_plan(path.read_text(), str(path))


@dataclass(slots=True)
class Stage:
    """`facts` is what the run kept; `app` is what the services know."""

    plan: Plan
    inputs: dict[str, Json]
    app: MockServices = field(default_factory=create_app)
    facts: list[Event] = field(default_factory=list)

    def fault(self, call: str, kind: str, times: int | None = 1) -> None:
        """`call` is "DELETE flights/reservations/*"."""
        fault(self.app, call, kind, times)

    def fired(self) -> list[int]:
        return [fault.fired for fault in self.app.faults.faults]

    def play(self) -> tuple[State, Progress]:
        """The run from its first fact to its rest."""
        return run_virtually(self._play())

    async def _play(self) -> tuple[State, Progress]:
        env: dict[str, str | None] = {"DEMO_URL": MOCK_URL}
        first = Created("run-1", self.plan.name, self.plan.digest, EPOCH, self.inputs, env, {})
        network = Http(httpx.ASGITransport(app=self.app))
        signer = RunSigner(b"key", "run-1", {})
        drive = Drive(Run.new(self.plan), self._keep, Ports(network, VirtualClock(), signer, {}))
        await drive.go([], [first])
        return drive.run.state, drive.run.progress

    async def _keep(self, events: Sequence[Event]) -> None:
        self.facts += events

    def left(self, ended: str) -> list[str]:
        return [effect.id for effect in self.app.ledger.left_behind(ended)]

    def service_id(self, step: str, state: State) -> str:
        """The id that the services know a step's effect by, whether or not the run ever learned it."""
        key = state.calls[step].key
        return next((e.id for e in self.app.ledger.effects if e.key == key), "")

    def doubles(self) -> list[str]:
        """Effects that happened more than once, by the services' own books."""
        groups = Counter(effect.wish for effect in self.app.ledger.effects)
        return [str(wish) for wish, count in groups.items() if count != 1]
