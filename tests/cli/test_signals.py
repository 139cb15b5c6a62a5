"""`flowdsl signal` says the truth: what it calls kept counts, and what does not count is refused by the one who gave it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flowdsl.engine import inbox
from flowdsl.world.store.files import FileStore
from flowdsl.world.store.inbox import InboxFolder
from tests.cli.command_line import CommandLine

ASKS = """flowdsl: 1
name: asks
steps:
  - { id: first, wait_for: go, timeout: 1h }
outputs: { first: "${first}" }
"""
TWICE = """flowdsl: 1
name: twice
steps:
  - { id: first, wait_for: go, timeout: 1h }
  - { id: second, wait_for: go, timeout: 1h }
outputs: { first: "${first}", second: "${second}" }
"""


@pytest.fixture
def run(cli: CommandLine) -> str:
    cli.write("asks.yaml", ASKS)
    assert cli("run", "asks.yaml", "--id", cli.run_id, "--no-wait").code == 4
    return cli.run_id


def kept(project: Path) -> int:
    return len(list((project / ".flowdsl" / "inbox").glob("*.json")))


def ended(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=60)
    return process.returncode


def test_a_second_answer_to_a_run_that_nobody_drives_is_refused(
    cli: CommandLine, run: str, project: Path
) -> None:
    assert cli("signal", run, "go", "-i", "n=1").code == 0
    second = cli("signal", run, "go", "-i", "n=2")
    assert second.code == 2
    assert "error[F148]: `go` has been answered" in second.err
    assert kept(project) == 1
    assert cli("resume", run).json == {"first": {"n": 1}}


def test_each_of_two_waits_takes_an_answer_and_a_third_is_refused(
    cli: CommandLine, project: Path
) -> None:
    cli.write("twice.yaml", TWICE)
    cli("run", "twice.yaml", "--id", cli.run_id, "--no-wait")
    codes = [cli("signal", cli.run_id, "go", "-i", f"n={n}").code for n in (1, 2, 3)]
    assert codes == [0, 0, 2]
    assert kept(project) == 2
    assert cli("resume", cli.run_id).json == {"first": {"n": 1}, "second": {"n": 2}}


def test_of_several_who_answer_at_once_one_is_told_that_it_counts(
    cli: CommandLine, run: str, project: Path
) -> None:
    answers = [cli.start("signal", run, "go", "-i", f"n={n}") for n in range(3)]
    told = [ended(process) for process in answers]
    assert sorted(told) == [0, 2, 2]
    assert kept(project) == 1
    assert cli("resume", run).json == {"first": {"n": told.index(0)}}


def test_what_lies_in_the_inbox_and_is_no_order_stops_no_answer(
    cli: CommandLine, run: str, project: Path
) -> None:
    for number, text in enumerate(("", "[]", '{"kind": "signal", "step": "no"}')):
        (project / ".flowdsl" / "inbox" / f"{run}.00{number}.json").write_text(text)
    assert cli("signal", run, "go", "-i", "n=1").code == 0
    assert cli("resume", run).json == {"first": {"n": 1}}


def test_an_answer_that_the_driver_puts_away_unheard_was_not_kept(
    cli: CommandLine, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another one came first: it said that the answer was kept."""
    send = InboxFolder.send
    put_away: list[str] = []

    def send_and_put_away(self: InboxFolder, run: str, command: object) -> str:
        put_away.append(send(self, run, command))  # type: ignore[arg-type]
        self.drop(put_away[-1])
        return put_away[-1]

    monkeypatch.setattr(InboxFolder, "send", send_and_put_away)
    done = cli("signal", run, "go", "-i", "n=1")
    assert put_away
    assert done.code == 2
    assert "error[F148]" in done.err


def test_an_answer_to_a_run_that_ends_at_that_moment_was_not_kept(
    cli: CommandLine, run: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = InboxFolder.send

    def send_when_it_is_over(self: InboxFolder, run: str, command: object) -> str:
        monkeypatch.setattr(InboxFolder, "send", send)
        cancelled = cli.start("cancel", run)
        assert ended(cancelled) == 0
        return send(self, run, command)  # type: ignore[arg-type]

    monkeypatch.setattr(InboxFolder, "send", send_when_it_is_over)
    done = cli("signal", run, "go", "-i", "n=1")
    assert done.code == 2
    assert "error[F145]" in done.err
    assert kept(project) == 0


def test_that_a_process_does_not_listen_is_not_called_that_there_is_none(
    cli: CommandLine, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def always(*_: object) -> bool:
        return True

    monkeypatch.setattr(FileStore, "is_driven", always)
    monkeypatch.setattr(inbox, "HEARD_SECONDS", 0.1)
    done = cli("signal", run, "go", "-i", "n=1")
    assert done.code == 0
    assert "nobody drives" not in done.err
    assert "the process that drives it has not taken it yet" in done.err
