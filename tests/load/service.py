"""Holds and charges for a crowd of runs, in a process of its own: 20 ms an answer, and one request in a hundred goes wrong.

It honours keys, and keeps a book of what stands for each run. It costs as little as it can, for what is measured is flowdsl.
"""

from __future__ import annotations

import asyncio
import json
import random
import urllib.request
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from benchmarks.responder import serve, serving

LATENCY_SECONDS = 0.020
FAULTS = 0.01
REASONS = {200: "OK", 201: "Created", 402: "Payment Required", 404: "Not Found", 500: "Oops"}

Answer = tuple[int, dict[str, Any]]


@dataclass(slots=True)
class Books:
    """What stands, by run: `holds` and `charges`; and how often each was made, by run."""

    standing: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"holds": {}, "charges": {}}
    )
    made: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Answer] = field(default_factory=dict)  # by idempotency key
    struck: Counter[str] = field(default_factory=Counter)
    chance: random.Random = field(default_factory=lambda: random.Random("load"))

    def ask(self, path: str, key: str, body: dict[str, Any]) -> Answer | None:
        """None: the effect is there, and the answer never comes."""
        if path == "/books":
            standing, made = self.standing, self.made
            return 200, {"standing": standing, "made": made, "struck": self.struck}
        fault = self._fault(path) if key not in self.answers else ""
        if fault == "breaks":
            return 500, {"error": "breaks"}
        if key not in self.answers:
            refused = fault == "refuses"
            self.answers[key] = (402, {"error": "no"}) if refused else self._do(path, body)
        return None if fault == "loses the answer" else self.answers[key]

    def _fault(self, path: str) -> str:
        if self.chance.random() >= FAULTS:
            return ""
        kinds = ["breaks", "loses the answer", *(["refuses"] if path == "/charges" else [])]
        fault = self.chance.choice(kinds)
        self.struck[fault] += 1
        return fault

    def _do(self, path: str, body: dict[str, Any]) -> Answer:
        _, kind, *rest = path.split("/")
        standing = self.standing[kind]
        if not rest:
            run = str(body["reference"])
            self.made[f"{kind} {run}"] += 1
            standing[run] = "made"
            return 201, {"id": run}
        run = rest[0]
        if run not in standing:
            return 404, {"error": "none"}
        standing[run] = "undone"
        return 200, {"id": run}


class Door(asyncio.Protocol):
    """Just enough HTTP/1.1 for a client that is well-behaved."""

    def __init__(self, books: Books) -> None:
        self.books, self.buffer = books, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            _, path, _ = first.split(" ")
            key = headers.get("idempotency-key", "")
            answer = self.books.ask(path, key, json.loads(body or b"{}"))
            asyncio.get_running_loop().call_later(LATENCY_SECONDS, self._answer, answer)

    def _answer(self, answer: Answer | None) -> None:
        if answer is None:
            self.transport.abort()
            return
        status, content = answer
        body = json.dumps(content).encode()
        head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\n"
        self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def service() -> AbstractContextManager[str]:
    return serving("tests.load.service")


def books_of(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/books", timeout=60) as response:
        found: dict[str, Any] = json.loads(response.read())
        return found


if __name__ == "__main__":
    books = Books()
    asyncio.run(serve(lambda: Door(books)))
