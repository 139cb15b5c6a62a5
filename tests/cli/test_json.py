"""`--json` is one JSON object on stdout, also when something is wrong; in ASCII, whatever stdout can say."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from flowdsl.cli import options
from flowdsl.cli.group import COMMANDS, run
from flowdsl.codes import Code
from flowdsl.errors import DiskFull, InputError, StoreError
from tests.cli.command_line import CommandLine, Done, Services, read_until

FLOW = """flowdsl: 1
name: w
inputs: { n: integer }
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
steps:
  - { id: message, call: POST mail/messages, body: { n: "${inputs.n}", text: größe-🚲 } }
outputs: { text: größe-🚲, id: "${message.id}" }
"""
BROKEN = "flowdsl: 1\nservices: { a: http://a }\nsteps:\n  - { call: b/x }\n  - { call: c/y, bogus: 1 }\n"
# What each command takes when nothing is wrong with it.
RIGHT: Mapping[str, tuple[str, ...]] = {
    "init": ("new",),
    "validate": ("w.yaml",),
    "plan": ("w.yaml",),
    "graph": ("w.yaml",),
    "run": ("w.yaml", "-i", "n=1", "--id", "b"),
    "status": ("a",),
    "list": (),
    "show": ("a", "message"),
    "resume": ("a",),
    "cancel": ("a",),
    "signal": ("a", "approve"),
    "rerun": ("a",),
    "explain": ("F072",),
    "fsck": (),
    "prune": ("--older", "90d"),
}
# Command lines that are wrong, each with its code.
WRONG: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("F081", ("init", "old")),
    ("F074", ("validate", "none.yaml")),
    ("F074", ("validate", "empty")),
    ("F074", ("validate", "none.yaml", "--format", "json")),
    ("F074", ("plan", "none.yaml")),
    ("F074", ("plan", "other.yaml")),
    ("F030", ("plan", "broken.yaml")),
    ("F072", ("plan", "w.yaml", "-i", "n=x")),
    ("F079", ("graph",)),
    ("F074", ("graph", "none.yaml")),
    ("F030", ("graph", "broken.yaml")),
    ("F205", ("graph", "--run", "none")),
    ("F081", ("graph", "w.yaml", "-o", "no/such/folder.svg")),
    ("F074", ("run", "none.yaml")),
    ("F030", ("run", "broken.yaml")),
    ("F072", ("run", "w.yaml")),
    ("F072", ("run", "w.yaml", "-i", "n=x")),
    ("F004", ("run", "w.yaml", "-f", "list.yaml")),
    ("F206", ("run", "w.yaml", "-i", "n=2", "--id", "a")),
    ("F207", ("run", "w.yaml", "-i", "n=1", "--id", "../x")),
    ("F077", ("run", "secret.yaml")),
    ("F075", ("run", "lost.yaml")),
    ("F076", ("run", "w.yaml", "-i", "n=1", "--env", "none")),
    ("F079", ("run", "w.yaml", "-f", "-", "--event", "-")),
    ("F205", ("status", "none")),
    ("F205", ("show", "none", "message")),
    ("F142", ("show", "a", "none")),
    ("F205", ("resume", "none")),
    ("F079", ("resume", "a", "--skip", "message")),
    ("F145", ("resume", "a", "--retry", "message")),
    ("F205", ("cancel", "none")),
    ("F145", ("cancel", "a")),
    ("F145", ("cancel", "a", "--plan")),
    ("F205", ("signal", "none", "approve")),
    ("F147", ("signal", "a", "approve")),
    ("F205", ("rerun", "none")),
    ("F072", ("rerun", "a", "-i", "n=x")),
    ("F078", ("explain", "nosuchpage")),
    ("F140", ("resume", "--store", "nowhere")),
    ("F140", ("cancel", "a", "--store", "nowhere")),
    ("F140", ("signal", "a", "x", "--store", "nowhere")),
    ("F140", ("rerun", "--store", "nowhere")),
    ("F140", ("fsck", "--store", "nowhere")),
    ("F140", ("prune", "--older", "90d", "--store", "nowhere")),
    ("F079", ("prune", "--older", "soon")),
    ("F079", ("prune",)),
    ("F079", ("test",)),
    ("F079", ("nosuchcommand",)),
    ("F079", ("run",)),
    ("F079", ("list", "--state", "odd")),
    ("F079", ("--bogus",)),
)


@pytest.fixture
def filled(cli: CommandLine, services: Services) -> CommandLine:
    """A project with good and bad files, and a run `a` that has ended."""
    cli.write("w.yaml", FLOW)
    cli.write("other.yaml", "a: 1\n")
    cli.write("broken.yaml", BROKEN)
    cli.write("secret.yaml", FLOW.replace("inputs: { n: integer }\n", "").replace(
        'n: "${inputs.n}"', 'n: "${secrets.NO_SUCH_SECRET}"'))  # fmt: skip
    cli.write("lost.yaml", FLOW.replace("inputs: { n: integer }\n", "").replace(
        "\"${default(env.DEMO_URL, 'http://localhost:9000')}/mail\"", '"${env.NO_SUCH_URL}"').replace(
        'n: "${inputs.n}"', "n: 1"))  # fmt: skip
    cli.write("list.yaml", "n: [\n")
    cli.write("old/workflows/trip.yaml", "")
    (cli.project / "empty").mkdir()
    assert cli("run", "w.yaml", "-i", "n=1", "--id", "a").code == 0
    services.reset()
    return cli


def one_error(done: Done, exit_code: int, code: str) -> dict[str, Any]:
    """It is one object, it says what stderr says, and the exit code is as ever."""
    assert done.code == exit_code, done
    assert done.out.isascii()
    assert done.out.count("\n") == 1
    told = done.json
    assert (told["format"], told["error"]["code"]) == (1, code), done
    assert told["error"]["message"]
    assert {"message", "help"} <= told["error"].keys()
    assert (f"[{code}]" if code != "F083" else "stopped") in done.err
    error: dict[str, Any] = told["error"]
    return error


def test_every_command_has_a_right_way_to_be_asked() -> None:
    assert set(RIGHT) == set(COMMANDS)
    assert {words[0] for _, words in WRONG} >= set(COMMANDS) - {"list", "fsck"}


def test_what_is_asked_wrongly(filled: CommandLine) -> None:
    for code, words in WRONG:
        one_error(filled(*words, "--json"), 2, code)


def test_flags_that_are_none(cli: CommandLine) -> None:
    for command, right in RIGHT.items():
        for wrong in ("--bogus", "--color=pink", "--store"):
            one_error(cli(command, "--json", *right, wrong), 2, "F079")


def _raise(error: BaseException) -> Callable[[object], NoReturn]:
    def raises(_: object) -> NoReturn:
        raise error

    return raises


@pytest.mark.parametrize(
    ("error", "exit_code", "code"),
    [
        (InputError("asked wrongly", code=Code.WRONG_SETTINGS, help="ask well"), 2, "F071"),
        (StoreError("the disk failed", code=Code.UNUSABLE_STORE), 74, "F200"),
        (DiskFull("no room", code=Code.DISK_FULL), 74, "F201"),
        (KeyError("a bug"), 70, "F199"),
        (KeyboardInterrupt(), 130, "F083"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)  # fmt: skip
def test_whatever_goes_wrong_in_a_command(
    cli: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
    exit_code: int,
    code: str,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(options, "session_of", _raise(error))
    for command, right in RIGHT.items():
        one_error(cli(command, *right, "--json"), exit_code, code)


def test_a_project_file_that_is_wrong_has_its_place(cli: CommandLine) -> None:
    cli.write("flowdsl.toml", "stroe = 1\n")
    error = one_error(cli("list", "--json"), 2, "F071")
    assert error["file"].endswith("flowdsl.toml")


def test_every_error_of_a_file_has_its_place(filled: CommandLine) -> None:
    done = filled("run", "broken.yaml", "--json")
    error = one_error(done, 2, "F030")
    assert (error["file"], error["line"]) == ("broken.yaml", 4)
    assert error["column"] > 1
    assert [(one["code"], one["line"]) for one in done.json["errors"]] == [
        ("F030", 4), ("F030", 5), ("F020", 5)]  # fmt: skip
    assert done.json["errors"][0] == error


@pytest.mark.parametrize(
    ("words", "file", "line"),
    [
        (("run", "lost.yaml"), "lost.yaml", 3),
        (("run", "none.yaml"), "none.yaml", None),
        (("run", "secret.yaml", "--secrets-file", "odd.env"), "odd.env", 2),
        (("run", "w.yaml", "-f", "odd.json"), "odd.json", 2),
        (("run", "w.yaml", "-f", "none.json"), "none.json", None),
    ],
)
def test_an_error_with_a_place_says_it(
    filled: CommandLine, words: tuple[str, ...], file: str, line: int | None
) -> None:
    filled.write("odd.env", "A=1\nodd\n")
    filled.write("odd.json", '{"n": 1,\n  "m": }')
    error = filled(*words, "--json").json["error"]
    assert Path(error["file"]).name == file
    assert error.get("line") == line


def test_cancel_of_what_is_over_is_one_object(filled: CommandLine, services: Services) -> None:
    services.fault(service="mail", method="POST", path="/messages", fault="refuse:402", times=9)
    assert filled("run", "w.yaml", "-i", "n=1", "--id", "undone").code == 1
    done = filled("cancel", "undone", "--json")
    assert done.code == 1
    assert done.json["state"] == "compensated"


def test_curl_and_files_that_are_written_are_objects_too(filled: CommandLine) -> None:
    assert "curl" in filled("show", "a", "message", "--curl", "--json").json["curl"]
    assert filled("graph", "w.yaml", "-o", "w.svg", "--json").json["files"] == ["w.svg"]


def test_a_run_that_is_interrupted_is_one_object(filled: CommandLine) -> None:
    filled.write("wait.yaml", "flowdsl: 1\nsteps: [{ wait: 10m }]\n")
    with filled.start("run", "wait.yaml", "--id", "long", "--json") as process:
        read_until(process, "wait")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["state"] == "interrupted"


RESULTS = (
    ("run", "w.yaml", "-i", "n=1", "--json"),
    ("run", "w.yaml", "-i", "n=1"),  # its outputs, for a program
    ("status", "a", "--json"),
    ("status", "a", "--events", "--json"),
    ("show", "a", "message", "--json"),
    ("list", "--json"),
    ("plan", "w.yaml", "--json"),
    ("graph", "w.yaml", "--json"),
    ("validate", "w.yaml", "--json"),
    ("validate", "größe-🚲.yaml", "--format", "sarif"),
    ("run", "größe-🚲.yaml", "--json"),
    ("explain", "F012", "--json"),
)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_it_is_json_whatever_stdout_can_say(
    filled: CommandLine, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    filled.write("größe-🚲.yaml", BROKEN)
    said = ""
    for words in RESULTS:
        raw = io.BytesIO()
        out = io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace")
        monkeypatch.setattr(sys, "stdout", out)
        run(list(words))
        out.flush()
        said += json.dumps(json.loads(raw.getvalue().decode("ascii")), ensure_ascii=False)
    assert said.count('"file": "größe-🚲.yaml"') >= 2
    assert said.count('"text": "größe-🚲"') >= 3


def test_a_folder_that_is_gone(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    one_error(cli("list", "--json"), 2, "F074")
    os.chdir(tmp_path)
