"""Bugs in which hosts are called, whatever leads there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from flowdsl.world.network.connection import Connection
from flowdsl.world.network.dial import Dialler, Info, _Attempt
from flowdsl.world.network.hosts import Address, Hosts, Network
from tests.museum.exhibit import Exhibit

SEEN: dict[str, str | None] = {}


def without_looking(self: _Attempt, info: Info) -> socket.socket:
    self.dialled = True
    return self.dialler.make_socket(info)


def the_name_is_judged_once(self: _Attempt, info: Info) -> socket.socket:
    objection = SEEN.setdefault(self.host, self.dialler.hosts.objection(str(info[4][0])))
    if objection:
        self.objection = objection
        raise PermissionError(objection)
    return without_looking(self, info)


async def by_the_proxy_of_the_environment(
    self: Dialler, scheme: str, host: str, port: int
) -> Connection:
    proxy = urlsplit(os.environ.get("HTTP_PROXY", ""))
    return await _dial(self, scheme, proxy.hostname or host, proxy.port or port)


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


_objection, _dial = Hosts.objection, Dialler.dial
HERE = "tests/hostile/test_hosts.py::"
DIAL, HOSTS = "flowdsl.world.network.dial", "flowdsl.world.network.hosts"

EXHIBITS = (
    Exhibit("any address is called", f"{DIAL}._Attempt.socket", without_looking, HERE + "test_a_name_that_leads_there_is_not_sent_and_says_so"),
    Exhibit("a name is judged once and believed ever after", f"{DIAL}._Attempt.socket", the_name_is_judged_once, HERE + "test_a_name_that_means_something_else_at_the_second_look_is_judged_at_both"),
    Exhibit("an address inside another is not seen", f"{HOSTS}._all_of", the_outer_address_only, HERE + "test_every_link_local_address_is_refused_also_inside_another"),
    Exhibit("addresses are compared as text", f"{HOSTS}.Hosts.objection", the_text_is_compared, HERE + "test_where_credentials_are_handed_out_nothing_is_called"),
    Exhibit("one allowed address allows them all", f"{HOSTS}.Hosts.objection", one_is_allowed_all_are, HERE + "test_what_is_allowed_by_name_is_called"),
    Exhibit("names may be allowed", f"{HOSTS}.read_allowed", any_text_is_allowed, HERE + "test_what_is_allowed_are_addresses_and_networks"),
    Exhibit("a proxy of the environment is trusted", f"{DIAL}.Dialler.dial", by_the_proxy_of_the_environment, HERE + "test_no_variable_of_the_environment_leads_to_a_proxy_or_a_password"),
)  # fmt: skip
