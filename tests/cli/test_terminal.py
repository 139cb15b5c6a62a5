"""On a terminal: a person is asked, and sees a picture that stays on the screen."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cli.command_line import SHIPPED, TRIP, CommandLine, Services, wait_for
from tests.processes.real import patient_trip

FLOW = str(SHIPPED / "trip.yaml")
SECONDS_MAX = 60.0

# The terminal becomes that of the process, as in a shell: so passwords are asked for on it, and ^C reaches it.
PRELUDE = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "flowdsl", *sys.argv[1:]])
"""


@dataclass(slots=True)
class Terminal:
    """A process whose stdin and stderr are a terminal; stdout too, unless it is `piped`."""

    process: subprocess.Popen[bytes]
    handle: int
    seen: str = field(default="")

    def read(self) -> bool:
        assert select.select([self.handle], [], [], SECONDS_MAX)[0], f"silence after: {self.seen}"
        try:
            data = os.read(self.handle, 65536)
        except OSError:  # the other side is closed
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def wait_for(self, text: str) -> None:
        until = time.monotonic() + SECONDS_MAX
        while text not in self.words:
            assert self.read(), self.seen
            assert time.monotonic() < until, self.seen

    def type(self, text: str) -> None:
        os.write(self.handle, f"{text}\n".encode())

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait(timeout=SECONDS_MAX)

    @property
    def words(self) -> str:
        """What was written, without what steers the terminal."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen).replace("\r\n", "\n")


@contextmanager
def terminal(
    project: Path, *words: str, out: int | None = None, columns: int = 100
) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE, *words],
        cwd=project,
        stdin=theirs,
        stdout=theirs if out is None else out,
        stderr=theirs,
        env=environment | {"TERM": "xterm-256color"},
    ) as process:
        os.close(theirs)
        screen = Terminal(process, ours)
        try:
            yield screen
        finally:
            process.kill()
            os.close(screen.handle)


def test_a_missing_input_is_asked_for_until_it_is_right(project: Path, services: Services) -> None:
    cli_file = project / "w.yaml"
    cli_file.write_text(
        "flowdsl: 1\ninputs:\n  count: { type: integer, minimum: 1, description: how many }\n"
        f"services: {{ mail: {services.url}/mail }}\n"
        'steps: [{ call: POST mail/messages, body: { n: "${inputs.count}" } }]\n'
    )
    with terminal(project, "run", "w.yaml") as screen:
        screen.wait_for("count (integer, how many): ")
        screen.type("many")
        screen.wait_for("`count` must be a whole number, not `many`")
        screen.type("0")
        screen.wait_for("`count` must be at least 1")
        screen.type("3")
        assert screen.end() == 0
    assert [json.loads(r["body"]) for r in services.requests()] == [{"n": 3}]


def test_a_secret_is_not_echoed(project: Path, services: Services) -> None:
    (project / "w.yaml").write_text(
        "flowdsl: 1\ninputs: { otp: { type: string, secret: true } }\n"
        f"services: {{ mail: {services.url}/mail }}\n"
        'steps: [{ call: POST mail/messages, body: { n: "${inputs.otp}" } }]\n'
    )
    with terminal(project, "run", "w.yaml") as screen:
        screen.wait_for("otp (string): ")
        screen.type("hunter2hunter2")
        assert screen.end() == 0
        assert "hunter2" not in screen.seen
    assert [json.loads(r["body"]) for r in services.requests()] == [{"n": "hunter2hunter2"}]


@pytest.mark.parametrize("words", [("--no-input",), ()])
def test_nobody_is_asked_who_does_not_want_to_be(
    project: Path, services: Services, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    if not words:
        monkeypatch.setenv("FLOWDSL_NO_INPUT", "1")
    with terminal(project, "run", FLOW, *words) as screen:
        assert screen.end() == 2
        assert "add -i flight=… -i hotel=… -i card=…" in screen.words
    assert services.requests() == []


def test_leaving_a_question_sends_nothing(project: Path, services: Services) -> None:
    with terminal(project, "run", FLOW) as screen:
        screen.wait_for("flight (string): ")
        screen.type("\x03")
        assert screen.end() == 130
    assert services.requests() == []
    assert not (project / ".flowdsl").exists()


def test_the_picture_stays_and_shows_the_outputs(project: Path, services: Services) -> None:
    with terminal(project, "run", FLOW, *TRIP) as screen:
        assert screen.end() == 0
        last = screen.words[screen.words.rindex("reserving\n") :]
    assert re.search(r"✓ payment .* 201 ", last)
    assert re.search(r"✓ succeeded +book-trip-\S+ +in ", last)
    assert re.search(r"^  flight +F-\d+$", last, re.MULTILINE)
    assert '{"flight"' not in last
    assert "\x1b[32m✓" in screen.seen


def test_a_program_gets_json_while_a_person_watches(
    project: Path, services: Services, tmp_path: Path
) -> None:
    with (
        (project / "out.json").open("wb") as out,
        terminal(project, "run", FLOW, *TRIP, out=out.fileno()) as screen,
    ):
        assert screen.end() == 0
        assert "✓ payment" in screen.words
    assert set(json.loads((project / "out.json").read_text())) == {
        "flight",
        "hotel",
        "car",
        "payment",
    }


def test_the_picture_lives_and_ctrl_c_saves(
    project: Path, services: Services, cli: CommandLine
) -> None:
    services.fault(service="payments", method="POST", path="/charges", fault="hold")
    with terminal(project, "run", patient_trip(project), *TRIP) as screen:
        screen.wait_for("● payment")
        screen.wait_for("Ctrl-C stops here and saves the run")
        screen.type("\x03")
        screen.wait_for("Stopping: 1 call open, up to 5 s…")
        services.release()
        assert screen.end() == 130
        last = screen.words[screen.words.rindex("reserving\n") :]
    assert "✓ payment" in last  # its answer came within the five seconds
    assert "! interrupted" in last
    assert cli("resume").code == 0
    assert services.counts() == {1}


@pytest.mark.parametrize("progress", ["tty", "plain"])
def test_a_terminal_that_is_closed_saves_the_run(
    project: Path, services: Services, cli: CommandLine, progress: str
) -> None:
    """It killed the run with a call out, of which nobody knew then what became."""
    services.fault(service="payments", method="POST", path="/charges", fault="hold")
    with terminal(
        project, "run", patient_trip(project), *TRIP, "--id", cli.run_id, "--progress", progress
    ) as screen:
        screen.wait_for("charges")
        wait_for(lambda: any("/charges" in each["path"] for each in services.requests()))
        os.close(screen.handle)
        screen.handle = os.open(os.devnull, os.O_RDWR)
        services.release()  # it has its SIGHUP: a terminal that is closed gives it at once
        assert screen.process.wait(timeout=SECONDS_MAX) == 129
    assert cli("status", cli.run_id, "--json").json["steps"]["payment"]["state"] == "ok"
    assert cli("resume", cli.run_id).code == 0
    assert services.counts() == {1}


@pytest.mark.parametrize("columns", [100, 60])
def test_no_line_of_the_picture_wraps(project: Path, services: Services, columns: int) -> None:
    with terminal(project, "run", FLOW, *TRIP, columns=columns) as screen:
        assert screen.end() == 0
    last = screen.words[screen.words.rindex("reserving\n") :].partition("succeeded")[0]
    assert "✓ payment" in last
    assert max(len(line) for line in last.splitlines()) <= columns
