"""A service that says a secret's value as data, by chance or by malice: the run works with what was said, and keeps none of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import CommandLine, wait_for

TOKEN, CVV = "Tested9", "420"
HOLD: dict[str, Any] = {"id": f"h-{TOKEN}-1/x", "status": f"con{TOKEN}ed", "price": 420, "note": f"for {TOKEN.lower()}"}  # fmt: skip
WORKFLOW = """\
flowdsl: 1
name: booking
inputs:
  cvv: {{ type: string, secret: true }}
  amount: {{ type: integer, default: 420 }}
defaults: {{ settle: 1ms, idempotency: 24h }}
services:
  s: {{ url: "{url}", auth: "bearer ${{secrets.TOKEN}}" }}
steps:
  - id: hold
    call: POST s/holds
    body: {{ cvv: "${{inputs.cvv}}", amount: "${{inputs.amount}}" }}
    expect: hold.status.x if false else len(hold.status) == 12
    compensate: DELETE s/holds/${{hold.id}}
  - set: {{ total: "${{hold.price + inputs.amount}}" }}
  - for_each: one in [hold.id, hold.price]
    id: notes
    call: POST s/notes
    body: {{ about: "${{one}}" }}
    compensate: none
  - id: pay
    call: POST s/pay
    query: {{ of: "${{hold.id}}" }}
    body: {{ amount: "${{hold.price}}", total: "${{total}}", who: "to ${{hold.id}}" }}
    compensate: POST s/refunds
outputs:
  id: ${{hold.id}}
  letters: ${{len(hold.id)}}
  total: ${{total}}
"""


@dataclass(slots=True)
class Service:
    url: str
    heard: list[tuple[str, Any]] = field(default_factory=list)  # "POST /holds", its body
    pay: int = 402
    said: Any = None  # what `pay` answers
    waits: bool = False
    let_go: threading.Event = field(default_factory=threading.Event)
    held: set[str] = field(default_factory=set)

    @property
    def lines(self) -> list[str]:
        return [line for line, _ in self.heard]

    def answer(self, line: str) -> tuple[int, Any]:
        match line.partition("?")[0].split("/"):
            case ["POST ", "holds"]:
                self.held.add(HOLD["id"])
                return 201, HOLD
            case ["POST ", "pay"]:
                if self.waits:
                    self.let_go.wait(30)
                return self.pay, self.said or {"said": f"no {TOKEN}"}
            case ["DELETE ", "holds", name]:
                there = name == "h-Tested9-1%2Fx"
                self.held.discard(HOLD["id"] if there else "")
                return (204, None) if there else (404, {})
        return 201, {}


@contextmanager
def serving() -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def answer(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0))
            line = f"{self.command} {self.path}"
            there.heard.append((line, json.loads(sent) if sent else None))
            status, body = there.answer(line)
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = answer  # noqa: N815 - named for the methods

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that was killed

    with Server(("127.0.0.1", 0), Handler) as server:
        there = Service(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield there
        finally:
            there.let_go.set()
            server.shutdown()


@pytest.fixture
def service(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with serving() as found:
        (project / "booking.yaml").write_text(WORKFLOW.format(url=found.url))
        monkeypatch.setenv("TOKEN", TOKEN)
        yield found


def start(run: str) -> tuple[str, ...]:
    return ("run", "booking.yaml", "-i", f"cvv={CVV}", "--id", run)


def traces(project: Path) -> list[str]:
    """Where in the store the token stands, raw."""
    return [
        str(path)
        for path in (project / ".flowdsl").rglob("*")
        if path.is_file() and TOKEN.lower().encode() in path.read_bytes().lower()
    ]


def killed_while_it_pays(cli: CommandLine, service: Service, run: str) -> None:
    service.waits = True
    process = cli.start(*start(run))
    wait_for(lambda: any(line.startswith("POST /pay") for line in service.lines))
    process.kill()
    process.communicate()
    service.let_go.set()
    service.heard.clear()


def test_what_is_judged_sent_and_undone_is_what_the_service_said(
    project: Path, cli: CommandLine, service: Service
) -> None:
    # given a hold whose id holds the token, and whose price is the CVV; when the payment is refused
    done = cli(*start("r"), "--json")
    # then what was said was judged, computed with, sent on and undone as it was said
    assert done.json["state"] == "compensated", done.err
    assert service.held == set()
    notes = [body for line, body in service.heard if line.startswith("POST /notes")]
    assert sorted(notes, key=str) == [{"about": "h-Tested9-1/x"}, {"about": 420}]
    (pay,) = [(line, body) for line, body in service.heard if line.startswith("POST /pay")]
    assert pay == (
        "POST /pay?of=h-Tested9-1%2Fx",
        {"amount": 420, "total": 840, "who": "to h-Tested9-1/x"},
    )
    # and it is nowhere to be read
    assert traces(project) == []
    for words in (("status", "r", "--json"), ("show", "r", "pay", "--curl"), ("status", "r", "--events")):  # fmt: skip
        shown = cli(*words)
        assert TOKEN not in shown.out + shown.err
    assert TOKEN not in done.out + done.err


def test_the_outputs_are_computed_from_what_was_said_and_shown_without_it(
    project: Path, cli: CommandLine, service: Service
) -> None:
    service.pay = 201
    done = cli(*start("r"), "--json")
    assert done.json["state"] == "succeeded", done.err
    assert done.json["outputs"] == {"id": "h-‹secret TOKEN›-1/x", "letters": 13, "total": 840}
    assert cli("status", "r", "--json").json["outputs"] == done.json["outputs"]
    assert traces(project) == []


def test_after_a_crash_the_values_are_there_again(
    project: Path, cli: CommandLine, service: Service
) -> None:
    killed_while_it_pays(cli, service, "r")
    assert traces(project) == []
    assert cli("status", "r").code == 0
    done = cli("resume", "r", "-i", f"cvv={CVV}", "--json")
    assert done.json["state"] == "compensated", done.err
    assert service.heard == [
        ("POST /pay?of=h-Tested9-1%2Fx", {"amount": 420, "total": 840, "who": "to h-Tested9-1/x"}),
        ("DELETE /holds/h-Tested9-1%2Fx", None),
    ]
    assert service.held == set()
    assert traces(project) == []


def test_with_another_secret_after_a_crash_nothing_is_guessed(
    project: Path, cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_while_it_pays(cli, service, "r")
    monkeypatch.setenv("TOKEN", "another-one")
    done = cli("resume", "r", "-i", f"cvv={CVV}", "--json")
    # then neither the payment nor the undo goes out with a mark in it, and the hold is named
    assert done.json["state"] == "stuck", done.err
    assert service.heard == [("POST /refunds", None)]
    assert "hold" in [one["step"] for one in done.json["residue"]]
    assert "the secret TOKEN, which is missing or has changed" in done.err
    assert traces(project) == []
    # and with the secret of then it goes on
    monkeypatch.setenv("TOKEN", TOKEN)
    again = cli("resume", "r", "-i", f"cvv={CVV}", "--retry", "hold", "--json")
    assert again.json["state"] == "compensated", again.err
    assert service.held == set()


def test_a_secret_of_before_is_neither_kept_nor_shown(
    project: Path, cli: CommandLine, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Auth may rotate: an answer after that may still name the old one."""
    killed_while_it_pays(cli, service, "r")
    monkeypatch.setenv("TOKEN", "another-one")
    service.said = {"why": f"Bearer {TOKEN} was rotated", "old": TOKEN}
    text = (project / "booking.yaml").read_text()
    service.heard.clear()
    done = cli("resume", "r", "-i", f"cvv={CVV}", "--json")
    assert service.heard, text
    assert TOKEN not in done.out + done.err
    assert traces(project) == []


def test_the_same_id_means_the_same_run_whatever_its_inputs_look_like(
    project: Path, cli: CommandLine, service: Service
) -> None:
    """The default of `amount` is the CVV of this card: it is kept masked."""
    service.pay = 201
    first = cli(*start("r"), "--json")
    assert b'"amount":420' not in next((project / ".flowdsl" / "archive").glob("*")).read_bytes()
    assert cli(*start("r"), "--json").json["ended"] == first.json["ended"]
    other = cli(*start("r"), "-i", "amount=421")
    assert (other.code, "F206" in other.err) == (2, True)


def test_a_run_once_more_takes_the_inputs_as_they_were(
    project: Path, cli: CommandLine, service: Service
) -> None:
    service.pay = 201
    cli(*start("r"))
    service.heard.clear()
    again = cli("rerun", "r", "-i", f"cvv={CVV}", "--json")
    assert again.json["state"] == "succeeded", again.err
    assert service.heard[0] == ("POST /holds", {"cvv": CVV, "amount": 420})
    # with another card nobody knows any more what the amount was
    lost = cli("rerun", "r", "-i", "cvv=777")
    assert (lost.code, "-i amount=" in lost.err) == (2, True)


CHILD = """\
flowdsl: 1
name: notice
inputs: { about: string }
services: { s: "URL" }
steps:
  - wait: 10s
  - { id: note, call: POST s/notes, body: { about: "${inputs.about}" }, compensate: none }
"""


def test_what_is_handed_to_a_run_of_its_own_is_kept_masked_there_too(
    project: Path, cli: CommandLine, service: Service
) -> None:
    (project / "notice.yaml").write_text(CHILD.replace("URL", service.url).replace("10s", "1ms"))
    text = (project / "booking.yaml").read_text()
    used = '  - { id: told, uses: ./notice.yaml, detach: true, with: { about: "${hold.id}" } }\n'
    (project / "booking.yaml").write_text(text.replace("  - set:", f"{used}  - set:"))
    service.pay = 201
    done = cli(*start("r"), "--json")
    assert done.json["state"] == "succeeded", done.err
    assert ("POST /notes", {"about": "h-Tested9-1/x"}) in service.heard
    assert len(cli("list", "--json").json["runs"]) == 2
    assert traces(project) == []


def test_a_secret_of_a_few_characters_is_warned_of(cli: CommandLine, service: Service) -> None:
    ran = cli(*start("r"))
    assert "the secret input `cvv` has 3 characters" in ran.err
    assert "TOKEN` has" not in ran.err
