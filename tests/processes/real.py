"""Real processes on this machine: services on a free port, `flowdsl` as people type it, a store in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests import warm

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / "workflows"
PATIENCE_SECONDS = 60.0

TRIP = ("-i", "flight=LH-454", "-i", "hotel=Savoy", "-i", "email=ada@example.com")


def patient_trip(folder: Path) -> str:
    """The shipped trip, whose calls wait for as long as a test holds their answers."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "patient.yaml"
    text = (WORKFLOWS / "trip.yaml").read_text("utf-8")
    assert text.count("timeout: 10s ") == 1
    file.write_text(text.replace("timeout: 10s ", "timeout: 10m "))
    return str(file)


@dataclass(frozen=True, slots=True)
class Services:
    url: str
    clients: list[subprocess.Popen[str]] = field(default_factory=list)  # ended with the services

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.loads(response.read() or b"null")

    def fault(self, call: str, kind: str, times: int | None = 1) -> None:
        """`call` is "DELETE flights/reservations/*"."""
        method, _, target = call.partition(" ")
        service, _, path = target.partition("/")
        wanted = {"service": service, "method": method, "path": f"/{path}", "fault": kind}
        self.ask("/faults", "POST", {**wanted, "times": times})

    def release(self) -> None:
        """Lets go what a fault holds."""
        self.ask("/faults/release", "POST")

    def fired(self) -> list[int]:
        return [fault["fired"] for fault in self.ask("/faults")["faults"]]

    def residue(self, ended: str) -> list[Any]:
        found: list[Any] = self.ask(f"/ledger/residue?ended={ended}")["residue"]
        return found

    def effects(self, reference: str | None = None) -> list[dict[str, Any]]:
        """What took effect; of one run, by the reference that its bodies carry."""
        effects: list[dict[str, Any]] = self.ask("/ledger")["effects"]
        return [e for e in effects if reference in (None, (e["body"] or {}).get("reference"))]

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("/requests")["requests"]
        return found

    def clear(self) -> None:
        self.ask("/ledger", "DELETE")
        self.ask("/faults", "DELETE")


@contextmanager
def services(latency_milliseconds: int = 0) -> Iterator[Services]:
    command = [
        sys.executable,
        "-m",
        "mock_services",
        "--port",
        "0",
        "--latency",
        str(latency_milliseconds),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        found = Services(process.stdout.readline().rsplit(maxsplit=1)[-1])
        try:
            yield found
        finally:
            process.terminate()
            for client in found.clients:
                end(client)


def end(process: subprocess.Popen[str]) -> None:
    """What a test that failed has left running would make later ones fail."""
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@dataclass(frozen=True, slots=True)
class Shell:
    """Types `flowdsl …` with a store of its own."""

    store: Path
    services: Services
    folder: Path = ROOT
    extra: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        ours = {"DEMO_URL": self.services.url, "FLOWDSL_STORE": str(self.store), "NO_COLOR": "1"}
        return {**os.environ, **ours, **self.extra}

    def run(self, *words: str, expected: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = warm.run(words, self.folder, self.environment())
        assert "Traceback" not in done.stderr, done.stderr
        if expected is not None:
            assert done.returncode == expected, (
                f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "flowdsl", *words],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.services.clients.append(process)
        return process

    def json(self, *words: str, expected: int | None = 0) -> Any:
        return json.loads(self.run(*words, "--json", expected=expected).stdout)

    def runs(self) -> list[Any]:
        found: list[Any] = self.json("list")["runs"]
        return found

    def journal(self) -> bytes:
        """Everything that was ever appended by whoever is or was at work, as far as it is there now."""
        folder = self.store / "journals"
        files = sorted(folder.glob("*.jsonl")) if folder.exists() else []
        return b"".join(file.read_bytes() for file in files)


def wait_until(what: str, is_so: Any, seconds: float = PATIENCE_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.02)
