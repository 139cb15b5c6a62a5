"""What one attempt looks like over real sockets: ok, broken, lost, and never sent."""

from __future__ import annotations

import asyncio
import select
import socket
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

from flowdsl.plan.request import Request
from flowdsl.plan.values import Json, Secret
from flowdsl.saga.observation import Answer, Lost, NotSent, Observation
from flowdsl.world.network import http as http_module
from flowdsl.world.network.connection import Connection
from flowdsl.world.network.dial import Dialler, tls_context
from flowdsl.world.network.http import Http
from flowdsl.world.network.outgoing import build
from flowdsl.world.network.passage import Broken, NotConnected, Passage
from flowdsl.world.network.wire import Wire, message
from tests.world.network.sockets import (
    Script,
    Service,
    client,
    get,
    post,
    reply,
    service,
    unused_port,
)


async def sent(
    http: Http, request: Request, *, seconds: float = 5, fresh: bool = False
) -> Observation:
    return await http.send(request, secrets={}, timeout_seconds=seconds, fresh=fresh)


async def one(
    answer: bytes | Script, *, seconds: float = 5, method: str = "POST", fresh: bool = False
) -> tuple[Observation, Service]:
    async with service(answer) as there, client() as http:
        request = Request(method, there.url + "/things", (), ("{}",))
        return await sent(http, request, seconds=seconds, fresh=fresh), there


def test_an_answer_is_status_headers_and_body() -> None:
    raw = reply(
        b'{"price": 420.10}',
        "X-Rate: 7",
        "Set-Cookie: a=b",
        "Date: now",
        "Proxy-Agent: p",
        status="201 Created",
    )
    observation, there = asyncio.run(one(raw))
    match observation:
        case Answer(status=201, headers=headers, body=dict() as body, problem=None):
            assert headers == (("content-type", "application/json"), ("x-rate", "7"))
            assert str(body["price"]) == "420.10"
        case _:
            pytest.fail(str(observation))
    assert there.heads[0].startswith("POST /things HTTP/1.1\r\n")
    assert there.bodies == [b"{}"]
    assert there.header("accept-encoding") == "identity"
    assert there.header("content-type") == "application/json"


def test_a_request_goes_out_as_it_is_written() -> None:
    async def story() -> None:
        async with service(reply(b"{}")) as there, client() as http:
            path = "/a%2Fb/%24%3A%2e%2E/x;y=1?q=a%20b%2B+c&r=%C3%A9"
            headers = (("Idempotency-Key", ("fd1-k",)), ("X-Token", ("t ", Secret("T"))))
            request = Request("POST", there.url + path, headers, ('{"é": "', Secret("T"), '"}'))
            await http.send(request, secrets={"T": 's"1'}, timeout_seconds=5, fresh=False)
            assert there.heads[0].split(" ")[1] == path
            assert there.header("idempotency-key") == "fd1-k"
            assert there.header("x-token") == 't s"1'
            assert there.bodies == ['{"é": "s\\"1"}'.encode()]

    asyncio.run(story())


def test_a_request_without_a_body_says_nothing_of_one() -> None:
    async def story() -> None:
        async with service(reply(b"{}")) as there, client() as http:
            await sent(http, Request("DELETE", there.url + "/things/1"))
            assert there.header("content-type") is None
            assert there.header("transfer-encoding") is None

    asyncio.run(story())


@pytest.mark.parametrize("size", [10, 1024 * 1024, 3 * 1024 * 1024])
def test_a_body_of_any_size_goes_out_in_one_length(size: int) -> None:
    async def story() -> None:
        async with service(reply(b"{}")) as there, client() as http:
            assert isinstance(await sent(http, post(there.url, "x" * size)), Answer)
            assert there.header("content-length") == str(size)
            assert there.header("transfer-encoding") is None
            assert len(there.bodies[0]) == size

    asyncio.run(story())


def test_a_connection_is_used_again_but_not_by_a_fresh_request() -> None:
    async def story() -> None:
        async with service(reply(b"{}")) as there, client() as http:
            for _ in range(3):
                await sent(http, get(there.url))
            assert there.connections == 1
            for number in (2, 3):
                await sent(http, get(there.url), fresh=True)
                assert there.connections == number
                assert there.header("connection") == "close"
            await sent(http, get(there.url))
            assert there.connections == 3

    asyncio.run(story())


def test_redirects_are_not_followed_and_cookies_not_kept() -> None:
    async def story() -> None:
        away = reply(b"", "Location: /other", "Set-Cookie: a=b; Path=/", status="302 Found")
        async with service(away) as there, client() as http:
            for _ in range(2):
                # By name: a jar would keep no cookie of a bare address.
                answer = await sent(http, get(f"http://localhost:{there.port}"))
                assert isinstance(answer, Answer)
                assert (answer.status, dict(answer.headers)["location"]) == (302, "/other")
            assert len(there.heads) == 2
            assert there.header("cookie") is None

    asyncio.run(story())


def test_proxies_and_netrc_of_the_environment_are_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("machine 127.0.0.1 login ada password pw\n")
    monkeypatch.setenv("NETRC", netrc)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port()}")
    observation, there = asyncio.run(one(reply(b"{}")))
    assert isinstance(observation, Answer)
    assert there.header("authorization") is None


# --- not sent ---------------------------------------------------------------------------------------


def test_a_refused_connection_is_not_sent() -> None:
    async def story() -> Observation:
        async with client() as http:
            return await sent(http, post(f"http://127.0.0.1:{unused_port()}"))

    observation = asyncio.run(story())
    assert isinstance(observation, NotSent)
    assert "refused" in observation.reason


def test_an_unknown_host_is_not_sent() -> None:
    async def story() -> Observation:
        async with client() as http:
            return await sent(http, post("http://nowhere.invalid/x"), seconds=20)

    assert isinstance(asyncio.run(story()), NotSent)


def test_a_connection_that_does_not_come_about_in_time_is_not_sent() -> None:
    async def story() -> Observation:
        # A listener whose queue is full answers no handshake.
        with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(0)
            for filler in (first, second):
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            async with client() as http:
                return await sent(
                    http, post(f"http://127.0.0.1:{deaf.getsockname()[1]}"), seconds=0.3
                )

    observation = asyncio.run(story())
    assert observation == NotSent("no connection within 0.3 s")


def test_a_failed_tls_handshake_is_not_sent() -> None:
    async def story() -> Observation:
        async def no_tls(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"this is not TLS\n")
            writer.close()

        server = await asyncio.start_server(no_tls, "127.0.0.1", 0)
        async with server, client() as http:
            return await sent(http, post(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"))

    assert isinstance(asyncio.run(story()), NotSent)


def test_a_tls_handshake_that_hangs_is_not_sent() -> None:
    async def story() -> Observation:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            async with client() as http:
                return await sent(
                    http, post(f"https://127.0.0.1:{silent.getsockname()[1]}"), seconds=0.3
                )

    assert asyncio.run(story()) == NotSent("no connection within 0.3 s")


# --- lost -------------------------------------------------------------------------------------------


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    linger = b"\1\0\0\0\0\0\0\0"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def say_nothing(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
        await writer.drain()


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        hang_up,
        reset,
        say_nothing,
        b"\x16\x03\x01 no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: x\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
    ids=["hangs up", "resets", "says nothing", "no HTTP", "big header", "many headers", "half"],
)
def test_a_request_that_went_out_and_got_no_answer_is_lost_and_sent_once(
    answer: bytes | Script, fresh: bool, method: str
) -> None:
    observation, there = asyncio.run(one(answer, seconds=0.4, fresh=fresh, method=method))
    assert isinstance(observation, Lost), observation
    assert len(there.heads) == 1


def test_a_flood_of_interim_answers_ends_in_time() -> None:
    async def story() -> float:
        started = asyncio.get_running_loop().time()
        observation, _ = await one(flood, seconds=0.4)
        assert isinstance(observation, Lost)
        return asyncio.get_running_loop().time() - started

    assert asyncio.run(story()) < 3


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_an_idle_connection_that_was_closed_is_no_reason_to_send_twice(method: str) -> None:
    async def story() -> None:
        async with service(reply(b"{}"), hang_up, reply(b"{}")) as there, client() as http:
            await sent(http, get(there.url))
            observation = await sent(http, Request(method, there.url))
            assert isinstance(observation, Lost)
            assert (len(there.heads), there.connections) == (2, 1)

    asyncio.run(story())


# --- an answer that breaks off ----------------------------------------------------------------------


async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 402 Payment Required\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 402 Payment Required\r\nContent-Length: 1000\r\n\r\n{")
    writer.close()


async def cut_chunk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 402 Payment Required\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{")
    writer.close()


async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 402 Payment Required\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (drip, "cut: not whole within 0.4 s"),
        (cut, "cut"),
        (cut_chunk, "cut"),
        (endless, "too large (8 MiB)"),
        (b"HTTP/1.1 402 No\r\nContent-Length: 99999999\r\n\r\n", "too large (8 MiB)"),
    ],
    ids=["drip", "cut", "cut chunk", "endless", "announced"],
)
def test_an_answer_that_breaks_off_still_has_its_status(
    answer: bytes | Script, problem: str
) -> None:
    seconds = 0.4 if answer is drip else 20
    observation, _ = asyncio.run(one(answer, seconds=seconds))
    assert isinstance(observation, Answer)
    assert (observation.status, observation.body, observation.problem) == (402, None, problem)


async def never_read(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(b"{}", status="413 Content Too Large"), Answer),
        (never_read, Lost),
    ],
    ids=["answers early", "never answers"],
)
def test_a_service_that_does_not_read_the_request_holds_nobody_up(
    answer: bytes | Script, expected: type[Observation]
) -> None:
    async def story() -> None:
        async with asyncio.timeout(10), service(answer, reads_bodies=False) as there:
            async with client() as http:
                observation = await sent(http, post(there.url, "x" * 20_000_000), seconds=1)
            assert isinstance(observation, expected)

    asyncio.run(story())


async def _stuffed(connection: socket.socket) -> None:
    """Returns when the kernel has taken nothing more for a while."""
    full = 0
    while full < 20:
        _, writable, _ = select.select([], [connection], [], 0)
        full = 0 if writable else full + 1
        await asyncio.sleep(0.01)


def test_closing_does_not_wait_for_a_request_that_nobody_reads() -> None:
    async def story() -> None:
        async with asyncio.timeout(10), service(never_read, reads_bodies=False) as there:
            wire = Wire(tls_context())
            http = Http(wire)
            attempt = asyncio.create_task(sent(http, post(there.url, "x" * 20_000_000), seconds=30))
            await there.came.wait()
            (connection,) = wire.connections
            assert connection.transport is not None
            await _stuffed(connection.transport.get_extra_info("socket"))
            await http.aclose()
            assert isinstance(await attempt, Lost)

    asyncio.run(story())


def test_on_its_own_too_the_wire_tells_a_broken_connection_from_none() -> None:
    async def story() -> None:
        wire = Wire(tls_context())
        async with service(hang_up) as there:
            passage = Passage()
            with pytest.raises(Broken):
                await wire.send(build(get(there.url), {}), passage, fresh=False)
            assert passage.sent
        passage = Passage()
        nobody = get(f"http://127.0.0.1:{unused_port()}")
        with pytest.raises(NotConnected):
            await wire.send(build(nobody, {}), passage, fresh=False)
        assert not passage.sent
        await wire.aclose()

    asyncio.run(story())


def test_a_connection_that_is_gone_before_anything_was_written_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end comes between the dialling and the writing: nobody would tell of it again."""
    dial = Dialler.dial

    async def gone_at_once(self: Dialler, scheme: str, host: str, port: int) -> Connection:
        connection = await dial(self, scheme, host, port)
        connection.connection_lost(ConnectionResetError())
        return connection

    monkeypatch.setattr(Dialler, "dial", gone_at_once)
    observation, there = asyncio.run(one(reply(b"{}")))
    assert isinstance(observation, NotSent), observation
    assert "closed the connection at once" in observation.reason
    assert there.heads == []


@pytest.mark.parametrize("is_read", [True, False])
def test_a_connection_is_kept_only_if_its_answer_was_read_to_the_end(is_read: bool) -> None:
    """Reading may be paused where it was not, and the next answer would never come."""

    async def story() -> bool:
        async with service(reply(b"[1]")) as there:
            connection = await Dialler(tls_context()).dial("http", "127.0.0.1", there.port)
            outgoing = build(get(there.url), {})
            answer = connection.write(message(outgoing, fresh=False), is_head=False)
            await answer.head()
            while not answer.is_whole:
                await answer._news()
            if is_read:
                assert [chunk async for chunk in answer.chunks()] == [b"[1]"]
            kept = connection.let_go()
            connection.abort()
            return kept

    assert asyncio.run(story()) == is_read


def test_a_cancelled_attempt_is_cancelled() -> None:
    async def story() -> None:
        async with service(say_nothing) as there, client() as http:
            attempt = asyncio.create_task(sent(http, post(there.url)))
            await there.came.wait()
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt

    asyncio.run(story())


# --- bugs, and what is too much ------------------------------------------------------------------------


BUGS = (TypeError, AttributeError, NameError, AssertionError, ImportError, NotImplementedError)


@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.parametrize("place", ["dial", "make_socket"])
def test_a_bug_is_no_observation(
    bug: type[Exception], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither "not sent", which would be tried again, nor "lost": it says nothing about the service."""

    def broken(self: Dialler, *_: object) -> None:
        raise bug("ours")

    monkeypatch.setattr(Dialler, place, broken)

    async def story() -> int:
        async with service(reply(b"{}")) as there, client() as http:
            with pytest.raises(bug, match="ours"):
                await sent(http, post(there.url))
            return len(there.heads)

    assert asyncio.run(story()) == 0


def test_a_bug_while_an_answer_is_read_is_no_observation(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(content: bytes, content_type: str) -> tuple[Json, str | None]:
        raise TypeError("ours")

    monkeypatch.setattr(http_module, "decode", broken)

    async def story() -> None:
        async with service(reply(b"{}")) as there, client() as http:
            with pytest.raises(TypeError, match="ours"):
                await sent(http, post(there.url))
            assert len(there.heads) == 1

    asyncio.run(story())


@pytest.mark.parametrize("place", ["decode", "read_whole"])
def test_an_answer_for_which_there_is_no_memory_is_cut(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(http_module, place, full)
    observation, there = asyncio.run(one(reply(b"[1]")))
    assert observation == Answer(
        200, (("content-type", "application/json"),), None, "too large for the memory there is"
    )
    assert len(there.heads) == 1


LITTLE = """
import asyncio, resource
import httpx
from flowdsl.plan.request import Request
from flowdsl.world.network import http as http_module
from flowdsl.world.network.http import Http

BODY = b"[" + b"[]," * (8 * 1024 * 1024 // 3 - 2) + b"[]]"

async def main() -> None:
    there = Http(httpx.MockTransport(lambda _: httpx.Response(200, content=BODY, headers={"content-type": "application/json"})))
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[0])
    limit = pages * resource.getpagesize() + 100 * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    seen = await there.send(Request("GET", "http://there"), secrets={}, timeout_seconds=60, fresh=False)
    print(seen.status, seen.problem)

asyncio.run(main())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc to read a size from")
def test_an_answer_that_memory_does_not_suffice_for_ends_no_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LITTLE], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "200 too large for the memory there is\n", done.stderr[-2000:]


def test_a_transport_of_another_loop_will_do() -> None:
    """uvloop's has all that is asked of one, and is none by its classes."""

    class Other:
        def abort(self) -> None:
            self.aborted = True

    other, connection = Other(), Connection()
    connection.connection_made(cast("asyncio.BaseTransport", other))
    connection.abort()
    assert other.aborted
