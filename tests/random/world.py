"""Three services and a network between, all unreliable by chance: what happens to a request follows from the seed.

`keyed` plays back what a key was answered; `plain` does the work once more; `grave` refuses what it has undone. Which
fault strikes the n-th request of a line is a function of the seed alone, so that the same fault strikes in a smaller workflow.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from flowdsl.plan.json import to_text
from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation

FAULTS = (
    "lose reply", "lose request", "late", "refuse", "door", "fail done", "fail undone",
    "busy", "not sent", "cut", "decline",
)  # fmt: skip
LATE_SECONDS = 9.0  # within the window that an undo waits for
SLOW_SECONDS = 0.4


@dataclass(slots=True)
class Deed:
    """What one key did. `count` is how often it took effect."""

    service: str
    key: str
    id: str
    count: int = 0
    held: bool = False
    confirmed: int = 0
    undone: int = 0


@dataclass(slots=True)
class World:
    seed: int
    rate: float
    id_format: str = "e{}"
    more: Callable[[int], dict[str, Json]] = lambda _: {}  # what an answer says besides
    expecting: frozenset[str] = frozenset()  # lines whose step has an `expect`
    masked: frozenset[str] = frozenset()  # faults kept from striking, to find out which matter
    deeds: dict[str, Deed] = field(default_factory=dict)
    said: dict[tuple[str, str], Answer] = field(default_factory=dict)  # by service and key
    barred: set[str] = field(default_factory=set)
    bytes_of: dict[str, str] = field(default_factory=dict)  # by key, what was sent first
    arrivals: dict[str, int] = field(default_factory=dict)  # by key, how often a change came
    counts: dict[str, int] = field(default_factory=dict)
    struck: list[str] = field(default_factory=list)
    late: set[asyncio.Task[object]] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)
    answers: list[Json] = field(default_factory=list)

    async def send(
        self, request: Request, *, secrets: Mapping[str, str], timeout_seconds: float, fresh: bool
    ) -> Observation:
        line = f"{request.method} {urlsplit(request.url).netloc}{urlsplit(request.url).path}"
        key = _header(request, "Idempotency-Key")
        spelled = f"{request.method} {request.url} {request.body}"
        if self.bytes_of.setdefault(key, spelled) != spelled:
            self.complaints.append(f"{line}: its key was sent with other bytes before")
        await asyncio.sleep(random.Random(f"{self.seed} {line} pace").random() * SLOW_SECONDS)
        return await self._meet(request, line, key, self._fault(line))

    def _fault(self, line: str) -> str:
        number = self.counts[line] = self.counts.get(line, 0) + 1
        chance = random.Random(f"{self.seed} {line} {number}")
        label = f"{line} #{number}"
        if chance.random() > self.rate or label in self.masked:
            return ""
        fault = chance.choice(FAULTS)
        self.struck.append(f"{label}: {fault}")
        return fault

    async def _meet(self, request: Request, line: str, key: str, fault: str) -> Observation:
        match fault:
            case "not sent":
                return NotSent("nobody listens")
            case "lose request":
                return Lost("nobody answered")
            case "late":
                seconds = random.Random(f"{self.seed} {line} late").random() * LATE_SECONDS
                task: asyncio.Task[object] = asyncio.create_task(self._later(request, key, seconds))
                self.late.add(task)
                return Lost("nobody answered in time")
            case "busy":
                return Answer(503, (("Retry-After", "1"),))
            case "fail undone":
                return Answer(500)
            case "door":
                return Answer(401)
            case "refuse":
                return self._refused(request, key)
            case "decline":
                return self._declined(request, key)
        answer = self._arrive(request, key)
        match fault:
            case "lose reply":
                return Lost("the connection broke")
            case "fail done":
                return Answer(500)
            case "cut" if answer.status < 300:
                return Answer(answer.status, (), None, problem="cut short")
        return answer

    async def _later(self, request: Request, key: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._arrive(request, key)

    def _refused(self, request: Request, key: str) -> Answer:
        service = urlsplit(request.url).netloc
        if (service, key) in self.said and service == "keyed":
            return self.said[service, key]
        answer = Answer(402, (), {"error": "no"})
        if service == "keyed":
            self.said[service, key] = answer
        return answer

    def _declined(self, request: Request, key: str) -> Answer:
        """Says no in a 2xx where it may, and does it elsewhere."""
        service, _, direction = self._about(request)
        if direction != "do" or (service, key) in self.said:
            return self._arrive(request, key)
        answer = Answer(200, (), {"id": "none", "ok": False})
        if not self.expects(key):
            return self._arrive(request, key)
        if service == "keyed":
            self.said[service, key] = answer
        return answer

    def expects(self, key: str) -> bool:
        return self.bytes_of.get(key, "").split("?")[0].split(" {")[0] in self.expecting

    def _about(self, request: Request) -> tuple[str, list[str], str]:
        parts = urlsplit(request.url)
        path = [part for part in parts.path.split("/") if part]
        if request.method == "GET":
            return parts.netloc, path, "probe" if parts.query else "read"
        if request.method == "DELETE":
            return parts.netloc, path, "undo"
        return parts.netloc, path, "confirm" if path[-1] == "confirm" else "do"

    def _arrive(self, request: Request, key: str) -> Answer:
        service, path, direction = self._about(request)
        if direction == "read":
            return Answer(200, (), {"id": "r", "ok": True, "data": []})
        if direction == "probe":
            asked = parse_qs(urlsplit(request.url).query)["key"][0]
            deed = self.deeds.get(asked)
            found: list[Json] = [self._answer(deed)] if deed is not None and deed.held else []
            return Answer(200, (), {"data": found})
        if service == "keyed" and (service, key) in self.said:
            return self.said[service, key]
        answer = self._act(request, service, path, direction, key)
        if service == "keyed":
            self.said[service, key] = answer
        return answer

    def _act(
        self, request: Request, service: str, path: list[str], direction: str, key: str
    ) -> Answer:
        if direction == "do":
            if key in self.barred:
                return Answer(409)
            deed = self.deeds.setdefault(key, Deed(service, key, self._new_id()))
            deed.count, deed.held = deed.count + 1, True
            return Answer(201, (("x-id", deed.id),), self._answer(deed))
        compensated = _header(request, "X-Flowdsl-Compensates")
        if direction == "undo" and service == "grave":
            self.barred.add(compensated)
        reference = path[-2] if direction == "confirm" else path[-1]
        found = next((d for d in self.deeds.values() if reference in (d.id, d.key)), None)
        if found is None or not found.held:
            return Answer(404)
        if direction == "undo":
            found.held, found.undone = False, found.undone + 1
            return Answer(204)
        found.confirmed += 1
        return Answer(200, (), {})

    def _new_id(self) -> str:
        return self.id_format.format(len(self.deeds) + 1)

    def _answer(self, deed: Deed) -> Json:
        said: dict[str, Json] = {"id": deed.id, "ok": True, "key": to_text(deed.count)}
        said |= self.more(int("".join(filter(str.isdigit, deed.id))))
        self.answers.append(said)
        return said


def _header(request: Request, name: str) -> str:
    return next((str(value[0]) for key, value in request.headers if key == name and value), "")
