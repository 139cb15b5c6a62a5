"""TLS that fails: before a byte of the request left, it is not sent; after that, nobody knows."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.world.network.dial import tls_context
from flowdsl.world.network.http import Http
from flowdsl.world.network.wire import Wire
from tests.hostile.test_services import row_of
from tests.saga.test_outcome import seen_as
from tests.world.network.sockets import post, reply, service

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl here to make certificates with"
)


@dataclass(frozen=True, slots=True)
class Certificate:
    cert: Path
    key: Path

    def serving(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context

    def trusted(self) -> ssl.SSLContext:
        context = tls_context()
        context.load_verify_locations(self.cert)
        return context


def certificate(folder: Path, name: str, *more: str) -> Certificate:
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", str(made.key), "-out", str(made.cert), "-subj", f"/CN={name}", *more]
    subprocess.run(command, check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def good(folder: Path) -> Certificate:
    return certificate(folder, "localhost", "-addext", "subjectAltName=DNS:localhost")


@dataclass(slots=True)
class Listener:
    """A TLS service that keeps what it could read."""

    port: int = 0
    came: int = 0
    got: list[bytes] = field(default_factory=list)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(b"[1]"))
    await writer.drain()


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What came so far would pass for a whole answer: the number is longer."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n1234")
    await writer.drain()
    writer.get_extra_info("socket").shutdown(socket.SHUT_RDWR)  # and no goodbye of TLS


async def says_goodbye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body without a length, ended as TLS wants it."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n1234")
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def listening(context: ssl.SSLContext, talk: Talk = answers) -> AsyncIterator[Listener]:
    there = Listener()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there.got.append(await reader.readuntil(b"\r\n\r\n"))
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    def raw() -> asyncio.StreamReaderProtocol:
        there.came += 1
        loop = asyncio.get_running_loop()
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=loop), take, loop=loop)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # a failed handshake is not news here
    server = await loop.create_server(raw, "127.0.0.1", 0, ssl=context)
    there.port = server.sockets[0].getsockname()[1]
    async with server:
        yield there


async def sent(url: str, trusted: ssl.SSLContext | None = None, seconds: float = 10) -> Observation:
    http = Http(Wire(trusted or tls_context()))
    try:
        return await http.send(post(url), secrets={}, timeout_seconds=seconds, fresh=False)
    finally:
        await http.aclose()


def test_a_certificate_that_holds_is_ok(good: Certificate) -> None:
    async def story() -> None:
        async with listening(good.serving()) as there:
            seen = await sent(f"https://localhost:{there.port}/x", good.trusted())
            assert isinstance(seen, Answer), seen
            assert (seen.body, len(there.got)) == ([1], 1)

    asyncio.run(story())


Bad = Callable[[Path, Certificate], tuple[ssl.SSLContext, str, ssl.SSLContext]]


def nobody_signed_it(
    _folder: Path, good: Certificate
) -> tuple[ssl.SSLContext, str, ssl.SSLContext]:
    return good.serving(), "localhost", tls_context()


def of_another_name(_folder: Path, good: Certificate) -> tuple[ssl.SSLContext, str, ssl.SSLContext]:
    return good.serving(), "127.0.0.1", good.trusted()


def run_out(folder: Path, good: Certificate) -> tuple[ssl.SSLContext, str, ssl.SSLContext]:
    old = Certificate(folder / "old.pem", good.key)
    asked, named = folder / "old.csr", ("-subj", "/CN=localhost")
    alternative = ("-addext", "subjectAltName=DNS:localhost")
    for words in (
        ("req", "-new", "-key", good.key, "-out", asked, *named, *alternative),
        ("x509", "-req", "-in", asked, "-signkey", good.key, "-days", "-1", "-out", old.cert, "-copy_extensions", "copyall"),
    ):  # fmt: skip
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    return old.serving(), "localhost", old.trusted()


def of_an_old_protocol(
    _folder: Path, good: Certificate
) -> tuple[ssl.SSLContext, str, ssl.SSLContext]:
    serving, trusted = good.serving(), good.trusted()
    serving.maximum_version = ssl.TLSVersion.TLSv1_2
    trusted.minimum_version = ssl.TLSVersion.TLSv1_3
    return serving, "localhost", trusted


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (nobody_signed_it, "certificate verify failed: self-signed certificate"),
        (of_another_name, "certificate verify failed: IP address mismatch, certificate is not valid for '127.0.0.1'"),
        (run_out, "certificate verify failed: certificate has expired"),
        (of_an_old_protocol, "the service broke off"),
    ],
)  # fmt: skip
def test_a_handshake_that_fails_is_not_sent(
    bad: Bad, says: str, folder: Path, good: Certificate
) -> None:
    serving, host, trusted = bad(folder, good)

    async def story() -> None:
        async with listening(serving) as there:
            seen = await sent(f"https://{host}:{there.port}/x", trusted)
            assert there.came == 1, "nobody came"
            assert there.got == [], "something of the request got there"
            assert isinstance(seen, NotSent), seen
            assert seen.reason == f"TLS with {host}:{there.port}: {says}"
            assert row_of(seen_as(seen)) == "not sent"

    asyncio.run(story())


def test_no_tls_where_tls_is_spoken_is_unknown(good: Certificate) -> None:
    """The request went out in the clear, and whoever it was got it."""

    async def story() -> None:
        async with listening(good.serving()) as there:
            seen = await sent(f"http://localhost:{there.port}/x")
            assert there.came == 1
            assert isinstance(seen, Lost), seen
            assert row_of(seen_as(seen, service="plain")) == "unknown"

    asyncio.run(story())


def test_tls_where_none_is_spoken_is_not_sent() -> None:
    async def story() -> None:
        async with service(reply(b"{}")) as there:
            seen = await sent(there.url.replace("http:", "https:"), seconds=0.5)
            assert there.connections == 1
            assert (there.heads, isinstance(seen, NotSent)) == ([], True)

    asyncio.run(story())


def test_tls_that_breaks_off_within_the_answer_is_unknown(good: Certificate) -> None:
    async def story() -> None:
        async with listening(good.serving(), breaks_off) as there:
            seen = await sent(f"https://localhost:{there.port}/x", good.trusted())
            assert len(there.got) == 1
            assert row_of(seen_as(seen, service="plain")) == "unknown"

    asyncio.run(story())


def test_tls_that_says_goodbye_ends_a_body_without_a_length(good: Certificate) -> None:
    async def story() -> None:
        async with listening(good.serving(), says_goodbye) as there:
            seen = await sent(f"https://localhost:{there.port}/x", good.trusted())
            assert len(there.got) == 1
            assert isinstance(seen, Answer), seen
            assert (seen.body, seen.problem) == (1234, None)

    asyncio.run(story())


def test_a_service_that_wants_a_certificate_of_ours_is_never_taken_for_ok(
    good: Certificate,
) -> None:
    """TLS 1.3 says so only after our first bytes may have left: not sent would be a guess."""

    async def story() -> None:
        serving = good.serving()
        serving.verify_mode = ssl.CERT_REQUIRED
        serving.load_verify_locations(good.cert)
        async with listening(serving) as there:
            seen = await sent(f"https://localhost:{there.port}/x", good.trusted())
            assert (there.came, there.got) == (1, [])
            assert isinstance(seen, Lost), seen
            assert "not permitted" not in seen.reason  # number 1 of TLS is not that of the system

    asyncio.run(story())


def test_certificates_are_checked_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, good: Certificate
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(good.cert))
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname

    async def story() -> None:
        async with listening(good.serving()) as there:
            assert isinstance(await sent(f"https://localhost:{there.port}/x"), NotSent)
            assert there.got == []

    asyncio.run(story())


def test_no_keys_of_a_connection_are_written_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, good: Certificate
) -> None:
    keys = tmp_path / "keys"
    serving = good.serving()
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))

    async def story() -> None:
        async with listening(serving) as there:
            seen = await sent(f"https://localhost:{there.port}/x", good.trusted())
            assert isinstance(seen, Answer), seen

    asyncio.run(story())
    assert not keys.exists(), keys.read_text()
