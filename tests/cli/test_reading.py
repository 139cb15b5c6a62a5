"""What looks and changes nothing: status, list, show, plan, graph, fsck."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flowdsl.plan.nodes import Plan
from tests.cli.command_line import DECLINED, SHIPPED, TRIP, CommandLine, Services

FLOW = str(SHIPPED / "trip.yaml")


@pytest.fixture
def good(cli: CommandLine, services: Services) -> str:
    assert cli("run", FLOW, *TRIP, "--id", "good").code == 0
    return "good"


@pytest.fixture
def bad(cli: CommandLine, services: Services) -> str:
    assert cli("run", FLOW, *DECLINED, "--id", "bad").code == 1
    return "bad"


# --- status -------------------------------------------------------------------------------------------


def test_status_is_a_table_with_the_state_as_a_word(cli: CommandLine, bad: str) -> None:
    done = cli("status", bad)
    assert (done.code, done.err) == (0, "")
    assert "compensated" in done.out
    assert re.search(r"flight +undone +1 ", done.out)
    assert re.search(r"payment +refused +1 ", done.out)
    assert "(unchanged since)" in done.out
    assert f"flowdsl show {bad} payment" in done.out


def test_status_json_is_what_the_run_said(cli: CommandLine, services: Services) -> None:
    ran = cli("run", FLOW, *DECLINED, "--json", "--progress", "quiet")
    assert cli("status", "--json").json == ran.json
    assert ran.json["error"]["status"] == 402


def test_without_an_id_it_is_the_newest_run(cli: CommandLine, good: str, bad: str) -> None:
    assert cli("status", "--json").json["run"] == bad


def test_a_unique_beginning_of_an_id_is_enough(cli: CommandLine, good: str, bad: str) -> None:
    assert cli("status", "g", "--json").json["run"] == good


def test_an_ambiguous_beginning_is_an_error(cli: CommandLine, services: Services) -> None:
    for run in ("trip-1", "trip-2"):
        cli("run", FLOW, *DECLINED, "--id", run)
    done = cli("status", "trip")
    assert done.code == 2
    assert "trip-1, trip-2" in done.err


def test_a_file_that_changed_is_noticed(
    cli: CommandLine, services: Services, project: Path
) -> None:
    cli.write("w.yaml", Path(FLOW).read_text())
    cli("run", "w.yaml", *DECLINED)
    (project / "w.yaml").write_text("flowdsl: 1\n")
    assert "(changed since)" in cli("status").out
    (project / "w.yaml").unlink()
    assert "since)" not in cli("status").out


def test_the_journal_tells_what_the_run_told(cli: CommandLine, services: Services) -> None:
    ran = cli("run", FLOW, *DECLINED)
    told = [line for line in ran.err.splitlines() if re.match(r"\d\d:\d\d:\d\d", line)]
    assert cli("status", "--events").out.splitlines() == told


def test_the_journal_as_json_is_numbered(cli: CommandLine, good: str) -> None:
    events = cli("status", good, "--events", "--json").json["events"]
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert (events[0]["event"]["t"], events[-1]["event"]["t"]) == ("created", "ended")


def test_watching_what_is_over_shows_it_and_ends(cli: CommandLine, good: str) -> None:
    done = cli("status", good, "-w")
    assert done.code == 0
    assert "succeeded" in done.err


# --- list ---------------------------------------------------------------------------------------------


def test_list_is_newest_first_and_filtered(cli: CommandLine, good: str, bad: str) -> None:
    def runs(*words: str) -> list[str]:
        return [row["run"] for row in cli("list", "--json", *words).json["runs"]]

    assert runs() == [bad, good]
    assert runs("--state", "succeeded") == [good]
    assert runs("--state", "stuck") == []
    assert runs("book-trip") == [bad, good]
    assert runs("other") == []
    done = cli("list")
    assert re.search(r"^bad .* compensated ", done.out, re.MULTILINE)
    assert "payment was refused" in done.out
    assert "flowdsl status bad" in done.err


def test_rows_that_are_not_shown_are_counted(
    cli: CommandLine, good: str, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowdsl.cli.commands.list.SHOWN", 1)
    assert "1 of 2 runs" in cli("list").out
    assert cli("list", "--json").json["hidden"] == 1
    assert cli("list", "--all", "--json").json["hidden"] == 0


def test_a_damaged_run_hides_no_other(cli: CommandLine, good: str, bad: str, project: Path) -> None:
    for path in (project / ".flowdsl" / "archive").iterdir():
        path.write_bytes(
            path.read_bytes().replace(b'"state":"compensated"', b'"state":"Compensated"')
        )
    shutil.rmtree(project / ".flowdsl" / "cache")  # which had seen it whole
    found = {row["run"]: row["state"] for row in cli("list", "--json").json["runs"]}
    assert found == {"good": "succeeded", "bad": "damaged"}
    assert " ago" not in next(x for x in cli("list").out.splitlines() if x.startswith("bad "))
    rows = cli("list", "--json").json["runs"]
    assert [row["created"] for row in rows if row["run"] == "bad"] == [None]
    assert cli("status", "bad").code == 2
    checked = cli("fsck")
    assert checked.code == 1
    assert "the line of bad" in checked.out


# --- show ---------------------------------------------------------------------------------------------


def test_show_is_the_whole_exchange(cli: CommandLine, bad: str) -> None:
    done = cli("show", bad, "payment")
    assert done.code == 0
    assert "> POST " in done.out
    assert "< 402 Payment Required" in done.out
    assert "Idempotency-Key: fd1-" in done.out
    assert cli("show", bad, "flight").out == cli("show", bad, "parallel-1/flight").out


def test_show_json_is_the_step(cli: CommandLine, bad: str) -> None:
    found = cli("show", bad, "payment", "--json").json
    assert (found["format"], found["step"], found["state"]) == (1, "payment", "refused")


def test_the_curl_repeats_the_very_request(cli: CommandLine, services: Services, good: str) -> None:
    done = cli("show", good, "payment", "--curl")
    words = shlex.split(done.out)
    assert words[:3] == ["curl", "-sS", "-X"]
    headers = dict(w.split(": ", 1) for f, w in itertools.pairwise(words) if f == "-H")
    body = words[words.index("--data") + 1]
    again = httpx.request(words[3], words[-1], headers=headers, content=body)
    assert again.status_code == 201
    assert services.counts() == {1}  # the same key: the service did nothing new


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "no step `nosuch`"),
        (["notice", "--curl"], "`notice` was not sent"),
    ],
)
def test_what_cannot_be_shown(cli: CommandLine, good: str, words: list[str], said: str) -> None:
    done = cli("show", good, *words)
    assert done.code == 2
    assert said in done.err


# --- plan ---------------------------------------------------------------------------------------------


def test_a_plan_fills_in_what_is_known_and_sends_nothing(
    cli: CommandLine, services: Services, project: Path
) -> None:
    done = cli("plan", FLOW, "-i", "flight=LH-454")
    assert done.code == 0
    assert "Nothing has been sent." in done.out
    assert "LH-454" in done.out
    assert "‹inputs.hotel›" in done.out
    assert "IF IT FAILS" in done.out
    assert "-i flight=LH-454 -i hotel=… -i card=…" in done.err
    assert services.requests() == []
    assert not (project / ".flowdsl").exists()


def test_a_plan_as_json(cli: CommandLine, services: Services) -> None:
    found = cli("plan", FLOW, *TRIP, "--json").json
    assert (found["format"], found["workflow"], found["sent"]) == (1, "book-trip", False)


def test_a_plan_tells_which_secrets_are_set(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "x")
    cli.write(
        "w.yaml",
        'flowdsl: 1\nservices: { a: http://a }\nsteps: [{ call: GET a/x, headers: { X: "${secrets.A}", Y: "${secrets.B}" } }]\n',
    )
    assert cli("plan", "w.yaml", "--json").json["secrets"] == {"A": True, "B": False}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-i", "nights=0"], "`nights` must be at least 1, not 0"),
        (["-i", "nights=x"], "`nights` must be a whole number, not `x`"),
        (["-i", "bogus=1"], "no input `bogus`"),
    ],
)
def test_a_plan_of_wrong_inputs_is_refused(cli: CommandLine, words: list[str], said: str) -> None:
    done = cli("plan", FLOW, *words)
    assert done.code == 2
    assert said in done.err
    assert "missing" not in done.err


# --- graph --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "begins"),
    [("mermaid", "flowchart LR"), ("dot", "digraph"), ("svg", "<svg"), ("json", '{"format":1')],
)
def test_a_graph_in_every_format(cli: CommandLine, project: Path, form: str, begins: str) -> None:
    done = cli("graph", FLOW, "--format", form)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(begins)
    cli("graph", FLOW, "--format", form, "-o", "g.out")
    assert (project / "g.out").read_text() == done.out


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("g.svg", "<svg"),
        ("g.mmd", "flowchart"),
        ("g.dot", "digraph"),
        ("g.json", "{"),
        ("g.txt", " "),
    ],
)
def test_the_name_of_the_file_says_the_format(
    cli: CommandLine, project: Path, name: str, begins: str
) -> None:
    assert cli("graph", FLOW, "-o", name).code == 0
    assert (project / name).read_text().startswith(begins)


def test_a_graph_is_not_drawn_over_its_own_file(cli: CommandLine, project: Path) -> None:
    text = Path(FLOW).read_text()
    cli.write("w.yaml", text)
    done = cli("graph", "w.yaml", "-o", str(project / "w.yaml"))
    assert done.code == 2
    assert "error[F081]" in done.err
    assert (project / "w.yaml").read_text() == text


def test_a_run_colours_its_graph(cli: CommandLine, bad: str) -> None:
    states = {n["id"]: n.get("state") for n in cli("graph", "--run", bad, "--json").json["nodes"]}
    assert states["payment"] == "refused"
    assert states["parallel-1/flight!undo"] == "undone"
    assert "✗ payment" in cli("graph", "--run", bad).out
    assert "compensated" in cli("graph", "--run", bad, "--format", "svg").out


def test_what_cannot_be_drawn(cli: CommandLine) -> None:
    assert "graph of what?" in cli("graph").err
    done = cli("graph", FLOW, "-o", "no/such/folder.svg")
    assert (done.code, "F081" in done.err) == (2, True)


def test_the_document_of_a_run_says_what_status_says(
    cli: CommandLine, good: str, project: Path
) -> None:
    document = cli("show", good, "--json").json
    shown = cli("status", good, "--json").json
    assert {key: document[key] for key in shown} == shown
    assert document["events"] == cli("status", good, "--events", "--json").json["events"]


def test_a_line_of_the_archive_is_json_that_jq_reads(
    cli: CommandLine, good: str, bad: str, project: Path
) -> None:
    lines = [
        json.loads(line)
        for path in (project / ".flowdsl" / "archive").glob("*.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    found = {line["run"]: line for line in lines}
    assert {run: line["state"] for run, line in found.items()} == {
        good: "succeeded",
        bad: "compensated",
    }
    row = next(row for row in cli("list", "--json").json["runs"] if row["run"] == bad)
    assert row["detail"] == found[bad]["detail"]
    facts = found[good]["facts"]
    assert (facts[0]["t"], facts[-1]["t"]) == ("created", "ended")
    assert len(found[good]["wall"]) == len(facts)


def test_lists_of_what_is_over_need_no_workflow(
    cli: CommandLine, good: str, bad: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cli("list", "--json").json

    async def no_plan(*_: object) -> Plan:
        raise AssertionError("a workflow was compiled")

    monkeypatch.setattr("flowdsl.cli.runs.pinned_plan", no_plan)
    assert cli("list", "--json").json == before


# --- fsck ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["store.json", "key"])
def test_fsck_of_a_store_that_cannot_be_opened_says_so_with_1(
    cli: CommandLine, project: Path, good: str, name: str
) -> None:
    (project / ".flowdsl" / name).write_text("{}")
    done = cli("fsck")
    assert (done.code, "damaged" in done.out) == (1, True)
    found = cli("fsck", "--json")
    assert (found.code, [one["kind"] for one in found.json["findings"]]) == (1, ["damaged"])


def test_a_store_that_is_well(cli: CommandLine, good: str) -> None:
    assert cli("fsck").out.endswith("nothing wrong.\n")
    assert cli("fsck", "--json").json == {"format": 1, "repaired": False, "findings": []}


def test_a_torn_tail_is_explained_and_stops_nothing(
    cli: CommandLine, services: Services, project: Path
) -> None:
    services.fault(service="hotels", method="DELETE", path="/reservations/*", fault="refuse:403")
    assert cli("run", FLOW, *DECLINED, "--id", "open").code == 3
    (journal,) = (project / ".flowdsl" / "journals").glob("*.jsonl")
    torn = journal.read_bytes() + b'{"h":"00'
    journal.write_bytes(torn)
    checked = cli("fsck")
    assert checked.code == 0
    assert "its last 8 bytes were never acknowledged" in re.sub(r"\s+", " ", checked.out)
    assert journal.read_bytes() == torn
    assert cli("resume", "open").code == 1
    kept = [f["kind"] for f in cli("fsck", "--json").json["findings"]]
    assert kept == ["kept"]


def test_leftovers_go_only_when_asked(cli: CommandLine, good: str, project: Path) -> None:
    leftover = project / ".flowdsl" / "archive" / ".new-x"
    leftover.write_text("")
    checked = cli("fsck")
    assert checked.code == 0
    assert "can be mended" in checked.out
    assert "flowdsl fsck --repair" in checked.err
    assert leftover.exists()
    assert "mended" in cli("fsck", "--repair").out
    assert not leftover.exists()


# --- all of them --------------------------------------------------------------------------------------


def test_looking_changes_nothing(cli: CommandLine, bad: str, project: Path) -> None:
    def content() -> dict[str, bytes]:
        """But for what may be thrown away at any time."""
        found = (p for p in project.rglob("*") if p.is_file() and p.parent.name != "cache")
        return {str(p): p.read_bytes() for p in found}

    before = content()
    for words in (
        ["status"], ["status", "--events"], ["list"], ["show", bad, "payment"], ["fsck"],
        ["graph", "--run", bad], ["plan", FLOW], ["validate", FLOW], ["status", "--json"],
    ):  # fmt: skip
        cli(*words)
    assert content() == before


def test_a_pipe_is_as_good_as_a_file(project: Path) -> None:
    ended = subprocess.run(
        f"flowdsl plan <(cat {shlex.quote(FLOW)}) -f <(echo 'flight: LH-1') --json",
        shell=True, executable="/bin/bash", capture_output=True, text=True, check=True, timeout=60,
        cwd=project, env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )  # fmt: skip
    assert "LH-1" in json.dumps(json.loads(ended.stdout))


def test_stdin_is_a_dash(project: Path) -> None:
    ended = subprocess.run(
        [Path(sys.executable).parent / "flowdsl", "validate", "-"],
        input=Path(FLOW).read_text(), capture_output=True, text=True, check=True, timeout=60,
        cwd=project,
    )  # fmt: skip
    assert ended.stdout == "1 file: nothing wrong.\n"


def test_several_files_are_one_picture_with_the_events_between_them(
    cli: CommandLine, project: Path
) -> None:
    files = [str(path) for path in sorted((SHIPPED / "choreography").glob("*.yaml"))]
    shown = cli("graph", *files)
    assert shown.code == 0
    assert "order.placed" in shown.out
    assert "nobody here" in shown.out
    whole = cli("graph", *files, "--json").json
    assert len(whole["workflows"]) == len(files)
    assert {event["event"] for event in whole["events"]} >= {"order.placed", "payment.processed"}
    for form, begins in (("svg", "<svg"), ("mermaid", "flowchart LR"), ("dot", "digraph")):
        assert cli("graph", *files, "--format", form).out.startswith(begins)
    assert cli("graph", *files, "-o", "all.txt").code == 0
    assert "order.placed" in (project / "all.txt").read_text()
    assert cli("graph", *files, "-o", files[0]).code == 2


# --- prune --------------------------------------------------------------------------------------------


def test_prune_throws_old_runs_away(cli: CommandLine, good: str, bad: str) -> None:
    assert cli("prune", "--older", "1d", "--json").json["runs"] == 0
    assert "2 runs would go" in cli("prune", "--older", "0s", "--plan").out
    assert len(cli("list", "--json").json["runs"]) == 2
    pruned = cli("prune", "--older", "0s", "--json").json
    assert (pruned["runs"], pruned["removed"]) == (2, True)
    assert cli("list", "--json").json["runs"] == []
    again = cli("run", FLOW, *TRIP, "--id", good)
    assert (again.code, "was pruned" in again.err) == (2, True)
    assert cli("status", good).code == 2
