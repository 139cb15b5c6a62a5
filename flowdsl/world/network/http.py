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
from typing import TYPE_CHECKING

from msgspec.structs import replace

from flowdsl.plan.request import Request
from flowdsl.plan.values import Json
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.world.network.body import CUT, NO_MEMORY, decode, read_whole
from flowdsl.world.network.connection import check_library
from flowdsl.world.network.hosts import Hosts
from flowdsl.world.network.outgoing import HEADER_CHARACTERS_MAX, Outgoing, Unbuildable, build
from flowdsl.world.network.passage import (
    Broken,
    IncomingResponse,
    NotConnected,
    Passage,
    RawHeaders,
    Transport,
    header,
)
from flowdsl.world.network.retry_after import in_seconds
from flowdsl.world.network.wire import Wire
from flowdsl.world.secrets.redaction import Redaction

if TYPE_CHECKING:
    import httpx

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


class Http:
    """Without a `transport`, ours. Any httpx transport will do; a second one, if given, serves `fresh` requests.

    `hosts` says which addresses may be called; a transport that is given judges for itself.
    """

    def __init__(
        self,
        transport: Transport | httpx.AsyncBaseTransport | None = None,
        fresh_transport: httpx.AsyncBaseTransport | None = None,
        *,
        hosts: Hosts | None = None,
    ) -> None:
        """InputError where no transport is given, and ours is not fit for use."""
        if transport is None:
            check_library()
        self._transport = (
            Wire(hosts=hosts) if transport is None else _ours(transport, fresh_transport)
        )
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
        observation = await _exchange(self._transport, outgoing, timeout_seconds, fresh=fresh)
        return _short(_for_people(observation, redaction))

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _redaction_of(self, secrets: Mapping[str, str]) -> Redaction:
        if not self._redaction.covers(secrets):
            self._redaction = Redaction(secrets)
        return self._redaction


def _ours(
    transport: Transport | httpx.AsyncBaseTransport, fresh: httpx.AsyncBaseTransport | None
) -> Transport:
    import httpx

    from flowdsl.world.network.through_httpx import ThroughHttpx

    if isinstance(transport, httpx.AsyncBaseTransport):
        return ThroughHttpx(transport, fresh or transport)
    return transport


async def _exchange(
    transport: Transport, outgoing: Outgoing, seconds: float, *, fresh: bool
) -> Observation:
    passage = Passage()
    response: IncomingResponse | None = None
    try:
        async with asyncio.timeout(seconds):
            response = await transport.send(outgoing, passage, fresh=fresh)
            return await _read(response, is_head=outgoing.method == "HEAD")
    except TimeoutError:
        return _timed_out(passage, response, seconds)
    except NotConnected as error:
        return NotSent(str(error), forbidden=error.forbidden)
    except Broken as error:
        return Lost(str(error))


def _timed_out(passage: Passage, response: IncomingResponse | None, seconds: float) -> Observation:
    if response is not None:
        problem = f"{CUT}: not whole within {seconds:g} s"
        return Answer(response.status, _headers(response.headers), None, problem)
    if passage.connecting and not passage.sent:
        return NotSent(f"no connection within {seconds:g} s")
    return Lost(f"no answer within {seconds:g} s")


async def _read(response: IncomingResponse, *, is_head: bool) -> Answer:
    try:
        body, problem = await _body(response, is_head=is_head)
    except MemoryError:  # 8 MiB of it may stand for far more
        body, problem = None, NO_MEMORY
    finally:
        await response.aclose()
    return Answer(response.status, _headers(response.headers), body, problem)


async def _body(response: IncomingResponse, *, is_head: bool) -> tuple[Json, str | None]:
    whole = await read_whole(response, is_head=is_head)
    if whole.problem is not None:
        return None, whole.problem
    return decode(whole.content, header(response.headers, b"content-type"))


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


def _headers(raw: RawHeaders) -> tuple[tuple[str, str], ...]:
    decoded = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)
    kept = [
        (name, in_seconds(value, time.time()) if name == "retry-after" else value)
        for name, value in decoded
        if name not in DROPPED_HEADERS
        and not name.startswith("proxy-")
        and len(value) <= HEADER_CHARACTERS_MAX
    ]
    return tuple(kept[:HEADERS_MAX])
