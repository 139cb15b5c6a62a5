"""Bugs in which hosts are called, whatever leads there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import aiohttp

from flowdsl.world.network.hosts import Address, Hosts, Network
from flowdsl.world.network.wire import Wire, _passage
from tests.museum.exhibit import Exhibit

SEEN: dict[str, str | None] = {}


def without_looking(self: Wire, address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    _passage.get().dialled = True
    return socket.socket(family, kind, protocol)


def the_name_is_judged_once(self: Wire, address: aiohttp.AddrInfoType) -> socket.socket:
    name = _passage.get().request.url.host
    objection = SEEN.setdefault(name, self._hosts.objection(str(address[4][0])))
    if objection:
        _passage.get().objection = objection
        raise PermissionError(objection)
    return without_looking(self, address)


def the_outer_address_only(text: str) -> Iterator[Address]:
    yield ip_address(text.partition("%")[0])


def the_text_is_compared(self: Hosts, text: str) -> str | None:
    return "metadata" if text == "169.254.169.254" else None


def one_is_allowed_all_are(self: Hosts, text: str) -> str | None:
    return None if self.allow else _objection(self, text)


def any_text_is_allowed(texts: list[str]) -> tuple[Network, ...]:
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            found.append(ip_network("0.0.0.0/0"))
    return tuple(found)


_objection = Hosts.objection
HERE = "tests/hostile/test_hosts.py::"
WIRE, HOSTS = "flowdsl.world.network.wire", "flowdsl.world.network.hosts"

EXHIBITS = (
    Exhibit("any address is called", f"{WIRE}.Wire._socket", without_looking, HERE + "test_a_name_that_leads_there_is_not_sent_and_says_so"),
    Exhibit("a name is judged once and believed ever after", f"{WIRE}.Wire._socket", the_name_is_judged_once, HERE + "test_a_name_that_means_something_else_at_the_second_look_is_judged_at_both"),
    Exhibit("an address inside another is not seen", f"{HOSTS}._all_of", the_outer_address_only, HERE + "test_every_link_local_address_is_refused_also_inside_another"),
    Exhibit("addresses are compared as text", f"{HOSTS}.Hosts.objection", the_text_is_compared, HERE + "test_where_credentials_are_handed_out_nothing_is_called"),
    Exhibit("one allowed address allows them all", f"{HOSTS}.Hosts.objection", one_is_allowed_all_are, HERE + "test_what_is_allowed_by_name_is_called"),
    Exhibit("names may be allowed", f"{HOSTS}.read_allowed", any_text_is_allowed, HERE + "test_what_is_allowed_are_addresses_and_networks"),
    Exhibit("proxies and .netrc of the environment are trusted", f"{WIRE}.aiohttp.ClientSession", lambda **named: _Session(**(named | {"trust_env": True})), HERE + "test_no_variable_of_the_environment_leads_to_a_proxy_or_a_password"),
)  # fmt: skip
_Session = aiohttp.ClientSession
