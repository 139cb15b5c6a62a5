"""The front door: what is shown, what a typo gets, what is not loaded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from flowdsl.cli import group
from flowdsl.cli.bug import report
from flowdsl.cli.group import COMMANDS, FIRST, NOT_YET, flowdsl
from tests.cli.command_line import CommandLine

HEAVY = ("networkx", "jsonschema", "httpx", "httptools", "rich", "yaml", "msgspec")


@pytest.mark.parametrize(
    "words", [["--help"], [], ["--version"], ["run", "--help"], ["fsck", "-h"]]
)
def test_help_loads_nothing_that_only_a_run_needs(words: list[str]) -> None:
    code = (
        "import sys\nfrom flowdsl.cli.group import run\n"
        f"code = run({words!r})\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], code, file=sys.stderr)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stderr == "[] 0\n"
    assert ended.stdout


def test_alone_it_shows_five_commands_and_three_examples(cli: CommandLine) -> None:
    done = cli()
    assert done.code == 0
    commands, _, examples = done.out.partition("Examples:")
    assert re.findall(r"^  (\w+)  ", commands, re.MULTILINE) == list(FIRST)
    assert len(FIRST) == 5
    assert len(re.findall(r"^  flowdsl ", examples, re.MULTILINE)) == 3


def test_the_help_lists_every_command(cli: CommandLine) -> None:
    done = cli("--help")
    assert [n for n in COMMANDS if not re.search(rf"^  {n}  ", done.out, re.MULTILINE)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_explains_itself(cli: CommandLine, name: str) -> None:
    done = cli(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: flowdsl {name}")
    assert "\\b" not in done.out
    command = flowdsl.get_command(click.Context(flowdsl), name)
    assert command is not None
    flags = [o for p in command.params for o in p.opts]
    assert {"--json", "--store", "--color"} <= set(flags)


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_what_is_not_there_yet_is_refused_by_name(cli: CommandLine, name: str) -> None:
    done = cli(name)
    assert done.code == 2
    assert f"`flowdsl {name}` is not there yet" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["validte"], "Did you mean 'validate'?"),
        (["rnu"], "Did you mean 'run'?"),
        (["validate", "--formt", "json"], "--format"),
        (["run"], "missing argument 'FILE'"),
        (["run", "a.yaml", "--bogus"], "no such option '--bogus'"),
        (["validate", "--format", "xml"], "'xml' is not one of"),
        (["show"], "missing argument"),
        (["status", "a", "b"], "unexpected extra argument"),
    ],
)
def test_a_typo_is_asked_wrongly_and_understood(
    cli: CommandLine, words: list[str], said: str
) -> None:
    done = cli(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error[F079]: ")
    assert said.lower() in done.err.lower()
    assert "--help" in done.err


def test_a_bug_exits_70_with_a_report_that_holds_no_values(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> object:
        secret = "hunter2"
        raise KeyError(secret)

    monkeypatch.setattr(group, "import_module", broken)
    done = cli("run", "-i", "card=4242", "x.yaml")
    assert done.code == 70
    found = re.search(r"ready to paste: (\S+)", done.err)
    assert found is not None
    path = Path(found[1])
    try:
        text = path.read_text()
    finally:
        path.unlink()
    assert "builtins.KeyError" in text
    assert "in broken" in text
    assert "command: flowdsl run -i" in text
    assert "click" in text
    assert "hunter2" not in text + done.err
    assert "4242" not in text + done.err
    assert "x.yaml" not in text


def test_a_report_tells_the_whole_chain() -> None:
    try:
        try:
            raise ValueError("inner")  # noqa: TRY301
        except ValueError as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError as error:
        text = report(error, ["run"])
    assert text.index("RuntimeError") < text.index("caused by") < text.index("ValueError")


def test_whoever_stops_reading_is_no_error(cli: CommandLine) -> None:
    with cli.start("explain", "F072") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_result_that_cannot_be_written_is_74(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "flowdsl", "explain", "F072"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=project,
            timeout=60,
        )
    assert ended.returncode == 74
    assert ended.stderr.startswith("error[F080]: stdout cannot be written")


def test_the_ways_in_are_the_same() -> None:
    script = Path(sys.executable).parent / "flowdsl"
    for command in ([str(script)], [sys.executable, "-m", "flowdsl"]):
        ended = subprocess.run(
            [*command, "--version"], capture_output=True, text=True, check=True, timeout=60,
            env=os.environ,
        )  # fmt: skip
        assert re.fullmatch(r"flowdsl \d+\.\d+\.\d+\n", ended.stdout)


@pytest.mark.parametrize(
    ("closed", "words", "code"),
    [
        (">&-", ["explain", "F012"], 0),
        ("2>&-", ["run", "nope.yaml"], 2),
        ("<&- >&- 2>&-", ["run", "nope.yaml"], 2),
    ],
)
def test_a_stream_that_is_closed_changes_no_exit_code(
    closed: str, words: list[str], code: int, tmp_path: Path
) -> None:
    """As under cron, or where a shell says `>&-`: Python then has no stream at all."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "flowdsl", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
