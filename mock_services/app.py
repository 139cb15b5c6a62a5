"""The mock services as one bare ASGI app: services by path prefix, and what tests steer and judge them by.

A service works on a request to its end even if the client has left, as real ones do: therefore the
work is a task of its own. All waiting goes through `asyncio.sleep`, so a virtual clock works.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mock_services.exchange import (
    Disconnected,
    Json,
    Receive,
    Reply,
    Request,
    Scope,
    Send,
    TooLarge,
    read_request,
    refusal,
    send_raw,
    send_reply,
    wait_until_gone,
)
from mock_services.faults import (
    BadFault,
    Behaviour,
    Cut,
    Delay,
    Faults,
    Garbage,
    Hold,
    LoseReply,
    LoseRequest,
    Refuse,
)
from mock_services.keys import Keys
from mock_services.ledger import ENDS, Ledger
from mock_services.resources import SERVICES
from mock_services.services import Moment, serve

REQUESTS_KEPT = 100_000
LOGGED_HEADERS = frozenset({"content-type", "idempotency-key", "authorization", "accept"})


def create_app(latency_seconds: float = 0.0) -> MockServices:
    return MockServices(latency_seconds)


@dataclass(frozen=True, slots=True)
class Logged:
    """A request as it came in: `path` is its target on the wire, `body` its very bytes."""

    time: float
    method: str
    path: str
    key: str | None
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def as_json(self) -> Json:
        headers: dict[str, Json] = dict(self.headers)
        return {
            "time": self.time,
            "method": self.method,
            "path": self.path,
            "key": self.key,
            "headers": headers,
            "body": self.body.decode("utf-8", "backslashreplace"),
        }


class MockServices:
    """An ASGI app with a state of its own."""

    def __init__(self, latency_seconds: float = 0.0) -> None:
        self.latency_seconds = latency_seconds
        self.ledger = Ledger()
        self.faults = Faults()
        self.keys = Keys()
        self.requests: list[Logged] = []
        self._started_at: float | None = None
        self._working: set[asyncio.Task[Reply]] = set()
        self._held: set[asyncio.Event] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        if scope["type"] != "http":
            return
        arrived = self._now()
        try:
            request = await read_request(scope, receive)
        except Disconnected:
            return
        except TooLarge:
            await send_reply(send, refusal(413, "too_large", "the body is over 8 MiB"))
            return
        prefix, _, rest = request.path.removeprefix("/").partition("/")
        if prefix in SERVICES:
            await self._serve(prefix, f"/{rest}", request, arrived, receive, send)
        else:
            await send_reply(send, self._control(request))

    async def settled(self) -> None:
        """Returns when no service works on anything any more."""
        while self._working:
            await asyncio.wait(self._working)

    async def _serve(
        self,
        service: str,
        path: str,
        request: Request,
        arrived: float,
        receive: Receive,
        send: Send,
    ) -> None:
        self._log(request, arrived)
        behaviour = self.faults.fire(service, request.method, path)
        if isinstance(behaviour, LoseRequest):
            await wait_until_gone(receive)
            return
        work = asyncio.create_task(self._work(service, path, request, arrived, behaviour))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        reply = await asyncio.shield(work)
        match behaviour:
            case LoseReply():
                await wait_until_gone(receive)
            case Garbage():
                await send_raw(send, Reply(200), b"<html>it works!</html>")
            case Cut():
                await send_raw(send, reply, b'{"id": "', missing_bytes=100)
            case _:
                await send_reply(send, reply)

    async def _work(
        self, service: str, path: str, request: Request, arrived: float, behaviour: Behaviour | None
    ) -> Reply:
        if isinstance(behaviour, Refuse):
            await asyncio.sleep(self.latency_seconds)
            return _refused(behaviour)
        place = self.keys.claim(request)
        if isinstance(behaviour, Hold):
            await self._hold()
        more_seconds = behaviour.seconds if isinstance(behaviour, Delay) else 0.0
        await asyncio.sleep(self.latency_seconds + more_seconds)
        if isinstance(place, Reply):
            return place
        place.reply = serve(self.ledger, service, path, request, Moment(arrived, self._now()))
        return place.reply

    async def _hold(self) -> None:
        gate = asyncio.Event()
        self._held.add(gate)
        await gate.wait()

    def _release(self) -> int:
        """Lets go all that is held now; a fault that is there still holds what comes later."""
        held = len(self._held)
        while self._held:
            self._held.pop().set()
        return held

    def _control(self, request: Request) -> Reply:
        match request.method, request.path:
            case "GET", "/ledger":
                return Reply(200, self.ledger.as_json())
            case "GET", "/ledger/residue":
                ended = request.parameter("ended")
                if ended not in ENDS:
                    return refusal(400, "bad_end", f"ended must be one of {', '.join(ENDS)}")
                return Reply(200, self.ledger.residue(ended))
            case "DELETE", "/ledger":
                self.ledger.clear()
                self.keys.clear()
                self.requests.clear()
                return Reply(200, self.ledger.as_json())
            case "GET", "/requests":
                return Reply(200, {"requests": [logged.as_json() for logged in self.requests]})
            case "GET", "/faults":
                return Reply(200, self.faults.as_json())
            case "POST", "/faults":
                return self._add_fault(request)
            case "POST", "/faults/release":
                return Reply(200, {"released": self._release()})
            case "DELETE", "/faults":
                self.faults.clear()
                self._release()
                return Reply(200, self.faults.as_json())
            case _, "/ledger" | "/ledger/residue" | "/requests" | "/faults" | "/faults/release":
                return refusal(405, "no_method", f"{request.method} is not possible here")
        there = ", ".join(f"/{name}" for name in (*SERVICES, "ledger", "faults", "requests"))
        return refusal(404, "no_route", f"nothing at {request.path}; there are {there}")

    def _add_fault(self, request: Request) -> Reply:
        try:
            return Reply(201, self.faults.add(request.json).as_json())
        except BadFault as error:
            return refusal(400, "bad_fault", str(error))
        except ValueError:
            return refusal(400, "not_json", "the body is not JSON")

    def _log(self, request: Request, arrived: float) -> None:
        headers = tuple(
            (name, value)
            for name, value in request.headers
            if name in LOGGED_HEADERS or name.startswith("x-")
        )
        logged = Logged(arrived, request.method, request.target, request.key, headers, request.body)
        self.requests.append(logged)
        if len(self.requests) > REQUESTS_KEPT:
            del self.requests[: REQUESTS_KEPT // 2]

    def _now(self) -> float:
        """Seconds since the first request, on the clock of the loop."""
        now = asyncio.get_running_loop().time()
        if self._started_at is None:
            self._started_at = now
        return now - self._started_at


def _refused(behaviour: Refuse) -> Reply:
    headers: tuple[tuple[str, str], ...] = ()
    if behaviour.retry_after_seconds is not None:
        headers = (("retry-after", str(behaviour.retry_after_seconds)),)
    body: Json = {"error": "fault", "message": "a fault was asked for"}
    return Reply(behaviour.status, body, headers)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
