"""`flowdsl run`, end to end: exit codes, what is on which stream, and what the services saw."""

from __future__ import annotations

import base64
import json
import re
import stat
from pathlib import Path

import pytest

from tests.cli.command_line import DECLINED, SHIPPED, TRIP, CommandLine, Services

FLOW = str(SHIPPED / "trip.yaml")
OUTPUTS = {"flight", "hotel", "car", "payment"}


def test_the_result_is_on_stdout_and_everything_else_is_not(
    cli: CommandLine, services: Services
) -> None:
    done = cli("run", FLOW, *TRIP)
    assert done.code == 0
    assert set(done.json) == OUTPUTS
    assert done.err.index(" start ") < done.err.index(" commit ") < done.err.index("succeeded")
    assert services.residue("succeeded") == []
    assert services.counts() == {1}


def test_json_is_the_whole_run_as_one_object(cli: CommandLine, services: Services) -> None:
    done = cli("run", FLOW, *TRIP, "--json", "--progress", "quiet")
    found = done.json
    assert (done.code, done.err) == (0, "")
    assert (found["format"], found["workflow"], found["state"]) == (1, "book-trip", "succeeded")
    assert found["status"] == "confirmed"
    assert set(found["outputs"]) == OUTPUTS
    assert found["steps"]["parallel-1/flight"]["state"] == "ok"
    assert found["steps"]["notice"]["state"] == "skipped"
    assert re.fullmatch(r"book-trip-[a-z2-7]{10}", found["run"])


def test_a_refusal_undoes_everything_and_is_1(cli: CommandLine, services: Services) -> None:
    done = cli("run", FLOW, *DECLINED)
    assert (done.code, done.out) == (1, "")
    assert services.residue("compensated") == []
    assert services.standings() == ["released"] * 3
    assert "error[F110]: payment was refused: 402 Payment Required" in done.err
    assert "nothing is left behind" in done.err
    assert re.search(r"flowdsl rerun book-trip-", done.err)


def test_an_undo_that_cannot_be_done_is_3(cli: CommandLine, services: Services) -> None:
    services.fault(
        service="hotels", method="DELETE", path="/reservations/*", fault="refuse:403", times=9
    )
    done = cli("run", FLOW, *DECLINED)
    assert (done.code, done.out) == (3, "")
    assert "stuck" in done.err
    assert re.search(r"flowdsl resume book-trip-\S+ --skip hotel --reason", done.err)


def test_a_warning_is_still_0(cli: CommandLine, services: Services) -> None:
    services.fault(service="mail", method="POST", path="/messages", fault="refuse:403", times=9)
    done = cli("run", FLOW, *TRIP, "-i", "email=a@example.com")
    assert done.code == 0
    assert "1 warning" in done.err
    assert set(done.json) == OUTPUTS


@pytest.mark.parametrize("kind", ["plain", "json", "quiet", "tty"])
def test_every_kind_of_progress_leaves_stdout_alone(
    cli: CommandLine, services: Services, kind: str
) -> None:
    done = cli("run", FLOW, *TRIP, "--progress", kind)
    assert done.code == 0
    assert set(done.json) == OUTPUTS
    match kind:
        case "json":
            events = [json.loads(line) for line in done.err.splitlines()]
            assert next(e["event"]["t"] for e in events) == "created"
            assert events[-1]["event"] == {"t": "ended", "state": "succeeded"}
            assert {e["format"] for e in events} == {1}
        case "quiet":
            assert done.err == ""
        case "tty":
            assert "✓ payment" in done.err
        case _:
            assert re.match(r"\d\d:\d\d:\d\d\.\d{3} run ", done.err)


def test_quiet_still_says_what_went_wrong(cli: CommandLine, services: Services) -> None:
    done = cli("run", FLOW, *DECLINED, "--progress", "quiet")
    assert done.code == 1
    assert "error[F110]" in done.err
    assert "compensated" in done.err
    assert " start " not in done.err


def test_inputs_come_from_a_file_and_flags_win(cli: CommandLine, services: Services) -> None:
    cli.write("trip.json", '{"flight": "A", "hotel": "B", "card": "tok_declined", "nights": 3}')
    assert cli("run", FLOW, "-f", "trip.json", "-i", "card=tok_visa").code == 0
    bodies = [json.loads(r["body"] or "null") for r in services.requests()]
    assert [b["nights"] for b in bodies if b and "hotel" in b] == [3]


def test_nothing_that_the_store_holds_is_for_other_eyes(
    cli: CommandLine, services: Services, project: Path
) -> None:
    cli("run", FLOW, *TRIP)
    store = project / ".flowdsl"
    modes = {stat.S_IMODE(p.stat().st_mode) for p in [store, *store.rglob("*")]}
    assert modes == {0o700, 0o600}


SECRET = """flowdsl: 1
name: secretive
inputs:
  otp: { type: string, secret: true }
services:
  payments:
    url: ${default(env.DEMO_URL, 'http://localhost:9000')}/payments
    auth: bearer ${secrets.TOKEN}
steps:
  - id: payment
    call: POST payments/charges
    body: { card: tok_visa, amount: 1, otp: "${inputs.otp}", reference: "${run.id}" }
    compensate: POST payments/charges/${payment.id}/refund
outputs: { payment: "${payment.id}" }
"""


@pytest.mark.parametrize("words", [(), ("--progress", "json"), ("--json",)])
def test_secrets_reach_the_service_and_nobody_else(
    cli: CommandLine,
    services: Services,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    cli.write("w.yaml", SECRET)
    done = cli("run", "w.yaml", "-i", "otp=998877665544", *words)
    assert done.code == 0
    sent = services.requests()[0]
    assert sent["headers"]["authorization"] == "Bearer hunter2hunter2"
    assert json.loads(sent["body"])["otp"] == "998877665544"
    kept = b"".join(p.read_bytes() for p in (project / ".flowdsl").rglob("*") if p.is_file())
    for secret in ("hunter2hunter2", "998877665544"):
        assert secret not in done.out + done.err
        assert secret.encode() not in kept


def test_a_password_goes_out_in_base64_and_is_neither_kept_nor_shown_in_any_form(
    cli: CommandLine, services: Services, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    basic = 'auth: { basic: { user: flows, password: "${secrets.TOKEN}" } }'
    cli.write("w.yaml", SECRET.replace("auth: bearer ${secrets.TOKEN}", basic))
    done = cli("run", "w.yaml", "-i", "otp=998877665544", "--id", "r")
    assert done.code == 0, done.err
    sent = base64.b64encode(b"flows:hunter2hunter2").decode()
    assert services.requests()[0]["headers"]["authorization"] == f"Basic {sent}"
    shown = cli("show", "r", "payment"), cli("show", "r", "payment", "--curl")
    assert "> Authorization: Basic ••••••" in shown[0].out + shown[0].err
    assert '-u flows:"$TOKEN"' in shown[1].out
    kept = b"".join(p.read_bytes() for p in (project / ".flowdsl").rglob("*") if p.is_file())
    for text in ("hunter2hunter2", sent, base64.b64encode(b"hunter2hunter2").decode()[:16]):
        assert text not in "".join(d.out + d.err for d in (done, *shown))
        assert text.encode() not in kept


@pytest.mark.parametrize("where", ["environment", ".env", "flag", "setting"])
def test_where_secrets_come_from(
    cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    cli.write("w.yaml", SECRET)
    words = ["run", "w.yaml", "-i", "otp=1"]
    match where:
        case "environment":
            monkeypatch.setenv("TOKEN", "t-environment")
        case ".env":
            cli.write(".env", "TOKEN=t-.env\n")
        case "flag":
            cli.write("s.env", "TOKEN=t-flag\n")
            words += ["--secrets-file", "s.env"]
        case _:
            cli.write("s.env", "TOKEN=t-setting\n")
            cli.write("flowdsl.toml", 'secrets_file = "s.env"')
    assert cli(*words).code == 0
    assert services.requests()[0]["headers"]["authorization"] == f"Bearer t-{where}"


def test_an_environment_replaces_the_addresses(
    cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_URL", "http://127.0.0.1:1")
    names = ("flights", "hotels", "cars", "payments", "mail")
    urls = "\n".join(f'{name} = "{services.url}/{name}"' for name in names)
    cli.write("flowdsl.toml", f"[env.demo.services]\n{urls}\n")
    assert cli("run", FLOW, *TRIP, "--env", "demo").code == 0
    assert services.residue("succeeded") == []


def test_a_run_started_by_hand_says_what_else_is_open(cli: CommandLine, services: Services) -> None:
    services.fault(
        service="hotels", method="DELETE", path="/reservations/*", fault="refuse:403", times=9
    )
    cli("run", FLOW, *DECLINED)
    services.reset()
    assert "interrupted run" not in cli("run", FLOW, *TRIP).err  # stuck is not interrupted
