"""Somebody who follows a page: writes its files down in an empty folder and types its commands, against real services.

The page says localhost:9000; the services listen on a free port of as many digits, so that columns stay as they are.
`$ flowdsl … &` starts in the background, and `$ kill -9 %1` waits until the faults asked for have struck. `curl` is ours.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from tests.readme.terminal import run_in_terminal, run_warm_in_terminal

ROOT = Path(__file__).parents[2]
WRITTEN = "localhost:9000"
LATENCY_MILLISECONDS = 10
SECONDS_MAX = 120.0
SHELL = re.compile(r"[|<>;$`*~]")  # what needs one
UNSET = ("CI", "GITHUB_ACTIONS", "DEMO_URL", "FORCE_COLOR", "COLUMNS", "LINES")


@dataclass(slots=True)
class Session:
    folder: Path
    address: str  # of the services, host:port
    code: int = 0  # of the last command
    background: subprocess.Popen[bytes] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    is_warm: bool = False

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(WRITTEN, self.address), "utf-8")

    def type(self, command: str) -> list[str]:
        """What it prints, line by line, with the address that the page gives."""
        printed = self._typed(command).replace(self.address, WRITTEN)
        port, written = (at.rpartition(":")[2] for at in (self.address, WRITTEN))
        return printed.replace(f"…:{port}/", f"…:{written}/").splitlines()

    def _typed(self, command: str) -> str:
        match command.split():
            case [".venv/bin/python", "-m", "mock_services", *_]:
                return ""  # they are up already
            case ["echo", "$?"]:
                return str(self.code)
            case ["kill", "-9", "%1"]:
                self._kill()
                return ""
            case ["flowdsl", *_, "&"]:
                self._start(command)
                return ""
            case ["curl", *_]:
                return self._curl(shlex.split(command)[1:])
            case ["flowdsl", *_] if self.is_warm and not SHELL.search(command):
                words = shlex.split(command)[1:]
                printed, self.code = run_warm_in_terminal(words, self.folder, self.environment)
                return printed
            case _:
                printed, self.code = run_in_terminal(command, self.folder, self.environment)
                return printed

    def _start(self, command: str) -> None:
        assert self.background is None, "one at a time"
        words = [sys.executable, "-m", *shlex.split(command)[:-1]]
        nowhere = subprocess.DEVNULL
        self.background = subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
        )

    def _kill(self) -> None:
        process, end = self.background, time.monotonic() + SECONDS_MAX
        assert process is not None, "nothing runs in the background"
        while not all(fault["fired"] for fault in json.loads(self.ask("/faults"))["faults"]):
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < end, "a fault never struck"
            time.sleep(0.01)
        self.stop()

    def stop(self) -> None:
        if self.background is not None:
            self.background.kill()
            self.background.wait()
            self.background = None

    def _curl(self, words: list[str]) -> str:
        """`curl [-s] [-X METHOD] [-d BODY] URL`, of which the host is that of the services."""
        method, body, path = "", None, ""
        left = iter(words)
        for word in left:
            match word:
                case "-s":
                    pass
                case "-X":
                    method = next(left)
                case "-d":
                    body = next(left)
                case url:
                    host, _, path = url.removeprefix("http://").partition("/")
                    assert host == WRITTEN, f"not the services: {url}"
        self.code = 0
        return self.ask(f"/{path}", method or ("GET" if body is None else "POST"), body)

    def ask(self, path: str, method: str = "GET", body: str | None = None) -> str:
        data = None if body is None else body.encode()
        request = Request(f"http://{self.address}{path}", data=data, method=method)
        with urlopen(request, timeout=SECONDS_MAX) as response:
            text: str = response.read().decode()
        return text


@contextmanager
def session(folder: Path, *, is_warm: bool) -> Iterator[Session]:
    with services() as address:
        begun = Session(folder, address, environment=environment(), is_warm=is_warm)
        try:
            yield begun
        finally:
            begun.stop()


def environment() -> dict[str, str]:
    """That of a person at a terminal; nothing of ours says what flowdsl does."""
    kept = {k: v for k, v in os.environ.items() if k not in UNSET and not k.startswith("FLOWDSL_")}
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))
    ours = {"TERM": "xterm", "NO_COLOR": "1", "LOGNAME": "ada", "PATH": path}
    ours |= {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
    return {**kept, **ours}


@contextmanager
def services() -> Iterator[str]:
    port = free_port_of_four_digits()
    command = [sys.executable, "-m", "mock_services", "--port", str(port)]
    command += ["--latency", str(LATENCY_MILLISECONDS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("mock services on "), f"no services on port {port}"
            yield line.strip().removeprefix("mock services on http://")
        finally:
            process.terminate()


def free_port_of_four_digits() -> int:
    ports = list(range(2000, 10_000))
    random.shuffle(ports)
    for port in ports:
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port of four digits")
