"""Which addresses a service may be at: all but those where a machine hands out its own credentials.

What is judged is the address that a connection is about to be made to, never the name: a name may mean
something else a moment later (DNS rebinding). Loopback and private networks are where people run
services, so they are allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

from msgspec import Struct

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

CONNECTIONS_PER_HOST = 256

LINK_LOCAL = "a link-local address"
METADATA = "where a cloud machine finds its metadata"
FORBIDDEN: tuple[tuple[Network, str], ...] = (
    (IPv4Network("169.254.0.0/16"), LINK_LOCAL),  # AWS, Azure, Google and most others within it
    (IPv6Network("fe80::/10"), LINK_LOCAL),
    (IPv6Network("fd00:ec2::/32"), METADATA),  # AWS
    (IPv6Network("fd20:ce::254/128"), METADATA),  # Google
    (IPv6Network("fd00:42::42/128"), METADATA),  # Scaleway
    (IPv4Network("100.100.100.200/32"), METADATA),  # Alibaba
    (IPv4Network("168.63.129.16/32"), METADATA),  # Azure
    (IPv4Network("192.0.0.192/32"), METADATA),  # Oracle
)

# An IPv4 address inside an IPv6 one: the network, and how many bits stand behind the address.
CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (IPv6Network("::/96"), 0),  # compatible
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("64:ff9b:1::/48"), 0),  # NAT64, local
    (IPv6Network("2002::/16"), 80),  # 6to4
)


class Hosts(Struct, frozen=True):
    """`allow` are addresses and networks that may be called although they would be refused."""

    allow: tuple[Network, ...] = ()

    def objection(self, text: str) -> str | None:
        """Why no connection may be made to this address; None where one may."""
        for address in _all_of(text):
            if any(address in network for network in self.allow):
                return None
        for address in _all_of(text):
            for network, what in FORBIDDEN:
                if address in network:
                    return what
        return None


def read_allowed(texts: Iterable[str]) -> tuple[Network, ...]:
    """ValueError for what is neither an address nor a network."""
    return tuple(ip_network(text) for text in texts)


def _all_of(text: str) -> Iterator[Address]:
    """The address, and the one that it carries inside."""
    address = ip_address(text.partition("%")[0])
    yield address
    if isinstance(address, IPv6Address):
        for network, behind in CARRIERS:
            if address in network:
                yield IPv4Address(int(address) >> behind & 0xFFFFFFFF)
