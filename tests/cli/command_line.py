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

import httpx
import pytest

from flowdsl.cli.group import run

SECONDS_MAX = 30.0
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

    def reset(self) -> None:
        for path in ("ledger", "faults", "requests"):
            httpx.delete(f"{self.url}/{path}")

    def fault(self, **fault: object) -> None:
        assert httpx.post(f"{self.url}/faults", json=fault).status_code == 201

    def requests(self) -> list[Any]:
        found: list[Any] = httpx.get(f"{self.url}/requests").json()["requests"]
        return found

    def residue(self, ended: str) -> list[Any]:
        answer: list[Any] = httpx.get(f"{self.url}/ledger/residue?ended={ended}").json()["residue"]
        return answer

    def standings(self) -> list[str]:
        effects = httpx.get(f"{self.url}/ledger").json()["effects"]
        return sorted(effect["standing"] for effect in effects)

    def counts(self) -> set[int]:
        return {effect["count"] for effect in httpx.get(f"{self.url}/ledger").json()["effects"]}


def wait_for(what: Callable[[], bool]) -> None:
    """Until it is so; a test that waits for luck fails instead."""
    until = time.monotonic() + SECONDS_MAX
    while not what():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.01)


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read its stderr until a line with that text."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"it ended and never said: {text}")
