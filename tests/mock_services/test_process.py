"""`python -m mock_services` as a process of its own, over real sockets."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

COMMAND = (sys.executable, "-m", "mock_services")


@contextlib.contextmanager
def services(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("mock services on http://127.0.0.1:")
            yield process, line.split()[-1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_and_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    with services() as (process, url):
        assert httpx.post(f"{url}/flights/reservations", json={}).json()["id"] == "F-1"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")


def test_a_signal_right_after_the_first_line_is_not_lost() -> None:
    with services() as (process, _):
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_a_lost_reply_holds_the_connection_and_does_not_hold_up_the_end() -> None:
    with services() as (process, url), httpx.Client(base_url=url) as client:
        client.post("/faults", json={"service": "mail", "fault": "lose_reply"})
        with pytest.raises(httpx.ReadTimeout):
            client.post("/mail/messages", json={}, timeout=httpx.Timeout(60, read=0.3))
        while not client.get("/ledger").json()["effects"]:
            pass  # it is done all the same
        client.post("/faults", json={"service": "mail", "fault": "lose_reply"})
        port = int(url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port)) as held:
            held.sendall(b"POST /mail/messages HTTP/1.1\r\nHost: m\r\nContent-Length: 0\r\n\r\n")
            while client.get("/faults").json()["faults"][1]["fired"] == 0:
                pass
            process.terminate()
            assert process.wait(timeout=60) == 0


def test_a_cut_answer_breaks_off() -> None:
    with services() as (_, url):
        httpx.post(f"{url}/faults", json={"service": "mail", "fault": "cut"})
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(f"{url}/mail/messages", json={})
        assert httpx.get(f"{url}/ledger").json()["effects"][0]["count"] == 1


def test_latency_comes_before_each_answer() -> None:
    with services("--latency", "200") as (_, url):
        started = time.monotonic()
        httpx.post(f"{url}/mail/messages", json={})
        assert time.monotonic() - started >= 0.2


def test_a_body_over_the_limit_is_refused() -> None:
    with services() as (_, url):
        answer = httpx.post(f"{url}/mail/messages", content=b"x" * (8 * 1024 * 1024 + 1))
        assert answer.status_code == 413
        assert json.loads(answer.text)["error"] == "too_large"


def test_a_taken_port_is_a_message_and_no_traceback() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, check=False, timeout=60
        )
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"error: port {port}: ")
    assert "--port 0" in ended.stderr


@pytest.mark.parametrize("flags", [["--port", "70000"], ["--port", "x"], ["--latency", "1s"]])
def test_bad_flags_are_usage_errors(flags: list[str]) -> None:
    ended = subprocess.run(
        [*COMMAND, *flags], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
