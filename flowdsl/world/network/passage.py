"""What passes between the port and a transport: how far a request got, what comes back, and how that fails.

A transport sends a request once. It says so before the first byte may leave, and never takes that back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from msgspec import Struct

from flowdsl.world.network.outgoing import Outgoing

RawHeaders = list[tuple[bytes, bytes]]


class Passage(Struct):
    """One request on its way."""

    connecting: bool = False
    sent: bool = False  # a byte of it may have left


class NotConnected(Exception):
    """No byte left. `forbidden`: no connection may be made to where the service is."""

    def __init__(self, reason: str, *, forbidden: bool = False) -> None:
        super().__init__(reason)
        self.forbidden = forbidden


class Broken(Exception):
    """The exchange broke after a byte may have left."""


class IncomingResponse(Protocol):
    """The head of an answer, and its body as it comes: as it was packed, without its framing."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> RawHeaders: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Ends only where the body is whole. Raises Broken."""

    async def aclose(self) -> None:
        """Nobody reads on."""


class Transport(Protocol):
    async def send(self, outgoing: Outgoing, passage: Passage, *, fresh: bool) -> IncomingResponse:
        """Raises NotConnected, Broken. `fresh`: not on an idle connection, which may be closing at this moment."""

    async def aclose(self) -> None: ...


def header(headers: RawHeaders, name: bytes) -> str:
    """The values of a header, in one text."""
    return ", ".join(value.decode("latin-1") for key, value in headers if key.lower() == name)
