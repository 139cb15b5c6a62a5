"""`make demo`: book a trip, have one refused and undone, kill one and resume it.

Everything is real: services in a process of their own, `flowdsl` as you would type it, kill -9. What the services say in
the end (`GET /ledger/residue`) is the judge.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

WORKFLOW = Path(__file__).parent.parent / "workflows" / "trip.yaml"
TRIP = ("-i", "flight=LH-454", "-i", "hotel=Savoy", "-i", "nights=2", "-i", "email=ada@example.com")
PATIENCE_SECONDS = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mock_services.demo", description=__doc__)
    parser.add_argument("--services", help="services that are running already")
    parser.add_argument("--store", help="where the runs are kept (default: a folder of its own)")
    parser.add_argument(
        "--record", help="a file for what the services' ledger said after each story"
    )
    options = parser.parse_args(arguments)
    with services(options.services) as url, store(options.store) as folder:
        demo = Demo(url, folder)
        demo.book()
        demo.decline()
        demo.kill_and_resume()
        if options.record:
            Path(options.record).write_text(json.dumps(demo.ledgers))
    return 0


class Demo:
    def __init__(self, url: str, folder: str) -> None:
        self.url = url
        self.folder = folder
        self.ledgers: dict[str, object] = {}
        self.environment = {**os.environ, "DEMO_URL": url, "FLOWDSL_STORE": folder}

    def book(self) -> None:
        title(
            "1. A trip is booked",
            "Three reservations at once, one payment, three confirmations, one mail.",
        )
        self.flowdsl("run", str(WORKFLOW), *TRIP, "-i", "card=tok_visa", expected=0)
        self.judge("booked", "succeeded")

    def decline(self) -> None:
        title("2. The card is declined", "So everything before it is undone, and the run says so.")
        self.flowdsl("run", str(WORKFLOW), *TRIP, "-i", "card=tok_declined", expected=1)
        self.judge("declined", "compensated")

    def kill_and_resume(self) -> None:
        title(
            "3. The process is killed while it pays",
            "Nobody knows whether the card was charged. Resuming asks.",
        )
        self.fault("POST", "payments", "/charges", "hold")
        command = self.command("run", str(WORKFLOW), *TRIP, "-i", "card=tok_visa")
        show(command)
        process = subprocess.Popen(command, env=self.environment)  # noqa: S603
        self.wait_for("/payments/charges")
        process.kill()
        process.wait()
        print("\n[killed with SIGKILL]", flush=True)
        self.ask("/faults/release", "POST")
        self.flowdsl("status", expected=0)
        self.flowdsl("resume", expected=0)
        print("resumed, and charged once:", self.charges(), flush=True)
        self.judge("resumed", "succeeded")

    def flowdsl(self, *words: str, expected: int) -> None:
        command = self.command(*words)
        show(command)
        code = subprocess.run(command, env=self.environment, check=False).returncode  # noqa: S603
        if code != expected:
            sys.exit(f"this should have exited {expected}, and exited {code}")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "flowdsl", *words]

    def judge(self, story: str, end: str) -> None:
        """What the services have left over, when they are asked themselves."""
        left = self.ask(f"/ledger/residue?ended={end}")["residue"]
        print(f"\nLeft over at the services: {json.dumps(left)}", flush=True)
        if left:
            sys.exit("something was left behind")
        self.ledgers[story] = self.ask("/ledger")
        self.ask("/ledger", "DELETE")

    def charges(self) -> int:
        effects = self.ask("/ledger")["effects"]
        return sum(e["count"] for e in effects if e["service"] == "payments" and e["count"])

    def fault(self, method: str, service: str, path: str, fault: str) -> None:
        wanted = {"service": service, "method": method, "path": path, "fault": fault}
        self.ask("/faults", "POST", json.dumps(wanted).encode())

    def wait_for(self, path: str) -> None:
        """Until a request for that path has reached the services."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not any(r["path"] == path for r in self.ask("/requests")["requests"]):
            if time.monotonic() > end:
                sys.exit(f"nobody asked for {path}")
            time.sleep(0.02)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None
    ) -> dict[str, list[dict]]:  # type: ignore[type-arg]
        headers = {"Content-Type": "application/json"}
        request = Request(self.url + path, data=body, method=method, headers=headers)  # noqa: S310
        with urlopen(request, timeout=PATIENCE_SECONDS) as response:  # noqa: S310
            found: dict[str, list[dict]] = json.loads(response.read() or b"{}")  # type: ignore[type-arg]
        return found


@contextmanager
def services(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    command = [sys.executable, "-m", "mock_services", "--port", "0", "--latency", "120"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            yield process.stdout.readline().rsplit(maxsplit=1)[-1]
        finally:
            process.terminate()


@contextmanager
def store(folder: str | None) -> Iterator[str]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="flowdsl-demo-") as made:
        yield str(Path(made) / "store")


def title(words: str, more: str) -> None:
    print(f"\n\n── {words} ".ljust(82, "─"), more, "", sep="\n", flush=True)


def show(command: Sequence[str]) -> None:
    words = [word.replace(str(WORKFLOW), "workflows/trip.yaml") for word in command[3:]]
    print("\n$ flowdsl", *words, "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
