"""The services of the trip, in a process of their own: every call counted by its key, answered at once or after a while."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

from benchmarks.responder import serve

BODY = b'{"id":"r-1","price":100}'


class Books:
    def __init__(self) -> None:
        self.latency = 0.0
        self.seen: Counter[str] = Counter()
        self.answered: set[str] = set()
        self.last_answer = 0.0  # when
        self.after_an_answer = 0
        self.at_the_last_moment = (
            0  # after an answer that may have been unread in a socket at the kill
        )
        self.mails: set[str] = set()


BOOKS = Books()


class Door(asyncio.Protocol):
    def __init__(self) -> None:
        self.buffer = b""

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
            self.buffer = self.buffer[end + 4 + length :]
            self.asked(first.split(" ")[1], headers.get("idempotency-key", ""))

    def asked(self, path: str, key: str) -> None:
        if path == "/books":
            repeated = sum(BOOKS.seen.values()) - len(BOOKS.seen)
            told = {"calls": len(BOOKS.seen), "repeated": repeated, "mails": len(BOOKS.mails)}
            told |= {"after_an_answer": BOOKS.after_an_answer}
            told |= {"quiet": time.monotonic() - BOOKS.last_answer}
            self.write(json.dumps(told).encode())
        elif path.startswith("/slow/"):
            BOOKS.__init__()  # type: ignore[misc]
            BOOKS.latency = float(path.removeprefix("/slow/"))
            self.write(BODY)
        elif path.startswith("/latency/"):
            BOOKS.latency = float(path.removeprefix("/latency/"))
            self.write(BODY)
        else:
            BOOKS.seen[key] += 1
            BOOKS.after_an_answer += key in BOOKS.answered
            if BOOKS.latency:
                asyncio.get_running_loop().call_later(BOOKS.latency, self.answer, path, key)
            else:
                self.answer(path, key)

    def answer(self, path: str, key: str) -> None:
        if self.transport.is_closing():
            return
        BOOKS.answered.add(key)
        BOOKS.last_answer = time.monotonic()
        if path.startswith("/mail"):
            BOOKS.mails.add(key)
        self.write(BODY)

    def write(self, body: bytes) -> None:
        head = (
            f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        )
        self.transport.write(f"{head}\r\n\r\n".encode() + body)


if __name__ == "__main__":
    asyncio.run(serve(Door))
