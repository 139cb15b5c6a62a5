"""How these tests type a command and look at the services."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from flowdsl.cli.group import run

SECONDS_MAX = 60.0
SHIPPED = Path(__file__).parents[2] / "workflows"
TRIP = ("-i", "flight=LH-454", "-i", "hotel=Savoy", "-i", "card=tok_visa")
DECLINED = ("-i", "flight=LH-454", "-i", "hotel=Savoy", "-i", "card=tok_declined")


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class CommandLine:
    """`cli("run", "trip.yaml")`: in this process, as if typed in the project."""

    project: Path
    capture: pytest.CaptureFixture[str]
    # Of this test only: a service may still be at work on a request of the test before.
    run_id: str = field(default_factory=lambda: f"trip-{secrets.token_hex(4)}")

    def __call__(self, *words: str) -> Done:
        self.capture.readouterr()
        code = run(list(words))
        out, err = self.capture.readouterr()
        assert "Traceback" not in err
        return Done(code, out, err)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """In a process of its own; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "flowdsl", *words],
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONDEVMODE": ""},
        )

    def write(self, name: str, text: str) -> str:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name


@dataclass(frozen=True, slots=True)
class Services:
    url: str

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Without httpx, which would read all certificates of this machine each time."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, method=method), timeout=SECONDS_MAX) as answer:
            return json.loads(answer.read())

    def reset(self) -> None:
        for path in ("/ledger", "/faults"):
            self.ask(path, "DELETE")

    def fault(self, **fault: object) -> None:
        self.ask("/faults", "POST", fault)

    def release(self) -> None:
        """Lets go what a fault holds."""
        self.ask("/faults/release", "POST", {})

    def requests(self) -> list[Any]:
        found: list[Any] = self.ask("/requests")["requests"]
        return found

    def residue(self, ended: str) -> list[Any]:
        answer: list[Any] = self.ask(f"/ledger/residue?ended={ended}")["residue"]
        return answer

    def standings(self) -> list[str]:
        return sorted(effect["standing"] for effect in self.ask("/ledger")["effects"])

    def counts(self) -> set[int]:
        return {effect["count"] for effect in self.ask("/ledger")["effects"]}


def wait_for(what: Callable[[], bool]) -> None:
    """Until it is so; a test that waits for luck fails instead."""
    until = time.monotonic() + SECONDS_MAX
    while not what():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.02)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Its stderr up to a line with that text."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"it ended and never said `{text}`, but: {seen}")
