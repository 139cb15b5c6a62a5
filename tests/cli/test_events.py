"""`flowdsl run --event`: a run that an event starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine

FLOW = """flowdsl: 1
name: listener
trigger: { event: order.placed }
inputs: { order: string, total: { type: number, default: 1 }, note: "string?" }
steps: [{ status: "${inputs.order}" }]
outputs: { order: "${inputs.order}", total: "${inputs.total}", note: "${inputs.note}" }
"""
EVENT: dict[str, object] = {
    "specversion": "1.0",
    "type": "order.placed",
    "source": "shop",
    "id": "e-1",
    "data": {"order": "o-1", "total": 12.5},
}


@pytest.fixture
def flow(cli: CommandLine) -> str:
    return cli.write("listener.yaml", FLOW)


def event(cli: CommandLine, **changed: object) -> str:
    return cli.write("event.json", json.dumps(EVENT | changed))


def test_the_data_of_the_event_are_the_inputs(cli: CommandLine, flow: str) -> None:
    done = cli("run", flow, "--event", event(cli))
    assert (done.code, done.json) == (0, {"order": "o-1", "total": 12.5, "note": None})


def test_what_is_given_by_hand_wins(cli: CommandLine, flow: str) -> None:
    inputs = cli.write("inputs.yaml", "total: 2\nnote: from the file\n")
    done = cli("run", flow, "--event", event(cli), "-f", inputs, "-i", "total=3")
    assert done.json == {"order": "o-1", "total": 3, "note": "from the file"}


def test_a_file_with_a_trigger_takes_plain_inputs_too(cli: CommandLine, flow: str) -> None:
    assert cli("run", flow, "-i", "order=o-2").json["order"] == "o-2"


@pytest.mark.parametrize("data", [None, {}])
def test_an_event_without_data_gives_no_inputs(cli: CommandLine, flow: str, data: object) -> None:
    given = event(cli, data=data)
    assert cli("run", flow, "--event", given, "-i", "order=o-3").code == 0
    done = cli("run", flow, "--event", given)
    assert (done.code, "the input `order` is missing" in done.err) == (2, True)


def test_an_event_from_stdin(flow: str, project: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flowdsl", "run", flow, "--event", "-"],
        input=json.dumps(EVENT), capture_output=True, text=True, check=True, timeout=60, cwd=project,
    )  # fmt: skip
    assert json.loads(ended.stdout)["order"] == "o-1"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"type": "order.paid"}, "is started by `order.placed`, and this event is `order.paid`"),
        ({"type": 5}, "event.json: this is not a CloudEvent: it has no `type`"),
        ({"data": [1]}, "event.json: the data of the event are the inputs, and must"),
        ({"data": None, "data_base64": "eA=="}, "the data of the event are the inputs, and must"),
    ],
)
def test_an_event_that_starts_nothing(
    cli: CommandLine, flow: str, project: Path, changed: dict[str, object], message: str
) -> None:
    done = cli("run", flow, "--event", event(cli, **changed))
    assert (done.code, "error[F082]" in done.err) == (2, True)
    assert message in " ".join(done.err.split())
    assert not (project / ".flowdsl").exists()


def test_data_that_are_not_the_inputs_are_said_before_anything_is_sent(
    cli: CommandLine, flow: str, project: Path
) -> None:
    done = cli("run", flow, "--event", event(cli, data={"order": 5, "ordr": "x"}))
    assert (done.code, "error[F072]" in done.err) == (2, True)
    assert "`order` must be text, not 5" in done.err
    assert "no input `ordr`" in done.err
    assert not (project / ".flowdsl").exists()


def test_a_file_that_no_event_starts(cli: CommandLine) -> None:
    flow = cli.write("w.yaml", "flowdsl: 1\nsteps: [{ status: x }]\n")
    done = cli("run", flow, "--event", event(cli))
    assert "w.yaml is started by no event" in done.err
    assert "add `trigger: { event: … }` to the file" in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("text", "code"), [("{", "F073"), ("5", "F082"), ("[]", "F082"), ("a: b: c", "F002")]
)
def test_what_is_no_event_at_all(cli: CommandLine, flow: str, text: str, code: str) -> None:
    done = cli("run", flow, "--event", cli.write("e.yaml", text))
    assert (done.code, f"error[{code}]" in done.err) == (2, True)


def test_an_event_that_is_not_there(cli: CommandLine, flow: str) -> None:
    event(cli)
    done = cli("run", flow, "--event", "evnt.json")
    assert "evnt.json: no such file" in done.err
    assert "did you mean event.json?" in done.err


def test_one_stdin_is_not_two_files(cli: CommandLine, flow: str) -> None:
    done = cli("run", flow, "--event", "-", "-f", "-")
    assert (done.code, "error[F079]" in done.err) == (2, True)


# --- the same event -----------------------------------------------------------------------------------


def runs(cli: CommandLine) -> list[str]:
    return sorted(row["run"] for row in cli("list", "--json").json["runs"])


def test_the_same_event_starts_one_run(cli: CommandLine, flow: str) -> None:
    first = cli("run", flow, "--event", event(cli), "--json")
    again = cli("run", flow, "--event", event(cli), "--json")
    assert again.json["run"] == first.json["run"]
    assert "was started before" in again.err
    assert first.json["run"].startswith("listener-")
    assert len(first.json["run"]) == len("listener-") + 16
    # and so it does whatever it carries, and whatever became of the file
    cli.write("listener.yaml", FLOW + "description: changed\n")
    other = cli("run", flow, "--event", event(cli, data={"order": "o-2"}), "--json")
    assert (other.code, other.json["run"]) == (0, first.json["run"])
    assert runs(cli) == [first.json["run"]]


@pytest.mark.parametrize("changed", [{"id": "e-2"}, {"source": "another shop"}])
def test_another_event_starts_another_run(
    cli: CommandLine, flow: str, changed: dict[str, object]
) -> None:
    cli("run", flow, "--event", event(cli))
    cli("run", flow, "--event", event(cli, **changed))
    assert len(runs(cli)) == 2


@pytest.mark.parametrize("missing", ["id", "source"])
def test_an_event_that_does_not_say_which_it_is_starts_a_run_each_time(
    cli: CommandLine, flow: str, missing: str
) -> None:
    cli("run", flow, "--event", event(cli, **{missing: None}))
    cli("run", flow, "--event", event(cli, **{missing: None}))
    assert len(runs(cli)) == 2


def test_with_an_id_both_are_claimed(cli: CommandLine, flow: str) -> None:
    assert cli("run", flow, "--event", event(cli), "--id", "mine").code == 0
    # the id
    taken = cli("run", flow, "-i", "order=o-9", "--id", "mine")
    assert (taken.code, "F206" in taken.err) == (2, True)
    # and the event
    assert cli("run", flow, "--event", event(cli), "--json").json["run"] == "mine"
    assert cli("run", flow, "--event", event(cli), "--id", "mine", "--json").json["run"] == "mine"
    other = cli("run", flow, "--event", event(cli), "--id", "other")
    assert (other.code, "this event has started mine" in other.err) == (2, True)
    assert runs(cli) == ["mine"]
    # which leaves the other id as free as it was
    assert cli("run", flow, "-i", "order=o-9", "--id", "other").code == 0


def test_an_event_that_started_a_run_of_its_own_name_takes_no_other_id(
    cli: CommandLine, flow: str
) -> None:
    own = cli("run", flow, "--event", event(cli), "--json").json["run"]
    other = cli("run", flow, "--event", event(cli), "--id", "other")
    assert (other.code, f"this event has started {own}" in other.err) == (2, True)


def test_a_claim_that_was_lost_is_made_again_as_its_run_began(cli: CommandLine, flow: str) -> None:
    run = cli("run", flow, "--event", event(cli), "--json").json["run"]
    (cli.project / ".flowdsl" / "claims" / run).unlink()
    again = cli("run", flow, "--event", event(cli, data={"order": "o-2"}), "--json")
    assert (again.json["run"], runs(cli)) == (run, [run])
    assert cli("fsck", "--json").json["findings"] == []


def test_fsck_knows_the_claims_of_events(cli: CommandLine, flow: str) -> None:
    cli("run", flow, "--event", event(cli), "--id", "mine")
    assert cli("fsck", "--json").json["findings"] == []
