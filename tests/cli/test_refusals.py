"""What is found before a run starts exits 2, has a code and a next step, and has sent nothing."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import pytest

from flowdsl.world.store.disk import RealDisk
from tests.cli.command_line import SHIPPED, TRIP, CommandLine, Done, Services

FLOW = str(SHIPPED / "trip.yaml")
TYPED = """flowdsl: 1
name: typed
inputs:
  count: integer
  price: { type: number, minimum: 1 }
  tags: array
  sure: { type: boolean, default: false }
  size: { type: string, enum: [s, m], default: s }
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
steps: [{ call: POST mail/messages, body: { n: "${inputs.count}" } }]
"""
GOOD = ("-i", "count=1", "-i", "price=2", "-i", "tags=[]")


def refused(done: Done, services: Services, code: str) -> None:
    assert (done.code, done.out) == (2, "")
    assert re.search(rf"^error\[{code}\]", done.err, re.MULTILINE), done.err
    assert services.requests() == []


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("a: [", "F074", "not a workflow file"),
        ("flowdsl: [", "F004", "w.yaml:1:"),
        ("", "F074", "not a workflow file"),
        ("hello", "F074", "its first key is `flowdsl: 1`"),
        ("services: {}\n", "F074", "not a workflow file"),
        ("flowdsl: 1\nservices: { a: http://a }\nsteps: [{ call: b/x }]\n", "F030", "w.yaml:3:"),
        ("flowdsl: 1\nsteps: [{ wait: 1s }]\nbogus: 1\n", "F020", "w.yaml:3:1"),
        ("\x00", "F074", "not a workflow file"),
    ],
)
def test_a_file_that_is_no_workflow(
    cli: CommandLine, services: Services, text: str, code: str, said: str
) -> None:
    cli.write("w.yaml", text)
    done = cli("run", "w.yaml")
    refused(done, services, code)
    assert said in done.err


def test_every_error_of_a_file_is_shown(cli: CommandLine, services: Services) -> None:
    cli.write(
        "w.yaml", "flowdsl: 1\nservices: { a: http://a }\nsteps: [{ call: b/x }, { call: c/y }]\n"
    )
    done = cli("run", "w.yaml")
    refused(done, services, "F030")
    assert done.err.count("--> w.yaml:3:") == 2
    assert "w.yaml has 2 errors; nothing was sent" in done.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], "F072", "add -i count=… -i price=… -i tags=…"),
        (["-i", "count=1"], "F072", "add -i price=… -i tags=…"),
        ([*GOOD, "-i", "count=x"], "F072", "`count` must be a whole number, not `x`"),
        ([*GOOD, "-i", "count=1.5"], "F072", "`count` must be a whole number, not `1.5`"),
        ([*GOOD, "-i", "price=0"], "F072", "`price` must be at least 1, not 0"),
        ([*GOOD, "-i", "tags={}"], "F072", "`tags` must be a JSON list, not `{}`"),
        ([*GOOD, "-i", "sure=yes"], "F072", "`sure` must be true or false, not `yes`"),
        ([*GOOD, "-i", "size=xl"], "F072", "`size` must be `s` or `m`, not the text `xl`"),
        ([*GOOD, "-i", "cuont=1"], "F072", "did you mean `count`?"),
        ([*GOOD, "-i", "count"], "F072", "not KEY=VALUE"),
        ([*GOOD, "-i", "=1"], "F072", "not KEY=VALUE"),
        ([*GOOD, "-i", "count=\udcff"], "F072", "not UTF-8"),
        ([*GOOD, "-i", "count=@nosuch"], "F074", "no such file"),
        ([*GOOD, "-i", "count=@raw"], "F073", "not UTF-8"),
        (["-f", "nosuch.yaml"], "F074", "no such file"),
        (["-f", "."], "F074", "a folder"),
        (["-f", "bad.yaml"], "F004", "bad.yaml:3:1"),
        (["-f", "bad.json"], "F073", "bad.json: not JSON: line 2, column"),
        (["-f", "list.yaml"], "F073", "the inputs must be an object of names and values"),
        (["-f", "list.json"], "F073", "the inputs must be an object of names and values"),
        (["-f", "twice.yaml"], "F024", "twice.yaml:2:1"),
        ([*GOOD, "--secrets-file", "nosuch.env"], "F070", "cannot be read"),
        ([*GOOD, "--secrets-file", "a\0b"], "F070", "cannot be read"),
        ([*GOOD, "--id", "../x"], "F207", "cannot be the id of a run"),
        ([*GOOD, "--id", ""], "F207", "cannot be the id of a run"),
        ([*GOOD, "--id", "x" * 65], "F207", "cannot be the id of a run"),
        ([*GOOD, "--bogus"], "F079", "--bogus"),
        ([*GOOD, "--progress", "fast"], "F079", "'fast' is not one of"),
    ],
)
def test_inputs_and_flags(
    cli: CommandLine, services: Services, project: Path, words: list[str], code: str, said: str
) -> None:
    text = TYPED.replace("messages,", 'messages, headers: { X: "${secrets.T}" },')
    cli.write("w.yaml", text if "--secrets-file" in words else TYPED)
    cli.write("bad.yaml", "a: 1\nb: [\n")
    cli.write("bad.json", '{"count": 1,\n  "price": }')
    cli.write("list.yaml", "- 1\n")
    cli.write("list.json", "[1]")
    cli.write("twice.yaml", "count: 1\ncount: 2\n")
    (project / "raw").write_bytes(b"\xff\xfe\xff")
    done = cli("run", "w.yaml", *words)
    refused(done, services, code)
    assert said in done.err
    assert not (project / ".flowdsl").exists()


def test_all_problems_at_once(cli: CommandLine, services: Services) -> None:
    cli.write("w.yaml", TYPED)
    done = cli("run", "w.yaml", "-i", "count=x", "-i", "sure=1", "-i", "bogus=1")
    refused(done, services, "F072")
    assert len(re.findall(r"^error\[F072\]", done.err, re.MULTILINE)) == 5


@pytest.mark.parametrize(
    "url",
    [
        "", "localhost:9000", "ftp://x", "http://", "http://[", "http://a b", "http://x:99999", "http://x/v1?tenant=a", "http://x/v1#a",
        "http://x/v1?", "http://x\\y",
    ],
)  # fmt: skip
def test_a_service_without_an_address(
    cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("MAIL_URL", url)
    cli.write(
        "w.yaml",
        TYPED.replace("${default(env.DEMO_URL, 'http://localhost:9000')}/mail", "${env.MAIL_URL}"),
    )
    done = cli("run", "w.yaml", *GOOD)
    refused(done, services, "F075")
    assert "w.yaml:9:13: the service `mail` has no URL" in done.err


@pytest.mark.parametrize("url", ["http://ada:hunter2@localhost:9000", "http://hunter2@localhost"])
@pytest.mark.parametrize("place", ["environment", "flowdsl.toml"])
def test_a_password_in_an_address_is_not_kept(
    cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch, url: str, place: str
) -> None:
    cli.write("w.yaml", TYPED)
    if place == "environment":
        monkeypatch.setenv("DEMO_URL", url)
    else:
        cli.write("flowdsl.toml", f'environment = "a"\n[env.a.services]\nmail = "{url}"\n')
    done = cli("run", "w.yaml", *GOOD)
    refused(done, services, "F075")
    assert "write them in `auth:`" in done.err
    assert "hunter2" not in done.err
    assert not (cli.project / ".flowdsl").exists()


def test_an_address_from_a_variable_that_is_not_set(cli: CommandLine, services: Services) -> None:
    cli.write(
        "w.yaml",
        TYPED.replace("${default(env.DEMO_URL, 'http://localhost:9000')}/mail", "${env.MAIL_URL}"),
    )
    done = cli("run", "w.yaml", *GOOD)
    refused(done, services, "F075")
    assert "not set in the environment: MAIL_URL" in done.err


def test_a_missing_secret_is_named(cli: CommandLine, services: Services) -> None:
    cli.write("w.yaml", TYPED.replace("messages,", 'messages, headers: { X: "${secrets.TOKEN}" },'))
    done = cli("run", "w.yaml", *GOOD)
    refused(done, services, "F077")
    assert "the secret `TOKEN` has no value" in done.err


def test_the_value_of_a_secret_input_is_never_told(cli: CommandLine, services: Services) -> None:
    cli.write(
        "w.yaml",
        TYPED.replace("count: integer", "count: { type: integer, secret: true }").replace(
            'n: "${inputs.count}"', "n: 1"
        ),
    )
    done = cli("run", "w.yaml", *GOOD, "-i", "count=hunter2")
    refused(done, services, "F072")
    assert "hunter2" not in done.err


@pytest.mark.parametrize("command", ["status", "show", "resume", "cancel", "rerun"])
@pytest.mark.parametrize("run", ["../x", "/etc/passwd", "a/b", "..", "a\nb", "nosuch"])
def test_a_run_that_is_none(cli: CommandLine, services: Services, command: str, run: str) -> None:
    cli("run", FLOW, *TRIP)
    services.reset()
    done = cli(command, run, *(["flight"] if command == "show" else []))
    refused(done, services, "F20[57]")


@pytest.mark.parametrize("command", ["resume", "rerun", "fsck"])
def test_where_nothing_has_run(
    cli: CommandLine, services: Services, project: Path, command: str
) -> None:
    done = cli(command)
    refused(done, services, "F140")
    assert "flowdsl run FILE" in done.err
    assert not (project / ".flowdsl").exists()


# --- the store ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "status", "list", "resume"])
def test_a_store_of_a_newer_flowdsl_is_left_alone(
    cli: CommandLine, services: Services, project: Path, command: str
) -> None:
    cli("run", FLOW, *TRIP)
    services.reset()
    about = project / ".flowdsl" / "store.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"version": 99}))
    done = cli(command, *([FLOW, *TRIP] if command == "run" else []))
    refused(done, services, "F202")
    assert "newer flowdsl" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(
    cli: CommandLine, services: Services, project: Path
) -> None:
    (project / "locked").mkdir(mode=0o500)
    refused(cli("run", FLOW, *TRIP, "--store", "locked/store"), services, "F200")


@pytest.mark.parametrize("where", ["file", "file/store", "/proc/store", "/dev/null/x"])
def test_a_place_where_no_store_can_be(cli: CommandLine, services: Services, where: str) -> None:
    cli.write("file", "")
    refused(cli("run", FLOW, *TRIP, "--store", where), services, "F20[03]")


def test_a_store_that_is_a_symbolic_link_is_not_followed(
    cli: CommandLine, services: Services, project: Path
) -> None:
    (project / "elsewhere").mkdir()
    (project / ".flowdsl").symlink_to("elsewhere")
    refused(cli("run", FLOW, *TRIP), services, "F203")
    assert list((project / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("words", [("run", FLOW, *TRIP), ("run", FLOW, *TRIP, "--id", "b")])
def test_a_store_that_turned_read_only(
    cli: CommandLine,
    services: Services,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of it is there and can be read; only the first record has nowhere to go."""
    assert cli("run", FLOW, *TRIP, "--id", "a").code == 0
    services.reset()

    def create(self: RealDisk, path: Path) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(RealDisk, "create", create)
    done = cli(*words)
    refused(done, services, "F200")
    assert "cannot be written" in done.err
