"""Settings: flag, environment, flowdsl.toml, default, in this order; a wrong file is named with its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowdsl.cli.options import session_of
from flowdsl.cli.settings import project_folder, read_project
from flowdsl.errors import InputError
from tests.cli.command_line import SECONDS_MAX, CommandLine


@pytest.mark.parametrize("mark", ["flowdsl.toml", ".flowdsl", ".git"])
def test_the_project_is_the_nearest_folder_upwards_with_a_mark(tmp_path: Path, mark: str) -> None:
    (tmp_path / "outer" / mark).mkdir(parents=True)
    (tmp_path / "outer" / "inner" / "deep").mkdir(parents=True)
    assert project_folder(tmp_path / "outer" / "inner" / "deep") == tmp_path / "outer"


def test_a_nearer_mark_wins(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / ".flowdsl").mkdir(parents=True)
    (tmp_path / "a" / "b").mkdir()
    assert project_folder(tmp_path / "a" / "b") == tmp_path / "a"


TOML = """
store = "runs"
environment = "staging"
progress = "plain"
color = "never"
secrets_file = "s.env"
no_input = true
[env.staging.services]
payments = "https://pay.example"
[env.live]
"""


def test_the_file_is_read_and_its_paths_are_its_own(project: Path) -> None:
    (project / "flowdsl.toml").write_text(TOML)
    session = session_of({"environment": None})
    assert session.store == str(project / "runs")
    assert session.secrets_file == project / "s.env"
    assert (session.progress, session.screen.color, session.no_input) == ("plain", "never", True)
    assert session.services == {"payments": "https://pay.example"}


def test_a_flag_wins_over_the_file(project: Path) -> None:
    (project / "flowdsl.toml").write_text(TOML)
    flags = {
        "store": "x", "environment": "live", "progress": "json", "color": "always", "secrets_file": "y",
    }  # fmt: skip
    session = session_of(flags)
    assert session.store == str(project / "x")
    assert session.secrets_file == project / "y"
    assert (session.progress, session.screen.color) == ("json", "always")
    assert session.services == {}


def test_without_anything_there_are_defaults(project: Path) -> None:
    session = session_of({"environment": None})
    assert (session.store, session.progress) == (str(project / ".flowdsl"), "auto")
    assert (session.screen.color, session.secrets_file, session.services) == ("auto", None, {})


def test_flag_then_environment_then_file(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.write("flowdsl.toml", 'store = "from-file"')
    assert "from-file" in cli("list").out
    monkeypatch.setenv("FLOWDSL_STORE", "from-environment")
    assert "from-environment" in cli("list").out
    assert "from-flag" in cli("list", "--store", "from-flag").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("store = ", "is not TOML"),
        ("stroe = 'x'", "unknown key `stroe`"),
        ("store = 1", "`store` must be text"),
        (
            "progress = 'fast'",
            "`progress` must be one of auto, tty, plain, json, quiet, not `fast`",
        ),
        ("no_input = 'yes'", "`no_input` must be true or false"),
        ("env = 'staging'", "`env` must be a table"),
        ("[env]\nstaging = 1", "`env.staging` must be a table"),
        ("[env.staging.service]\nx = 'y'", "unknown key `env.staging.service`"),
        ("[env.staging.services]\nx = 1", "a table of NAME = URL"),
        ("[env.staging]\nservices = 1", "a table of NAME = URL"),
        ("[" * 100_000, "is not TOML"),
        ("# " + "x" * 1_100_000, "is larger than 1 MiB"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(cli: CommandLine, text: str, said: str) -> None:
    cli.write("flowdsl.toml", text)
    done = cli("list")
    assert done.code == 2
    assert done.err.startswith("error[F071]: ")
    assert "flowdsl.toml" in done.err
    assert said in done.err
    assert "help: " in done.err


def test_a_file_that_is_no_text_is_no_toml(project: Path, cli: CommandLine) -> None:
    (project / "flowdsl.toml").write_bytes(b"\xff\xfe\x00")
    assert cli("list").code == 2


def test_a_folder_of_that_name_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "flowdsl.toml").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_project(tmp_path)


def test_an_environment_that_is_not_there_is_named(cli: CommandLine) -> None:
    cli.write("flowdsl.toml", TOML)
    cli.write("w.yaml", "flowdsl: 1\nservices: { a: http://a }\nsteps: [{ call: GET a/x }]\n")
    done = cli("plan", "w.yaml", "--env", "prod")
    assert done.code == 2
    assert "no environment `prod`" in done.err
    assert "staging, live" in done.err


@pytest.mark.parametrize("words", [("list",), ("run", "w.yaml"), ("explain", "F110")])
def test_a_pipe_in_the_place_of_the_file_holds_nobody_up(
    cli: CommandLine, project: Path, words: tuple[str, ...]
) -> None:
    (project / "flowdsl.toml").unlink(missing_ok=True)
    os.mkfifo(project / "flowdsl.toml")
    process = cli.start(*words)
    try:
        _, err = process.communicate(timeout=SECONDS_MAX)
    finally:
        process.kill()
    assert process.returncode == 2
    assert "error[F071]" in err
    assert "is not a plain file" in err


@pytest.mark.parametrize("words", [("list",), ("validate", "."), ("init", "x")])
def test_a_folder_that_is_gone_is_said_to_be_gone(
    cli: CommandLine, project: Path, words: tuple[str, ...]
) -> None:
    """As where somebody removed it, or checked out another branch, in another window."""
    gone = project / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        done = cli(*words)
    finally:
        os.chdir(project)
    assert done.code == 2
    assert "error[F074]: the folder that you are in is gone" in done.err
