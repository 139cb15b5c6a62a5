"""The files that a workflow is made of: found, bounded, pinned, and gone without harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowdsl.cli import sources
from tests.cli.command_line import CommandLine, Services

CHILD = """flowdsl: 1
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
inputs: { text: string }
steps:
  - id: sent
    call: POST mail/messages
    body: { to: a@example.com, text: "${inputs.text}" }
    compensate: none
outputs: { sent: "${sent.id}" }
"""
PARENT = """flowdsl: 1
name: parent
steps:
  - id: note
    uses: ./parts/child.yaml
    with: { text: hello }
outputs: { sent: "${note.sent}" }
"""


@pytest.fixture
def parent(cli: CommandLine) -> str:
    cli.write("flows/parts/child.yaml", CHILD)
    return cli.write("flows/parent.yaml", PARENT)


def using(*paths: str) -> str:
    return "flowdsl: 1\nsteps:\n" + "".join(f"  - uses: {path}\n" for path in paths)


def said(cli: CommandLine, file: str) -> list[str]:
    """Each finding, without its place."""
    lines = cli("validate", file, "--format", "concise").out.splitlines()
    return [line.partition("]: ")[2] for line in lines]


# --- from wherever --------------------------------------------------------------------------------------


def test_a_path_is_relative_to_the_file_it_is_written_in(
    cli: CommandLine, services: Services, parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("validate", "plan", "graph", "run"):
        assert cli(command, parent).code == 0
    monkeypatch.chdir(cli.project / "flows" / "parts")
    for command in ("validate", "plan", "graph", "run"):
        assert cli(command, "../parent.yaml").code == 0
        assert cli(command, str(cli.project / parent)).code == 0
    assert len(services.requests()) == 3


def test_the_same_files_from_elsewhere_are_the_same_definition(
    cli: CommandLine, services: Services, parent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("run", parent, "--id", "once").code == 0
    monkeypatch.chdir(cli.project / "flows")
    assert cli("run", "parent.yaml", "--id", "once").code == 0
    assert services.counts() == {1}
    # and another text of a file that is used is another definition
    cli.write("flows/parts/child.yaml", CHILD + "# changed\n")
    done = cli("run", "parent.yaml", "--id", "once")
    assert (done.code, "error[F206]" in done.err) == (2, True)


def test_a_run_keeps_its_own_copy_of_what_it_uses(
    cli: CommandLine, services: Services, parent: str
) -> None:
    assert cli("run", parent, "--id", "first").code == 0
    (cli.project / "flows" / "parts" / "child.yaml").unlink()
    done = cli("run", parent)
    assert (done.code, "error[F031]" in done.err) == (2, True)
    again = cli("rerun", "first", "--json")
    assert (again.code, again.json["state"]) == (0, "succeeded")
    assert cli("graph", "--run", "first").code == 0
    assert len(services.requests()) == 2


def test_a_folder_is_checked_with_what_its_files_use(cli: CommandLine, parent: str) -> None:
    done = cli("validate", "flows")
    assert (done.code, done.out) == (0, "2 files: nothing wrong.\n")


# --- what cannot be had ---------------------------------------------------------------------------------


def test_a_name_that_is_nearly_right_is_asked_about(cli: CommandLine) -> None:
    cli.write("ship.yaml", CHILD)
    assert said(cli, cli.write("w.yaml", using("./shp.yaml", "./SHIP.yaml", "./w2.yaml"))) == [
        "`shp.yaml` cannot be read: no such file; did you mean ship.yaml?",
        "`SHIP.yaml` cannot be read: no such file; did you mean ship.yaml?",
        "`w2.yaml` cannot be read: no such file",  # and not the file that asks
    ]


def test_what_is_no_file_is_not_opened(cli: CommandLine) -> None:
    (cli.project / "folder.yaml").mkdir()
    os.mkfifo(cli.project / "pipe.yaml")  # whoever opened it would wait for ever
    (cli.project / "device.yaml").symlink_to("/dev/zero")
    (cli.project / "round.yaml").symlink_to("round.yaml")
    names = ("./folder.yaml", "./pipe.yaml", "./device.yaml", "./round.yaml", '"./a\\0.yaml"')
    assert said(cli, cli.write("w.yaml", using(*names))) == [
        "`folder.yaml` cannot be read: a folder",
        "`pipe.yaml` cannot be read: it is not a plain file",
        "`device.yaml` cannot be read: it is not a plain file",
        "`round.yaml` cannot be read: Too many levels of symbolic links",
        "`a\\x00.yaml` cannot be read: embedded null byte",
    ]


def test_what_is_no_workflow_is_not_used(cli: CommandLine) -> None:
    cli.write("notes.yaml", "a: 1\n")
    cli.write("flow.json", '{"flowdsl": 1, "steps": [{"status": "x"}]}')
    assert said(cli, cli.write("w.yaml", using("./notes.yaml", "./flow.json"))) == [
        "`notes.yaml` is not a workflow file",
        "`flow.json` is not a workflow file",
    ]


@pytest.mark.parametrize(
    "path",
    ["/etc/x.yaml", "~/x.yaml", "https://example.com/x.yaml", "'a\\b.yaml'", "${env.X}.yaml"],
)
def test_only_relative_paths_are_read(
    cli: CommandLine, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def named(key: str, _naming: str) -> str:
        asked.append(key)
        return "never"

    monkeypatch.setattr(sources, "_named", named)
    done = cli("validate", cli.write("w.yaml", using(path)), "--format", "concise")
    assert (done.code, "error[F022]" in done.out) == (1, True)
    assert asked == []


def test_files_that_use_each_other_are_named_as_a_path(cli: CommandLine) -> None:
    cli.write("a.yaml", using("./b.yaml"))
    cli.write("b.yaml", using("./c.yaml"))
    cli.write("c.yaml", using("./a.yaml"))
    cli.write("w.yaml", using("./b.yaml"))
    assert said(cli, "a.yaml") == ["`a.yaml` uses itself: a.yaml → b.yaml → c.yaml → a.yaml"]
    assert said(cli, "c.yaml") == ["`c.yaml` uses itself: c.yaml → a.yaml → b.yaml → c.yaml"]
    # a file outside of it is told where it is
    assert said(cli, "w.yaml") == ["`b.yaml` has an error in it"]
    shown = " ".join(cli("validate", "w.yaml").out.split())
    assert "`b.yaml` uses itself: b.yaml → c.yaml → a.yaml → b.yaml" in shown


def test_an_error_is_shown_where_it_is_through_all_files_between(cli: CommandLine) -> None:
    cli.write("a.yaml", using("./b.yaml"))
    cli.write("b.yaml", using("./c.yaml"))
    cli.write("c.yaml", "flowdsl: 1\nsteps:\n  - status: ${nobody}\n")
    shown = " ".join(cli("validate", "a.yaml").out.split())
    assert "F041 in line 3 of `c.yaml`: unknown name `nobody`" in shown
    assert "`flowdsl validate c.yaml` shows it" in shown


# --- limits ---------------------------------------------------------------------------------------------


def test_a_workflow_is_made_of_so_many_files_and_no_more(cli: CommandLine) -> None:
    names = [f"./c{number}.yaml" for number in range(sources.LIBRARY_FILES_MAX + 1)]
    for name in names:
        cli.write(name, "flowdsl: 1\nsteps: [{ status: x }]\n")
    assert said(cli, cli.write("w.yaml", using(*names))) == [
        "`c64.yaml` cannot be read: a workflow is made of at most 64 files"
    ]
    assert cli("validate", cli.write("w.yaml", using(*names[:-1]))).code == 0


def test_the_files_together_are_bounded(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LIBRARY_BYTES_MAX", 1 << 20)
    text = "flowdsl: 1\nsteps: [{ status: x }]\n#"
    for name in "abc":
        cli.write(f"{name}.yaml", text + "x" * (400 * 1024))
    assert said(cli, cli.write("w.yaml", using("./a.yaml", "./b.yaml", "./c.yaml"))) == [
        "`c.yaml` cannot be read: the files together are larger than 1 MiB"
    ]


def test_each_file_is_read_once(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a diamond of files, each level using the next twice
    for level in range(12):
        cli.write(f"l{level}.yaml", using(f"./l{level + 1}.yaml", f"./l{level + 1}.yaml"))
    cli.write("l12.yaml", "flowdsl: 1\nsteps: [{ status: x }]\n")
    read: list[str] = []
    was = sources.read_bytes

    def counted(path: str, what: str) -> bytes:
        read.append(Path(path).name)
        return was(path, what)

    monkeypatch.setattr(sources, "read_bytes", counted)
    cli("validate", "l0.yaml")
    assert sorted(read) == sorted(f"l{level}.yaml" for level in range(13))
