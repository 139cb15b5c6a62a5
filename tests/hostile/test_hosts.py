"""Which hosts may be called: judged on the address that is connected to, however it is spelled and whoever says it.

Nothing here leaves the machine: what is refused is refused before a socket exists, and what is allowed is on loopback.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.cli.settings import read_project
from flowdsl.errors import InputError
from flowdsl.plan.request import Request
from flowdsl.saga.observation import Answer, NotSent, Observation
from flowdsl.world.network import hosts
from flowdsl.world.network.dial import Dialler, Info, tls_context
from flowdsl.world.network.hosts import Hosts, read_allowed
from flowdsl.world.network.http import Http
from flowdsl.world.network.wire import Wire
from tests.cli.command_line import CommandLine
from tests.conftest import Counts
from tests.world.network.sockets import Service, post, reply, service

METADATA = "169.254.169.254"
FORBIDDEN = [
    METADATA,
    "169.254.170.2",
    "169.254.0.0",
    "169.254.255.255",
    "fe80::1",
    "febf::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
    "fd00:42::42",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "::ffff:0:a9fe:a9fe",
    "::a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]
ALLOWED = [
    "127.0.0.1",
    "::1",
    "::",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "fd00::1",
    "169.253.255.255",
    "169.255.0.0",
    "100.100.100.201",
    "8.8.8.8",
    "2001:4860:4860::8888",
    "fec0::1",
    "::ffff:127.0.0.1",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_where_credentials_are_handed_out_nothing_is_called(address: str) -> None:
    assert Hosts().objection(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_loopback_private_and_public_addresses_are_called(address: str) -> None:
    assert Hosts().objection(address) is None


@given(st.integers(0, 2**16 - 1))
def test_every_link_local_address_is_refused_also_inside_another(low: int) -> None:
    inner = int(IPv4Address("169.254.0.0")) + low
    assert Hosts().objection(str(IPv4Address(inner)))
    for carrier in ("::ffff:0:0", "64:ff9b::", "::"):
        assert Hosts().objection(str(IPv6Address(int(IPv6Address(carrier)) + inner)))


@pytest.mark.parametrize("allow", [METADATA, "169.254.169.0/24", "0.0.0.0/0"])
@pytest.mark.parametrize("address", [METADATA, "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"])
def test_what_is_allowed_by_name_is_called(allow: str, address: str) -> None:
    assert Hosts(read_allowed([allow])).objection(address) is None
    assert Hosts(read_allowed([allow])).objection("fe80::1")


# --- over the wire ------------------------------------------------------------------------------------


async def sent(
    url: str, allow: tuple[str, ...] = (), seconds: float = 5
) -> tuple[Observation, int]:
    """The observation, and how many sockets were made for it."""
    wire = Wire(tls_context(), hosts=Hosts(read_allowed(allow)))
    made = 0

    class Counting(Dialler):
        def make_socket(self, info: Info) -> socket.socket:
            nonlocal made
            made += 1
            return super().make_socket(info)

    wire.dialler = Counting(tls_context(), Hosts(read_allowed(allow)))
    http = Http(wire)
    try:
        seen = await http.send(post(url), secrets={}, timeout_seconds=seconds, fresh=False)
    finally:
        await http.aclose()
    return seen, made


SPELLINGS = [
    METADATA,
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "025177524776",
    "169.254.43518",
    "169.16689662",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fd00:ec2::254]",
    "１６９.254.169.254",
    "169。254。169。254",
    "①⑥⑨.254.169.254",
]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_gets_a_socket(host: str, scheme: str, counts: Counts) -> None:
    seen, made = asyncio.run(sent(f"{scheme}://{host}/latest/meta-data/"))
    assert isinstance(seen, NotSent), seen
    assert made == 0
    counts.add("spellings of forbidden addresses", 1)


Lookup = Callable[..., list[tuple[object, ...]]]


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names are looked up here: one answer a look-up, the last for ever. What was asked for."""
    asked: list[str] = []
    left = list(answers)
    real = socket.getaddrinfo

    def lookup(host: str, port: int, *rest: object, **named: object) -> list[tuple[object, ...]]:
        if not host.endswith(".test"):
            return real(host, port, *rest, **named)  # type: ignore[return-value, arg-type]
        asked.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


@pytest.mark.parametrize(
    "addresses", [[METADATA], ["fd00:ec2::254"], [METADATA, "fe80::1", "::ffff:a9fe:1"]]
)
def test_a_name_that_leads_there_is_not_sent_and_says_so(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    asked = resolving(monkeypatch, addresses)
    seen, made = asyncio.run(sent("http://innocent.test/x"))
    assert asked == ["innocent.test"]
    assert made == 0
    assert isinstance(seen, NotSent)
    assert seen.forbidden
    assert seen.reason.startswith("innocent.test is at ")


@pytest.fixture
def second_loopback(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of this machine that is on the list for the time of a test."""
    monkeypatch.setattr(
        hosts, "FORBIDDEN", (*hosts.FORBIDDEN, (IPv4Network("127.0.0.2/32"), "a test"))
    )
    return "127.0.0.2"


def test_a_name_that_means_something_else_at_the_second_look_is_judged_at_both(
    monkeypatch: pytest.MonkeyPatch, second_loopback: str
) -> None:
    asked = resolving(monkeypatch, ["127.0.0.1"], [second_loopback])

    async def story() -> None:
        async with service(reply(b"{}")) as there:
            url = f"http://rebinding.test:{there.port}"
            first, _ = await sent(url)
            assert isinstance(first, Answer)
            second, made = await sent(url)
            assert isinstance(second, NotSent)
            assert (second.forbidden, made) == (True, 0)
            assert (len(asked), there.connections) == (2, 1)

    asyncio.run(story())


def test_of_several_addresses_only_those_that_may_be_are_tried(
    monkeypatch: pytest.MonkeyPatch, second_loopback: str
) -> None:
    resolving(monkeypatch, [second_loopback, METADATA, "127.0.0.1"])

    async def story() -> tuple[Observation, int, Service]:
        async with service(reply(b"{}")) as there:
            return *(await sent(f"http://several.test:{there.port}")), there

    seen, made, there = asyncio.run(story())
    assert isinstance(seen, Answer)
    assert (made, there.connections) == (1, 1)


def test_a_service_that_is_down_is_not_called_forbidden(
    monkeypatch: pytest.MonkeyPatch, second_loopback: str
) -> None:
    resolving(monkeypatch, [second_loopback, "127.0.0.1"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        seen, made = asyncio.run(sent(f"http://down.test:{taken.getsockname()[1]}"))
    assert isinstance(seen, NotSent)
    assert not seen.forbidden
    assert made > 0


def test_an_allowed_address_is_called(second_loopback: str) -> None:
    async def story() -> None:
        async with service(reply(b"{}"), host=second_loopback) as there:
            url = f"http://{second_loopback}:{there.port}"
            refused, made = await sent(url)
            assert isinstance(refused, NotSent)
            assert (made, there.connections) == (0, 0)
            allowed, made = await sent(url, ("127.0.0.2",))
            assert isinstance(allowed, Answer)
            assert (made, there.connections) == (1, 1)

    asyncio.run(story())


def test_a_redirect_leads_nowhere() -> None:
    """Not to a forbidden host, and not to any other: its answer is the service's answer."""

    async def story() -> None:
        async with service(reply(b"{}")) as other:
            for target in (f"http://{METADATA}/", f"http://127.0.0.1:{other.port}/", "//x.test/"):
                away = reply(b"", f"Location: {target}", status="307 Temporary Redirect")
                async with service(away) as there:
                    seen, made = await sent(there.url)
                    assert isinstance(seen, Answer)
                    assert (seen.status, made) == (307, 1)
            assert other.connections == 0

    asyncio.run(story())


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def test_no_variable_of_the_environment_leads_to_a_proxy_or_a_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login ada password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))

    async def story() -> None:
        async with service(reply(b"{}")) as proxy, service(reply(b"{}")) as there:
            for name in PROXIES:
                monkeypatch.setenv(name, proxy.url)
                monkeypatch.setenv(name.lower(), proxy.url)
            http = Http()
            for fresh in (False, True):
                seen = await http.send(
                    Request("GET", there.url), secrets={}, timeout_seconds=5, fresh=fresh
                )
                assert isinstance(seen, Answer)
                assert there.header("authorization") is None
            await http.aclose()
            assert (proxy.connections, there.connections) == (0, 2)

    asyncio.run(story())


# --- flowdsl.toml and the command line ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("network = 1", "must be a table"),
        ("[network]\nallow = '169.254.1.1'", "must be a list"),
        ("[network]\nallow = [1]", "must be a list"),
        ("[network]\nallow = ['metadata.google.internal']", "not `metadata.google.internal`"),
        ("[network]\nallow = ['169.254.1.1/16']", "not `169.254.1.1/16`"),
        ("[network]\nalow = []", "unknown key `network.alow`"),
    ],
)
def test_what_is_allowed_are_addresses_and_networks(tmp_path: Path, toml: str, says: str) -> None:
    (tmp_path / "flowdsl.toml").write_text(toml)
    with pytest.raises(InputError, match=r"flowdsl\.toml") as wrong:
        read_project(tmp_path)
    assert says in wrong.value.message
    assert wrong.value.code == "F071"


def test_the_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "flowdsl.toml").write_text("[network]\nallow = ['169.254.1.1', 'fe80::/10']")
    assert read_project(tmp_path).allow == ("169.254.1.1", "fe80::/10")
    (tmp_path / "flowdsl.toml").write_text("[network]")
    assert read_project(tmp_path).allow == ()


WORKFLOW = """
flowdsl: 1
services:
  box: http://{host}:{port}
steps:
  - id: thing
    call: POST box/things
    compensate: none
"""


def nobodys_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_a_run_says_what_to_do_and_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, second_loopback: str, project: Path, cli: CommandLine
) -> None:
    resolving(monkeypatch, [second_loopback])
    (project / "box.yaml").write_text(WORKFLOW.format(host="box.test", port=nobodys_port()))
    done = cli("run", "box.yaml")
    assert done.code == 1
    assert "F130" in done.err
    assert "flowdsl explain F130" in done.err
    assert "1 try" in done.err
    assert "box.test is at 127.0.0.2, a test" in done.err
    (project / "flowdsl.toml").write_text("[network]\nallow = ['127.0.0.2']")
    done = cli("run", "box.yaml")
    assert "F112" in done.err  # nobody listens there, but it was tried
    assert "3 tries" in done.err


def test_an_address_in_the_file_is_refused_before_anything_is_sent(
    second_loopback: str, project: Path, cli: CommandLine
) -> None:
    text = WORKFLOW.format(host=second_loopback, port=nobodys_port())
    (project / "box.yaml").write_text(text)
    done = cli("run", "box.yaml")
    assert done.code == 2
    assert "box.yaml:4:3: no service may be where `box` is: 127.0.0.2 is a test" in done.err
    assert "F130" in done.err
    assert not (project / ".flowdsl").exists()
    (project / "flowdsl.toml").write_text("[network]\nallow = ['127.0.0.2']")
    assert cli("run", "box.yaml").code == 1
    (project / "flowdsl.toml").write_text("")
    (project / "box.yaml").write_text(text.replace(second_loopback, "[::ffff:169.254.169.254]"))
    assert cli("run", "box.yaml").code == 2
