"""Which run is meant where none is named, and what is said where there is none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flowdsl.world.store.disk import RealDisk
from tests.cli.command_line import CommandLine, Services

ASKS = """flowdsl: 1
name: asks
inputs: { n: integer }
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
steps:
  - { id: message, call: POST mail/messages, body: { n: "${inputs.n}" }, compensate: none }
  - { id: approval, wait_for: approve }
"""


@pytest.fixture
def asks(cli: CommandLine, services: Services) -> CommandLine:
    cli.write("asks.yaml", ASKS)
    return cli


def wait(cli: CommandLine, run: str) -> None:
    assert cli("run", "asks.yaml", "-i", "n=1", "--id", run, "--no-wait").code == 4


# --- an empty store -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("status",), ("list",), ("show", "hold"), ("status", "--events"), ("status", "-w")]
)
@pytest.mark.parametrize("store", ["none", "empty"])
def test_where_nothing_has_run_yet_there_is_nothing_to_see(
    asks: CommandLine, project: Path, words: tuple[str, ...], store: str
) -> None:
    if store == "empty":  # made, and its only run never came to be
        wait(asks, "a")
        for path in (project / ".flowdsl" / "journals").iterdir():
            path.unlink()
    done = asks(*words)
    assert (done.code, "flowdsl run FILE" in done.err) == (0, True)
    assert done.out == "nothing has run here yet: no runs in .flowdsl\n"
    told = asks(*words, "--json")
    assert (told.code, told.err, told.json["format"]) == (0, "", 1)
    assert (told.json["runs"] if words == ("list",) else told.json["run"]) in ([], None)
    assert (project / ".flowdsl").exists() == (store == "empty")


@pytest.mark.parametrize("words", [("status", "a"), ("show", "a", "hold")])
def test_a_run_that_is_named_must_be_there(cli: CommandLine, words: tuple[str, ...]) -> None:
    done = cli(*words)
    assert (done.code, "F140" in done.err) == (2, True)


# --- no name ------------------------------------------------------------------------------------------


def test_show_and_signal_without_a_name_take_the_newest(asks: CommandLine) -> None:
    wait(asks, "older")
    wait(asks, "newer")
    assert asks("show", "message", "--json").json["run"] == "newer"
    assert asks("signal", "approve", "--json").json["run"] == "newer"
    assert asks("signal", "older", "approve", "--json").json["run"] == "older"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show",), "Missing argument"),
        (("signal",), "Missing argument"),
        (("show", "a", "b", "c"), "unexpected extra argument"),
        (("signal", "a", "b", "c"), "unexpected extra argument"),
    ],
)
def test_too_few_and_too_many_words(cli: CommandLine, words: tuple[str, ...], said: str) -> None:
    done = cli(*words)
    assert (done.code, said.lower() in done.err.lower()) == (2, True)


ORDERS = (
    ("cancel",),
    ("cancel", "--plan"),
    ("resume", "--skip", "message", "--reason", "x"),
    ("resume", "--resolve", "message", "--absent"),
)


@pytest.mark.parametrize("words", ORDERS, ids=" ".join)
def test_what_cannot_be_taken_back_needs_a_name_where_two_are_unfinished(
    asks: CommandLine, services: Services, words: tuple[str, ...]
) -> None:
    wait(asks, "older")
    wait(asks, "newer")
    services.reset()
    done = asks(*words)
    assert (done.code, services.requests()) == (2, [])
    assert "error[F141]: 2 runs are unfinished, and this cannot be taken back" in done.err
    assert "newer, older" in done.err


@pytest.mark.parametrize("words", ORDERS, ids=" ".join)
def test_and_where_none_is(asks: CommandLine, words: tuple[str, ...]) -> None:
    wait(asks, "over")
    assert asks("cancel", "over").code == 0
    done = asks(*words)
    assert (done.code, "error[F141]: no run is unfinished" in done.err) == (2, True)


def test_the_one_that_is_unfinished_is_meant_although_another_is_newer(asks: CommandLine) -> None:
    wait(asks, "open")
    wait(asks, "over")
    assert asks("signal", "over", "approve").code == 0
    assert asks("resume", "over").code == 0
    assert "open" in asks("cancel", "--plan").out
    assert asks("cancel").code == 0
    assert asks("status", "open", "--json").json["state"] == "cancelled"


# --- one that cannot be read --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["theirs.json", "1.jsonl"])
def test_a_run_that_may_not_be_read_is_said_to_be(
    asks: CommandLine, project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A document of an older version is a row like the others; of what is in the archive nobody knows, then."""
    wait(asks, "mine")
    asks("cancel", "mine")
    (project / ".flowdsl" / "runs").mkdir()
    (project / ".flowdsl" / "runs" / "theirs.json").touch()
    refused = []
    real = RealDisk.open

    def opens(self: RealDisk, path: Path, *, append: bool = False) -> int:
        if path.name == name:
            refused.append(path)
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(self, path, append=append)

    monkeypatch.setattr(RealDisk, "open", opens)
    done = asks("list", "--json")
    assert refused
    states = {row["run"]: (row["state"], row["detail"]) for row in done.json["runs"]}
    if name == "theirs.json":
        assert (done.code, states["mine"][0], states["theirs"][0]) == (0, "cancelled", "damaged")
        assert "cannot be read: Permission denied" in states["theirs"][1]
    alone = asks("status", "theirs" if name == "theirs.json" else "mine")
    assert (alone.code, "cannot be read: Permission denied" in alone.err) == (2, True)


# --- its turn -----------------------------------------------------------------------------------------


def test_a_run_behind_its_key_says_whom_it_waits_for(asks: CommandLine) -> None:
    asks.write("asks.yaml", ASKS.replace("name: asks", "name: asks\nkey: ${inputs.n}"))
    wait(asks, "first")
    wait(asks, "second")
    said = asks("status", "second").out
    assert "waits for its turn behind first (interrupted)" in said
    assert "behind" not in asks("status", "first").out
    assert asks("cancel", "first").code == 0
    assert "behind" not in asks("status", "second").out


# --- a moment that has passed -------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["wait_until: 2020-01-01T00:00:00Z", "wait_until: 0"])
def test_a_moment_that_has_passed_is_no_wait(cli: CommandLine, verb: str) -> None:
    cli.write("past.yaml", f"flowdsl: 1\nsteps: [{{ {verb} }}]\n")
    done = cli("run", "past.yaml", "--no-wait", "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded")
