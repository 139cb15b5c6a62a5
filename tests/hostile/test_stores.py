"""Stores in which somebody put what no store holds: it is told, put aside, and stops no run."""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine

WAITS = """flowdsl: 1
name: waits
steps:
  - { id: answer, wait_for: go, timeout: 1h }
outputs: { answer: "${answer}" }
"""


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as there:
        os.chdir(path.parent)  # its path may not be long
        there.bind(path.name)
        os.chdir(path.parents[2])


ODD = [a_pipe, a_folder, a_link, a_socket]


@pytest.fixture
def store(cli: CommandLine, project: Path) -> Path:
    cli.write("waits.yaml", WAITS)
    for run in ("a", "b"):
        assert cli("run", "waits.yaml", "--id", run, "--no-wait").code == 4
    return project / ".flowdsl"


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_document_hides_no_run(
    odd: Callable[[Path], None], cli: CommandLine, store: Path
) -> None:
    """`list` and `fsck` ended at it, and said nothing of all others."""
    (store / "runs").mkdir()  # of an older version
    odd(store / "runs" / "odd.json")
    listed = cli("list", "--json")
    assert listed.code == 0, listed.err
    assert {run["run"] for run in listed.json["runs"]} == {"a", "b", "odd"}
    found = cli("fsck", "--json")
    assert found.code == 1, found.err
    assert [each["path"] for each in found.json["findings"]] == ["runs/odd.json"]
    assert cli("status", "odd").code == 2


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_order_stops_no_run(
    odd: Callable[[Path], None], cli: CommandLine, store: Path
) -> None:
    """A run that it lay there for could not be gone on with, and took all runs of its process with it."""
    odd(store / "inbox" / "a.000.json")
    assert cli("signal", "a", "go", "-i", "n=1").code == 0
    resumed = cli("resume", "a")
    assert resumed.code == 0, resumed.err
    assert resumed.json == {"answer": {"n": 1}}
    assert os.listdir(store / "inbox") == []  # noqa: PTH208 - whatever is there
    assert os.listdir(store / "quarantine") == ["a.000.json"]  # noqa: PTH208


@pytest.mark.parametrize("odd", ODD)
def test_fsck_puts_aside_what_is_no_order(
    odd: Callable[[Path], None], cli: CommandLine, store: Path
) -> None:
    odd(store / "inbox" / "a.000.json")
    cli("fsck", "--repair")
    assert os.listdir(store / "inbox") == []  # noqa: PTH208
    assert cli("cancel", "a").code == 0


@pytest.mark.parametrize("words", [("list",), ("fsck",), ("status",), ("signal", "a", "go")])
@pytest.mark.parametrize("store", ["a" * 300, "a\0b", "waits.yaml/x"])
def test_a_store_that_no_disk_can_hold_is_none(
    words: tuple[str, ...], store: str, cli: CommandLine
) -> None:
    cli.write("waits.yaml", WAITS)
    done = cli(*words, "--store", store)
    if words[0] in ("list", "status") and "\0" not in store:
        assert (done.code, "nothing has run here" in done.out) == (0, True)
    else:
        assert done.code == 2, done.err
        assert "error[F140]" in done.err
    assert cli("run", "waits.yaml", "--store", store).code == 2


HOLDS = """flowdsl: 1
services: {{ s: "http://127.0.0.1:{port}" }}
steps:
  - {{ id: look, call: GET s/seats }}
  - {{ id: seats, call: POST s/holds, compensate: DELETE s/holds/1 }}
  - {{ id: charge, call: POST s/charges, compensate: POST s/refunds }}
"""


@contextmanager
def service(at_the_charge: Callable[[], object]) -> Iterator[int]:
    """Says yes to all; when the charge has come, something happens before it is answered."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path == "/charges":
                at_the_charge()
            self.send_response(201)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("whole", [True, False], ids=["the store", "the journal"])
def test_who_loses_the_store_in_the_middle_says_what_stands(
    cli: CommandLine, project: Path, *, whole: bool
) -> None:
    """Nobody could read it any more, and the process that knew did not say it."""
    gone: list[Path] = []

    def delete() -> None:
        for path in (project / ".flowdsl" / "journals").glob("*.jsonl"):
            path.unlink()
            gone.append(path)
        if whole:
            shutil.rmtree(project / ".flowdsl")

    with service(delete) as port:
        cli.write("holds.yaml", HOLDS.format(port=port))
        done = cli("run", "holds.yaml", "--id", "r")
    assert len(gone) == 1, "nothing was deleted"
    assert done.code == 74
    assert "error[F208]" in done.err
    assert "was deleted" in done.err
    said = done.err.partition("help: undo by hand what stands at the services")[2]
    assert re.search(r"^ +r  seats: POST \S*s/holds  201", said, re.MULTILINE)
    assert re.search(r"^ +r  charge: POST \S*s/charges", said, re.MULTILINE)
    assert "look" not in said
