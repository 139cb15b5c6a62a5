"""A new connection to a service: its name looked up, every address judged, the quickest taken (RFC 8305), TLS on it.

An address is judged when its socket is made, so a name that is looked up twice cannot lead elsewhere (`hosts`).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from errno import EACCES
from ipaddress import ip_address

import aiohappyeyeballs
from msgspec import Struct, field

from flowdsl.world.network.connection import Connection, tls_says
from flowdsl.world.network.hosts import Hosts
from flowdsl.world.network.passage import NotConnected

SECOND_TRY_SECONDS = 0.25
Info = tuple[int, int, int, str, tuple[str | int, ...]]  # as socket.getaddrinfo has it


class Dialler(Struct):
    """`tls`: made when it is first needed, for it takes a while to read whom to trust."""

    tls: ssl.SSLContext | None = None
    hosts: Hosts = field(default_factory=Hosts)

    async def dial(self, scheme: str, host: str, port: int) -> Connection:
        """Raises NotConnected, and what is a bug."""
        try:
            infos = await _look_up(host, port)
        except (OSError, UnicodeError):
            raise NotConnected(f"the host {host} is not known") from None
        attempt = _Attempt(self, host)
        try:
            connected = await aiohappyeyeballs.start_connection(
                infos,
                happy_eyeballs_delay=SECOND_TRY_SECONDS,
                socket_factory=attempt.socket,
            )
        except NotImplementedError:  # a bug, of ours or of a library
            raise
        except (OSError, RuntimeError) as error:  # uvloop raises the second
            raise attempt.failed(error, port) from error
        try:
            return await self._talk(connected, scheme, host)
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise NotConnected(f"TLS with {host}:{port}: {tls_says(error)}") from error
        except OSError as error:
            if scheme == "https":
                raise NotConnected(f"TLS with {host}:{port}: the service broke off") from error
            raise attempt.failed(error, port) from error

    async def _talk(self, connected: socket.socket, scheme: str, host: str) -> Connection:
        named: dict[str, object] = {}
        if scheme == "https":
            self.tls = self.tls or tls_context()
            named = {"ssl": self.tls, "server_hostname": host}
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, sock=connected, **named)  # type: ignore[call-overload]
        assert isinstance(connection, Connection)
        return connection

    def make_socket(self, info: Info) -> socket.socket:
        family, kind, protocol, _, _ = info
        return socket.socket(family, kind, protocol)


class _Attempt(Struct):
    """The addresses of one name, tried."""

    dialler: Dialler
    host: str
    objection: str = ""  # to an address that may not be called
    dialled: bool = False  # one that may be was tried

    def socket(self, info: Info) -> socket.socket:
        address = str(info[4][0])
        objection = self.dialler.hosts.objection(address)
        if objection is not None:
            self.objection = f"{self.host} is at {address}, {objection}"
            raise PermissionError(EACCES, self.objection)
        self.dialled = True
        return self.dialler.make_socket(info)

    def failed(self, error: Exception, port: int) -> NotConnected:
        if self.objection and not self.dialled:
            return NotConnected(self.objection, forbidden=True)
        return NotConnected(f"no connection to {self.host}:{port}: {_system_says(error)}")


async def _look_up(host: str, port: int) -> list[Info]:
    try:
        address = ip_address(host)
    except ValueError:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(  # type: ignore[return-value]
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
    if address.version == 4:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]
    return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0))]


def _system_says(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error) or type(error).__name__


def tls_context() -> ssl.SSLContext:
    """Made by hand: the usual way also writes the keys of every connection to a file if SSLKEYLOGFILE says so."""
    import certifi

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which checks certificates and names
    context.load_verify_locations(certifi.where())
    return context
