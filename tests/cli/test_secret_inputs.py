"""Secret inputs: left out they are null, given they are there, and a run that was given one waits for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.command_line import CommandLine, Services

FLOW = """flowdsl: 1
name: codes
inputs:
  otp: { type: "string?", secret: true }
  grace: { type: boolean, default: false }
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
steps:
  - { id: first, call: POST mail/messages, body: { text: first }, compensate: none }
  - id: approval
    when: inputs.grace
    wait_for: approve
  - id: second
    call: POST mail/messages
    headers: { X-Otp: "${default(inputs.otp, 'none')}", X-Text: "otp ${default(inputs.otp, secrets.SPARE)}" }
    body: { text: second, otp: "${inputs.otp}", either: "${default(inputs.otp, secrets.SPARE)}" }
    compensate: none
  - { id: third, when: inputs.otp, call: POST mail/messages, body: { text: third }, headers: { X-Otp: "${inputs.otp}" }, compensate: none }
"""


@pytest.fixture
def flow(cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SPARE", "spare-secret")
    return cli.write("codes.yaml", FLOW)


def bodies(services: Services) -> list[Any]:
    return [json.loads(request["body"]) for request in services.requests()]


def test_the_file_is_right(cli: CommandLine, flow: str) -> None:
    done = cli("validate", flow, "--format", "json", "--strict")
    assert [found["code"] for found in done.json["diagnostics"]] == [
        "F067"
    ]  # nothing ends the wait


def test_left_out_it_is_null(cli: CommandLine, services: Services, flow: str) -> None:
    done = cli("run", flow, "--json")
    assert (done.code, done.json["state"]) == (0, "succeeded"), done.err
    _, second = bodies(services)
    assert second == {"text": "second", "otp": None, "either": "spare-secret"}
    assert services.requests()[1]["headers"]["x-otp"] == "none"
    assert services.requests()[1]["headers"]["x-text"] == "otp spare-secret"
    assert done.json["steps"]["third"]["state"] == "skipped"


def test_given_it_is_sent_and_never_kept(cli: CommandLine, services: Services, flow: str) -> None:
    done = cli("run", flow, "-i", "otp=canary-4711", "--json")
    assert done.code == 0
    _, second, _ = bodies(services)
    assert second == {"text": "second", "otp": "canary-4711", "either": "canary-4711"}
    assert services.requests()[1]["headers"]["x-otp"] == "canary-4711"
    assert services.requests()[2]["headers"]["x-otp"] == "canary-4711"
    kept = b"".join(p.read_bytes() for p in (cli.project / ".flowdsl").rglob("*") if p.is_file())
    assert b"codes" in kept
    assert b"canary-4711" not in kept
    assert "canary-4711" not in done.out + done.err


def test_a_run_that_was_given_one_waits_for_it(
    cli: CommandLine, services: Services, flow: str
) -> None:
    asked = ("run", flow, "-i", "grace=true", "--id", "a", "--no-wait")
    assert cli(*asked, "-i", "otp=canary-4711").code == 4
    assert cli("signal", "a", "approve").code == 0
    for words in (("resume", "a"), ("cancel", "a"), asked):
        done = cli(*words)
        assert (done.code, "`otp` of this run must be given again" in done.err) == (2, True), done
    assert len(services.requests()) == 1
    assert cli("resume", "a", "-i", "otp=canary-4711").code == 0
    assert bodies(services)[1]["otp"] == "canary-4711"


def test_a_run_that_was_not_given_it_goes_on_without(
    cli: CommandLine, services: Services, flow: str
) -> None:
    assert cli("run", flow, "-i", "grace=true", "--id", "a", "--no-wait").code == 4
    assert cli("signal", "a", "approve").code == 0
    late = cli("resume", "a", "-i", "otp=4711")
    assert (late.code, "`otp` of this run was left out" in late.err) == (2, True)
    assert cli("resume", "a").code == 0
    assert bodies(services)[1]["otp"] is None


def test_a_default_is_taken_again_by_who_goes_on(
    cli: CommandLine, services: Services, flow: str
) -> None:
    text = FLOW.replace(
        '{ type: "string?", secret: true }', "{ type: string, secret: true, default: 0000 }"
    )
    cli.write("codes.yaml", text.replace("default: 0000", 'default: "0000"'))
    assert cli("run", flow, "-i", "grace=true", "--id", "a", "--no-wait").code == 4
    assert (
        cli("run", flow, "-i", "grace=true", "--id", "b", "-i", "otp=1111", "--no-wait").code == 4
    )
    for run in ("a", "b"):
        assert cli("signal", run, "approve").code == 0
    assert cli("resume", "a").code == 0
    assert bodies(services)[-2]["otp"] == "0000"
    assert cli("resume", "b").code == 2
    assert cli("resume", "b", "-i", "otp=1111").code == 0
    assert bodies(services)[-2]["otp"] == "1111"


def test_a_plan_does_not_know_whether_it_is_given(cli: CommandLine, flow: str) -> None:
    calls = cli("plan", flow).out
    assert "third" in calls
    assert "‹inputs.otp›" in cli("plan", flow, "--json").out.encode().decode("unicode-escape")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ('when: "not inputs.otp"', "would be seen in a condition"),
        ("when: inputs.otp == '1'", "would be seen in a condition"),
        ("when: secrets.SPARE", "would be seen in a condition"),
        ('headers: { X: "${default(inputs.otp + \'x\', \'y\')}" }', "cannot be part of an operation"),
        ('headers: { X: "${upper(default(inputs.otp, \'y\'))}" }', "cannot be part of an operation"),
        ('query: { x: "${default(inputs.otp, \'y\')}" }', "would be seen in a URL"),
        ('headers: { X: "${inputs.otp}" }', "may be null"),
        ('body: { x: "${inputs.otp or \'y\'}" }', "cannot be part of an operation"),
    ],
)  # fmt: skip
def test_nothing_else_can_be_done_with_it(
    cli: CommandLine, flow: str, place: str, said: str
) -> None:
    head = FLOW.partition("steps:\n")[0]
    cli.write("wrong.yaml", f"{head}steps:\n  - call: GET mail/messages\n    {place}\n")
    done = cli("validate", "wrong.yaml")
    assert (done.code, said in done.out) == (1, True), done.out


# --- what is checked before the first call ------------------------------------------------------------

PARENT = """flowdsl: 1
name: parent
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
steps:
  - { call: POST mail/messages, body: { text: first }, compensate: none }
  - { uses: ./child.yaml, detach: true }
"""
CHILD = """flowdsl: 1
name: child
services: { other: "${env.CHILD_URL}/mail" }
steps: [{ call: POST other/messages, body: { text: "${secrets.CHILD}" }, compensate: none }]
"""


@pytest.mark.parametrize(("missing", "code"), [("CHILD", "F077"), ("CHILD_URL", "F075")])
def test_what_a_run_of_its_own_needs_is_checked_with_its_parent(
    cli: CommandLine,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    code: str,
) -> None:
    cli.write("parent.yaml", PARENT)
    cli.write("child.yaml", CHILD)
    monkeypatch.setenv("CHILD", "a-secret-of-it")
    monkeypatch.setenv("CHILD_URL", services.url)
    monkeypatch.delenv(missing)
    done = cli("run", "parent.yaml")
    assert (done.code, f"error[{code}]" in done.err, services.requests()) == (2, True, [])
    monkeypatch.setenv(missing, services.url)
    assert cli("run", "parent.yaml").code == 0
    sent = services.url if missing == "CHILD" else "a-secret-of-it"
    assert [one["text"] for one in bodies(services)] == ["first", sent]
