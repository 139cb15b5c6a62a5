"""A service that says back whatever it was told, in every spelling it can think of, and ends as its path says.

`/ok/…`, `/no/…` (422), `/html/…` (a page, 500), `/garbage/…` (200, no JSON), `/lost/…` (nothing, but the request was read),
`/broken/…` (no HTTP), `/stuck/…` (an undo: 403), `/hold/…` (until it is let go).
"""

from __future__ import annotations

import base64
import html
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, quote_plus


@dataclass(slots=True)
class Echo:
    url: str
    heard: list[str] = field(default_factory=list)  # "POST /ok/first"
    said: list[bytes] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)


def spellings(text: str) -> dict[str, str]:
    raw = text.encode()
    return {
        "plain": text,
        "json": json.dumps(text),
        "json_twice": json.dumps(json.dumps(text)),
        "slashes": json.dumps(text).replace("/", "\\/"),
        "percent": quote(text, safe=""),
        "plus": quote_plus(text),
        "base64": base64.b64encode(raw).decode(),
        "base64_url": base64.urlsafe_b64encode(b"x" + raw).decode(),
        "base64_behind": base64.b64encode(b"ab" + raw).decode(),
        "hex": raw.hex(),
        "html": html.escape(text),
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    echo: Echo

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.echo.heard.append(f"{self.command} {self.path}")
        told = [*self.headers.values(), *_leaves(json.loads(sent) if sent else None)]
        ending = self.path.split("/")[1]
        if ending == "hold":
            self.echo.let_go.wait(20)
        if ending in ("lost", "hold"):
            self.close_connection = True
            return
        if ending == "broken":
            self.close_connection = True
            self._out(b"HTTP/1.1 200 " + " ".join(told).encode() + b"\0\r\nX\r\n\r\n")
            return
        spelled = {f"s{number}": spellings(text) for number, text in enumerate(told)}
        value = {"id": "x1", "sent": sent, "headers": dict(self.headers), **spelled}
        match ending:
            case "html":
                texts = [text for one in spelled.values() for text in one.values()]
                page = f"<html><p>{'</p><p>'.join(texts)}</p></html>".encode()
                self._reply(500, "text/html", page, told)
            case "garbage":
                self._reply(
                    200, "application/json", ("{" + sent + " ".join(told))[:4000].encode(), told
                )
            case "no":
                self._reply(422, "application/json", json.dumps(value).encode(), told)
            case "stuck":
                status = 403 if self.command == "DELETE" else 200
                self._reply(status, "application/json", json.dumps(value).encode(), told)
            case _:
                text = json.dumps(value, ensure_ascii=False)
                self._reply(200, "application/json", text.encode(), told)

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names that http.server calls

    def _reply(self, status: int, media: str, body: bytes, told: list[str]) -> None:
        lines = [
            f"HTTP/1.1 {status} {self.headers['authorization']}",
            f"Content-Type: {media}",
            f"Content-Length: {len(body)}",
        ]
        told = [text for text in told if len(text) < 500]  # longer headers are not HTTP to anybody
        for number, text in enumerate(told[:20]):  # nor are more
            lines.append(f"X-Echo-{number}: {quote(text, safe=' +/=')}")
            lines.append(f"X-Raw-{number}: {json.dumps(text)}")
        self._out("\r\n".join([*lines, "", ""]).encode() + body)

    def _out(self, raw: bytes) -> None:
        self.echo.said.append(raw)
        self.wfile.write(raw)


def _leaves(value: object) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
        case str():
            yield value


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked is gone: that is of no interest, and what is printed here would be taken for flowdsl's."""


@contextmanager
def echoing() -> Iterator[Echo]:
    server = Server(("127.0.0.1", 0), Handler)
    echo = Echo(f"http://127.0.0.1:{server.server_address[1]}")
    server.RequestHandlerClass = type("Bound", (Handler,), {"echo": echo})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield echo
    finally:
        echo.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
