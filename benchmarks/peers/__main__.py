"""`make bench-peers`: all contenders take turns in one run; figures, and the ratios of flowdsl to each other.

`--rounds 3 --seconds 2 --kills 2 --only own,bare`: how long it takes, and who takes part.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median

from benchmarks.responder import serving

NAMES = {"own": "flowdsl", "bare": "a bare loop", "restated": "Restate", "dbosed": "DBOS on SQLite"}
WIDTHS = (1, 32, 256)
COUNTED = (1, 32)  # where syncs are counted
CALLS = 8  # of a trip
SYNCS = "fsync,fdatasync,sync_file_range,msync"
PATIENCE_SECONDS = 120.0


class Hosted:
    """A contender's process, and what it is told."""

    def __init__(self, name: str, url: str, folder: str) -> None:
        self.said = Path(folder) / "said"
        command = [sys.executable, "-m", "benchmarks.peers.host", name, url, folder]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said.open("w"),
            text=True,
            start_new_session=True,  # so that all of it can be killed at once
            env={**os.environ, "TRIP_URL": url},
        )
        self.pids: list[int] = self.heard()["pids"]

    def tell(self, **order: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def ask(self, **order: object) -> dict:
        self.tell(**order)
        return self.heard()

    def heard(self) -> dict:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):  # some print what nobody asked for
                return json.loads(line)
        raise RuntimeError(f"{self.process.args} has ended: {self.said.read_text()[-2000:]}")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--kills", type=int, default=2)
    parser.add_argument("--in-flight", type=int, default=200)
    parser.add_argument("--latency", type=float, default=3.0, help="of the services until the kill")
    parser.add_argument("--only", default=",".join(NAMES))
    options = parser.parse_args()
    names = options.only.split(",")
    print(
        f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    with serving("benchmarks.peers.service") as url:
        if options.rounds:
            _speed(url, names, options.rounds, options.seconds)
        durable = [name for name in names if name != "bare"]
        for _ in range(options.kills):
            for name in durable:
                _kill(url, name, options.in_flight, options.latency)


def _speed(url: str, names: list[str], rounds: int, seconds: float) -> None:
    found: dict[tuple[str, int], list[dict]] = defaultdict(list)
    syncs: dict[tuple[str, int], float] = {}
    with ExitStack() as stack:
        hosts: dict[str, Hosted] = {}
        for name in names:
            folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            hosts[name] = Hosted(name, url, folder)
            stack.callback(hosts[name].kill)
        for host in hosts.values():
            host.ask(do="trips", width=8, seconds=min(1.0, seconds))
        for _ in range(rounds):
            for width in WIDTHS:
                for name, host in hosts.items():
                    found[name, width].append(host.ask(do="trips", width=width, seconds=seconds))
        memory = {name: host.ask(do="memory")["mib"] for name, host in hosts.items()}
        for width in COUNTED:
            for name, host in hosts.items():
                syncs[name, width] = _syncs_a_trip(host, width, seconds)
    _print(found, memory, syncs, names)


def _syncs_a_trip(host: Hosted, width: int, seconds: float) -> float:
    """Counted by strace, in a turn of its own, for it takes time. nan where there is none."""
    with tempfile.NamedTemporaryFile("r") as told:
        attached = [word for pid in host.pids for word in ("-p", str(pid))]
        command = ["strace", "-f", "-qq", "-c", "-e", f"trace={SYNCS}", "-o", told.name, *attached]
        try:
            strace = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            return float("nan")
        time.sleep(0.3)  # until it is attached
        trips = host.ask(do="trips", width=width, seconds=seconds)["trips"]
        strace.send_signal(signal.SIGINT)
        strace.wait()
        lines = re.findall(
            r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+)(?: +\d+)? +(?!total)\w+$", told.read(), re.MULTILINE
        )
    return sum(map(int, lines)) / trips


def _print(
    found: dict[tuple[str, int], list[dict]],
    memory: dict[str, float],
    syncs: dict[tuple[str, int], float],
    names: list[str],
) -> None:
    wide = "".join(f"{f'@{width}':>9}" for width in WIDTHS)
    print(
        f"{'':16}trips/s{wide[7:]}   CPU ms a trip{wide}   peak MiB   syncs a trip       @1      @32"
    )
    for name in names:
        speed = "".join(f"{median(map(per_second, found[name, w])):9.1f}" for w in WIDTHS)
        cpu = "".join(
            f"{median(one['cpu'] / one['trips'] * 1000 for one in found[name, w]):9.2f}"
            for w in WIDTHS
        )
        made = "".join(f"{syncs[name, w]:9.2f}" for w in COUNTED)
        print(f"{NAMES[name]:14}{speed}{'':16}{cpu}{memory[name]:11.0f}{'':15}{made}")
    for name in names[1:] if names[0] == "own" else []:
        ratios = "".join(
            f"{median(per_second(a) / per_second(b) for a, b in zip(found['own', w], found[name, w], strict=True)):9.2f}"
            for w in WIDTHS
        )
        print(f"flowdsl / {NAMES[name]:14}{ratios} (trips/s @1, @32, @256)", flush=True)


def per_second(turn: dict) -> float:
    return turn["trips"] / turn["seconds"]


def _kill(url: str, name: str, in_flight: int, latency: float) -> None:
    """So many in flight, every process of it killed, and begun again in the same folder."""
    ask(url, f"/slow/{latency}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        first = Hosted(name, url, folder)
        try:
            first.ask(do="submit", count=in_flight)
            until(lambda: _is_between_answers(ask(url, "/books"), in_flight, latency))
        finally:
            first.kill()
        ask(url, "/latency/0.02")
        begin = time.perf_counter()
        second = Hosted(name, url, folder)
        try:
            second.tell(do="recover")
            until(lambda: ask(url, "/books")["mails"] >= in_flight)
            seconds = time.perf_counter() - begin
        finally:
            second.kill()
    books = ask(url, "/books")
    print(
        f"{NAMES[name]:14} killed with {in_flight} in flight: {books['after_an_answer']} calls repeated after an answer, "
        f"{books['repeated']} in all; {in_flight - books['mails']} runs lost; back in {seconds:.2f} s",
        flush=True,
    )


def _is_between_answers(books: dict, in_flight: int, latency: float) -> bool:
    """Half of the calls are in, and what was answered has been read: no answer is on its way."""
    return books["calls"] >= in_flight * CALLS // 2 and books["quiet"] > latency / 3


def until(is_so: object) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and not is_so():  # type: ignore[operator]
        time.sleep(0.02)


def ask(url: str, path: str) -> dict:
    with urllib.request.urlopen(url + path) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
