"""Any httpx transport behind our port: proxies, HTTP/2, an application in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
from msgspec import Struct

from flowdsl.world.network.outgoing import Outgoing
from flowdsl.world.network.passage import Broken, NotConnected, Passage, RawHeaders

# What a transport raises only while no byte has left.
BEFORE_THE_FIRST_BYTE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


class ThroughHttpx(Struct, frozen=True):
    """`fresh` serves the requests that no idle connection may."""

    kept: httpx.AsyncBaseTransport
    fresh: httpx.AsyncBaseTransport

    async def send(self, outgoing: Outgoing, passage: Passage, *, fresh: bool) -> HttpxResponse:
        async def see(event: str, _info: object) -> None:
            """How far it got, where the transport tells: httpx's own `trace` extension."""
            if event == "connection.connect_tcp.started":
                passage.connecting = True
            elif event.endswith(".send_request_headers.started"):
                passage.sent = True

        request = httpx.Request(
            outgoing.method,
            outgoing.url,
            headers=outgoing.headers,
            content=outgoing.content,
            extensions={"trace": see},
        )
        transport = self.fresh if fresh else self.kept
        try:
            return HttpxResponse(await transport.handle_async_request(request))
        except (httpx.HTTPError, OSError) as error:
            reason = str(error) or type(error).__name__
            if isinstance(error, BEFORE_THE_FIRST_BYTE) and not passage.sent:
                raise NotConnected(reason) from error
            raise Broken(reason) from error

    async def aclose(self) -> None:
        for transport in {self.kept, self.fresh}:
            await transport.aclose()


class HttpxResponse(Struct, frozen=True):
    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> RawHeaders:
        return self.response.headers.raw

    async def chunks(self) -> AsyncIterator[bytes]:
        assert isinstance(self.response.stream, httpx.AsyncByteStream)
        try:
            async for chunk in self.response.stream:
                yield chunk
        except (httpx.HTTPError, OSError) as error:
            raise Broken(str(error) or type(error).__name__) from error

    async def aclose(self) -> None:
        await self.response.aclose()
