"""The port to the network: one request out, one observation back; what it means is judged elsewhere.

An attempt is bounded as a whole (`timeout_seconds`, the last byte of the body included). Where it is
not certain that no byte left, the answer is `Lost`, never `NotSent`. An answer comes back as it is, secrets
that the service said back included: it is judged so, and masked where it is kept or shown. Reasons are for
people only, and are masked here, before they are cut.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx

from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.world.network.body import CUT, NO_MEMORY, decode, read_whole
from flowdsl.world.network.hosts import Hosts
from flowdsl.world.network.outgoing import HEADER_CHARACTERS_MAX, Unbuildable, build
from flowdsl.world.network.retry_after import in_seconds
from flowdsl.world.network.wire import ForbiddenAddress, Wire, check_libraries, tls_context
from flowdsl.world.secrets.redaction import Redaction

HEADERS_MAX = 64
REASON_CHARACTERS_MAX = 300

# Of no use to a workflow, different every time, or not for other eyes.
DROPPED_HEADERS = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "server",
        "set-cookie",
        "transfer-encoding",
    }
)

# What a transport raises only while no byte has left.
BEFORE_THE_FIRST_BYTE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class Http:
    """`transport` is any httpx transport; a second one, if given, serves `fresh` requests.

    `hosts` says which addresses may be called; a transport that is given judges for itself.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        fresh_transport: httpx.AsyncBaseTransport | None = None,
        *,
        hosts: Hosts | None = None,
    ) -> None:
        """InputError where no transport is given, and ours is not fit for use."""
        if transport is None:
            check_libraries()
        self._hosts = hosts or Hosts()
        self._transport = transport
        self._fresh_transport = fresh_transport or transport
        self._redaction = Redaction({})

    async def send(
        self,
        request: Request,
        *,
        secrets: Mapping[str, str],
        timeout_seconds: float,
        fresh: bool,
    ) -> Observation:
        """One attempt. `fresh`: not on an idle connection, which may be closing at this moment."""
        redaction = self._redaction_of(secrets)
        try:
            outgoing = build(request, secrets)
        except Unbuildable as error:
            return _short(NotSent(redaction.text(str(error)), unbuildable=True))
        observation = await _exchange(self._choose(fresh=fresh), outgoing, timeout_seconds)
        return _short(_for_people(observation, redaction))

    async def aclose(self) -> None:
        for transport in {self._transport, self._fresh_transport} - {None}:
            assert transport is not None
            await transport.aclose()

    def _choose(self, *, fresh: bool) -> httpx.AsyncBaseTransport:
        if self._transport is None or self._fresh_transport is None:
            tls = tls_context()
            self._transport = self._transport or Wire(tls, hosts=self._hosts)
            self._fresh_transport = self._fresh_transport or Wire(
                tls, fresh=True, hosts=self._hosts
            )
        return self._fresh_transport if fresh else self._transport

    def _redaction_of(self, secrets: Mapping[str, str]) -> Redaction:
        if not self._redaction.covers(secrets):
            self._redaction = Redaction(secrets)
        return self._redaction


@dataclass(slots=True)
class _Watch:
    """How far an exchange got. Fed by httpx's own `trace` extension, where the transport knows it."""

    connecting: bool = False
    sent: bool = False
    response: httpx.Response | None = None

    async def see(self, event: str, _info: object) -> None:
        if event == "connection.connect_tcp.started":
            self.connecting = True
        elif event.endswith(".send_request_headers.started"):
            self.sent = True

    def timed_out(self, seconds: float) -> Observation:
        if self.response is not None:
            problem = f"{CUT}: not whole within {seconds:g} s"
            return Answer(self.response.status_code, _headers(self.response), None, problem)
        if self.connecting and not self.sent:
            return NotSent(f"no connection within {seconds:g} s")
        return Lost(f"no answer within {seconds:g} s")

    def failed(self, error: Exception) -> Observation:
        reason = str(error) or type(error).__name__
        if isinstance(error, BEFORE_THE_FIRST_BYTE) and not self.sent:
            return NotSent(reason, forbidden=isinstance(error, ForbiddenAddress))
        return Lost(reason)


async def _exchange(
    transport: httpx.AsyncBaseTransport, outgoing: httpx.Request, seconds: float
) -> Observation:
    watch = _Watch()
    outgoing.extensions["trace"] = watch.see
    try:
        async with asyncio.timeout(seconds):
            return await _converse(transport, outgoing, watch)
    except TimeoutError:
        return watch.timed_out(seconds)


async def _converse(
    transport: httpx.AsyncBaseTransport, outgoing: httpx.Request, watch: _Watch
) -> Observation:
    try:
        response = await transport.handle_async_request(outgoing)
    except (httpx.HTTPError, OSError) as error:
        return watch.failed(error)
    watch.response = response
    try:
        body, problem = await _read(response, is_head=outgoing.method == "HEAD")
    except MemoryError:  # 8 MiB of it may stand for far more
        body, problem = None, NO_MEMORY
    return Answer(response.status_code, _headers(response), body, problem)


async def _read(response: httpx.Response, *, is_head: bool) -> tuple[Json, str | None]:
    try:
        whole = await read_whole(response, is_head=is_head)
    finally:
        await response.aclose()
    if whole.problem is not None:
        return None, whole.problem
    return decode(whole.content, response.headers.get("content-type", ""))


def _for_people(observation: Observation, redaction: Redaction) -> Observation:
    match observation:
        case NotSent(reason=reason) | Lost(reason=reason):
            return replace(observation, reason=redaction.text(reason))
        case Answer(problem=str() as problem):
            return replace(observation, problem=redaction.text(problem))
        case Answer():
            return observation


def _short(observation: Observation) -> Observation:
    """Cut only after the secrets are out: half of one could not be recognised."""
    if isinstance(observation, Answer):
        return observation
    return replace(observation, reason=observation.reason[:REASON_CHARACTERS_MAX])


def _headers(response: httpx.Response) -> tuple[tuple[str, str], ...]:
    decoded = (
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in response.headers.raw
    )
    kept = [
        (name, in_seconds(value, time.time()) if name == "retry-after" else value)
        for name, value in decoded
        if name not in DROPPED_HEADERS
        and not name.startswith("proxy-")
        and len(value) <= HEADER_CHARACTERS_MAX
    ]
    return tuple(kept[:HEADERS_MAX])
