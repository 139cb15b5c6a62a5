"""Canaries in every place where a secret may stand; then nothing of them is anywhere but on the wire."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowdsl.cli import bug
from flowdsl.engine.loop import Drive
from tests.cli.command_line import CommandLine, wait_for
from tests.conftest import Counts
from tests.hostile.canaries import CANARIES, leaks, leaks_in_folder
from tests.hostile.echo import Echo, echoing

WORKFLOW = """\
flowdsl: 1
name: canary
inputs:
  otp: {{ type: string, secret: true }}
  end: string
services:
  echo:
    url: {url}
    auth: bearer ${{secrets.AUTH}}
    headers: {{ X-Key: "${{secrets.HEADER}}", X-Text: "k=${{secrets.TEXT}};v=1" }}
    timeout: 400ms
    retry: {{ attempts: 2, delay: 1ms }}
    settle: 1ms
steps:
  - id: first
    call: POST echo/ok/first
    body: &body
      pin: ${{secrets.BODY}}
      note: "say ${{secrets.DOTENV}} and ${{secrets.FILED}}, ${{secrets.DOTENV}}"
      deep: [{{ otp: "${{inputs.otp}}" }}]
    compensate:
      call: DELETE echo/${{'stuck' if inputs.end == 'stuck' else 'ok'}}/first
      headers: {{ X-Undo: "${{secrets.HEADER}}" }}
      retry: {{ attempts: 2, delay: 1ms }}
      body: {{ otp: "<${{inputs.otp}}>", why: "${{error.message}}", said: "${{error.status}}" }}
  - set: {{ copy: "${{[first.s0.plain, first.s1.plain, first.s2.plain, first.s3.plain, first.s4.plain]}}", headers: "${{steps.first.headers}}" }}
  - id: second
    call: POST echo/${{'no' if inputs.end == 'stuck' else inputs.end}}/second
    body: {{ otp: "${{inputs.otp}}", pin: "${{secrets.BODY}}", copy: "${{copy}}" }}
    probe:
      call: GET echo/no/second
      found: "false"
    compensate: {{ call: DELETE echo/ok/second, retry: {{ attempts: 2, delay: 1ms }} }}
outputs:
  first: ${{first}}
  second: ${{second}}
"""
WHERE = ("AUTH", "HEADER", "TEXT", "BODY")  # in the environment
ENDS = {
    "ok": "succeeded",
    "no": "compensated",
    "html": "compensated",
    "garbage": "compensated",
    "lost": "compensated",
    "broken": "compensated",
    "stuck": "stuck",
}


@pytest.fixture
def echo() -> Iterator[Echo]:
    with echoing() as there:
        yield there


@pytest.fixture
def stage(project: Path, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in WHERE:
        monkeypatch.setenv(name, CANARIES[name])
    quoted = CANARIES["DOTENV"].replace("\\", "\\\\").replace('"', '\\"')
    (project / ".env").write_text(f'DOTENV="{quoted}"\n')
    (project / "filed.env").write_text(f"FILED='{CANARIES['FILED']}'\n")
    (project / "flowdsl.toml").write_text('secrets_file = "filed.env"\n')
    (project / "otp.txt").write_text(CANARIES["OTP"])
    (project / "canary.yaml").write_text(WORKFLOW.format(url=echo.url))
    monkeypatch.setenv("TMPDIR", str(project / "tmp"))
    (project / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    return project


def start(end: str) -> tuple[str, ...]:
    return ("run", "canary.yaml", "-i", "otp=@otp.txt", "-i", f"end={end}", "--id", f"r-{end}")


def everything(cli: CommandLine, run: str) -> list[str]:
    """Every command that shows something of a run, and what of a secret it shows."""
    found: list[str] = []
    for words in (
        ("list",),
        ("list", "--json"),
        ("status", run),
        ("status", run, "--json"),
        ("status", run, "--events"),
        *(("show", run, step, *flag) for step in ("first", "second") for flag in ((), ("--json",), ("--curl",))),
        ("plan", "canary.yaml"),
        ("graph", "canary.yaml"),
        ("graph", run),
        ("graph", run, "--format", "mermaid"),
        ("graph", run, "--format", "svg"),
        ("fsck",),
        ("fsck", "--json"),
    ):  # fmt: skip
        done = cli(*words)
        found += leaks(" ".join(words), (done.out + done.err).encode())
    return found


@pytest.mark.parametrize("end", ENDS)
def test_no_secret_is_kept_or_shown_however_a_run_ends(
    end: str, stage: Path, cli: CommandLine, echo: Echo, counts: Counts
) -> None:
    done = cli(*start(end), "--json")
    assert done.json["state"] == ENDS[end], done.err
    assert f"POST /{'no' if end == 'stuck' else end}/second" in echo.heard
    assert leaks("the wire", b"".join(echo.said)), "the service echoed nothing"
    assert leaks("run --json", (done.out + done.err).encode()) == []
    shown = cli(*start(f"{end}")[:-1], f"again-{end}", "--progress", "plain")
    assert leaks("run", (shown.out + shown.err).encode()) == []

    assert leaks_in_folder(stage / ".flowdsl") == []
    assert everything(cli, f"r-{end}") == []
    counts.add("runs with a canary in every place of a secret", 2)


def test_a_stuck_run_goes_on_and_still_keeps_none(stage: Path, cli: CommandLine) -> None:
    cli(*start("stuck"))
    wrong = cli("resume", "r-stuck")
    assert "otp" in wrong.err
    again = cli("resume", "r-stuck", "-i", "otp=@otp.txt", "--retry", "first")
    skipped = cli("resume", "r-stuck", "-i", "otp=@otp.txt", "--skip", "first", "--reason", "seen")
    assert skipped.code == 1, skipped.err
    for done in (wrong, again, skipped):
        assert leaks("resume", (done.out + done.err).encode()) == []
    assert leaks_in_folder(stage / ".flowdsl") == []
    assert everything(cli, "r-stuck") == []


def test_a_process_that_dies_with_a_call_out_leaves_none_behind(
    stage: Path, cli: CommandLine, echo: Echo
) -> None:
    process = cli.start(*start("hold"))
    wait_for(lambda: "POST /hold/second" in echo.heard)
    assert list((stage / ".flowdsl" / "journals").glob("*.jsonl"))
    assert leaks_in_folder(stage / ".flowdsl") == []  # while it lives
    process.kill()
    out, err = process.communicate()
    assert leaks("the killed process", (out + err).encode()) == []
    assert leaks_in_folder(stage / ".flowdsl") == []
    assert everything(cli, "r-hold") == []
    echo.let_go.set()

    refused = cli("resume", "r-hold")
    resumed = cli("resume", "r-hold", "-i", "otp=@otp.txt", "--json")
    assert resumed.json["state"] == "compensated", resumed.err
    for done in (refused, resumed):
        assert leaks("resume", (done.out + done.err).encode()) == []
    assert leaks_in_folder(stage / ".flowdsl") == []
    assert everything(cli, "r-hold") == []


def test_another_secret_at_the_resume_is_told_by_name_only(
    stage: Path, cli: CommandLine, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (stage / "canary.yaml").read_text()
    (stage / "canary.yaml").write_text(
        text.replace("settle: 1ms", "settle: 1ms\n    idempotency: 1h")
    )
    process = cli.start(*start("hold"))
    wait_for(lambda: "POST /hold/second" in echo.heard)
    process.kill()
    process.communicate()
    echo.let_go.set()
    heard = echo.heard.count("POST /hold/second")
    monkeypatch.setenv("BODY", "kQ3auth7Zx9wLmPa of another kind")
    done = cli("resume", "r-hold", "-i", "otp=@otp.txt")
    assert echo.heard.count("POST /hold/second") == heard, "it was sent with another body"
    assert leaks("resume", (done.out + done.err).encode()) == []
    assert leaks_in_folder(stage / ".flowdsl") == []


def test_a_bug_in_flowdsl_is_reported_without_them(
    stage: Path, cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def falls_over(self: Drive, *_: object) -> None:
        secret = dict(self.ports.secrets)
        raise ZeroDivisionError(str(secret))

    monkeypatch.setattr(Drive, "_reconcile", falls_over)
    done = cli(*start("ok"))
    assert done.code == 70
    assert "F199" in done.err
    (report,) = (stage / "tmp").glob("flowdsl-bug-*.txt")
    assert "falls_over" in report.read_text()
    assert leaks("the report", report.read_bytes()) == []
    assert leaks("the screen", (done.out + done.err).encode()) == []
    assert leaks_in_folder(stage / ".flowdsl") == []


@pytest.mark.parametrize(
    "words",
    [
        ("run", "canary.yaml", "-i", f"otp={CANARIES['OTP']}", "-i", "end=1", "-i", "enmd=2"),
        ("run", "canary.yaml", "-i", f"otp={CANARIES['OTP']}"),
        ("run", "canary.yaml", "-f", "wrong.yaml"),
        ("run", "typed.yaml", "-f", "wrong.yaml"),
        ("run", "typed.yaml", "-i", f"otp={CANARIES['OTP']}"),
    ],
)
def test_wrong_inputs_are_told_without_the_secret(
    words: tuple[str, ...], stage: Path, cli: CommandLine
) -> None:
    (stage / "wrong.yaml").write_text('otp: ["kQ3auth7Zx9wLmPa"]\n')
    text = (stage / "canary.yaml").read_text()
    typed = '{ type: string, secret: true, pattern: "^[0-9]+$", maxLength: 6, enum: ["123456"] }'
    (stage / "typed.yaml").write_text(text.replace("{ type: string, secret: true }", typed))
    done = cli(*words)
    assert done.code == 2, done.err
    assert leaks(" ".join(words[:2]), (done.out + done.err).encode()) == []
    assert not (stage / ".flowdsl").exists() or leaks_in_folder(stage / ".flowdsl") == []


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o377])
def test_the_store_is_the_owners_alone_whatever_the_umask(
    mask: int, stage: Path, cli: CommandLine
) -> None:
    before = os.umask(mask)
    try:
        cli(*start("ok"))
        cli(*start("stuck"))
    finally:
        os.umask(before)
    found = [stage / ".flowdsl", *(stage / ".flowdsl").rglob("*")]
    paths = [path for path in found if not path.is_symlink()]  # a claim has no mode of its own
    assert len(paths) > 8
    for path in paths:
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_a_report_of_a_bug_is_the_owners_alone(stage: Path) -> None:
    before = os.umask(0)
    try:
        path = bug._write("x")
    finally:
        os.umask(before)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_search_finds_a_canary_in_every_spelling() -> None:
    from tests.hostile.echo import spellings

    for name, value in CANARIES.items():
        for spelling, text in spellings(f"Basic {value}").items():
            assert leaks("here", text.encode()), (name, spelling)
