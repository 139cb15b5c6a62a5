"""Runs that were interrupted, are stuck, or are driven by somebody else: resume, cancel, rerun, --id."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command_line import (
    DECLINED,
    SECONDS_MAX,
    SHIPPED,
    TRIP,
    CommandLine,
    Services,
    read_until,
    wait_for,
)
from tests.processes.real import patient_trip

FLOW = str(SHIPPED / "trip.yaml")


WAITING = """flowdsl: 1
name: patient
services: { mail: "${default(env.DEMO_URL, 'http://localhost:9000')}/mail" }
steps:
  - { wait_for: go, timeout: 1h }
  - id: sent
    call: POST mail/messages
    body: { reference: "${run.id}" }
    compensate: none
"""


@contextmanager
def driven(cli: CommandLine, services: Services) -> Iterator[subprocess.Popen[str]]:
    """A run in another process, at the moment when the charge is out; its answer is held until it is let go."""
    services.fault(service="payments", method="POST", path="/charges", fault="hold")
    before = len(services.requests())
    trip = ("run", patient_trip(cli.project), *TRIP, "--id", cli.run_id)
    with cli.start(*trip, "--progress", "plain") as process:
        try:
            wait_for(lambda: any("/charges" in r["path"] for r in services.requests()[before:]))
            yield process
        finally:
            process.kill()
            services.release()


@contextmanager
def following(cli: CommandLine, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that looks at what the driver does."""
    with cli.start(*words) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SECONDS_MAX)
    return process.returncode, out, err


def state(cli: CommandLine) -> str:
    found: str = cli("status", cli.run_id, "--json").json["state"]
    return found


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_saves_the_run_and_resume_goes_on(
    cli: CommandLine, services: Services, number: signal.Signals, code: int
) -> None:
    with driven(cli, services) as process:
        process.send_signal(number)
        read_until(process, "Stopping: 1 call open, up to 5 s…")
        services.release()
        told, out, err = ended(process)
    assert (told, out) == (code, "")
    assert f"flowdsl resume {cli.run_id}" in err
    assert f"flowdsl cancel {cli.run_id}" in err
    assert "Traceback" not in err
    assert state(cli) == "interrupted"
    # and only Ctrl-C is a person's word that it shall wait for a person
    last = cli("status", cli.run_id, "--events", "--json").json["events"][-1]["event"]["t"]
    assert last == ("paused" if number == signal.SIGINT else "stopped")
    done = cli("resume", cli.run_id)
    assert done.code == 0
    assert set(done.json) == {"flight", "hotel", "car", "payment"}
    assert services.counts() == {1}
    assert services.residue("succeeded") == []


def test_a_second_signal_stops_at_once(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process:
        process.send_signal(signal.SIGINT)
        read_until(process, "Stopping")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=SECONDS_MAX) == 130
    assert cli("resume", cli.run_id).code == 0
    assert services.counts() == {1}


def test_a_killed_run_goes_on_where_it_was(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process:
        process.kill()
        process.wait(timeout=SECONDS_MAX)
    assert state(cli) == "interrupted"
    assert "same key" in cli("status").out
    other = cli("run", FLOW, *TRIP)
    assert f"1 interrupted run: flowdsl resume {cli.run_id}" in other.err
    assert cli("resume", cli.run_id).code == 0
    assert services.counts() == {1}
    assert services.residue("succeeded") == []


def test_cancelling_an_interrupted_run_undoes_it(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process:
        process.kill()
        process.wait(timeout=SECONDS_MAX)
    before = len(services.requests())
    planned = cli("cancel", cli.run_id, "--plan")
    assert planned.code == 0
    assert "Nothing has been sent." in planned.out
    assert "DELETE" in planned.out
    assert len(services.requests()) == before
    done = cli("cancel", cli.run_id, "--reason", "not today")
    assert done.code == 0
    assert services.residue("compensated") == []
    assert "not today" in cli("status", cli.run_id, "--events").out
    again = cli("cancel", cli.run_id)
    assert (again.code, "is over: cancelled" in again.err) == (0, True)


def test_cancelling_a_live_run_is_done_by_its_driver(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process, following(cli, "cancel", cli.run_id) as person:
        read_until(process, " cancel ")
        services.release()
        code, _, said = ended(person)
        assert ended(process)[:2] == (1, "")
    assert code == 0
    assert "driven by another process" in said
    assert " undone " in said
    assert services.residue("compensated") == []
    assert services.counts() == {1}


def test_resuming_a_live_run_follows_it(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process, following(cli, "resume", cli.run_id) as person:
        read_until(person, "driven by another process")
        services.release()
        code, seen, said = ended(person)
        driver, out, _ = ended(process)
    assert (code, driver) == (0, 0)
    assert json.loads(seen) == json.loads(out)
    assert [line.split()[1] for line in said.splitlines() if " done " in line] == ["done"]
    assert services.counts() == {1}


def test_watching_follows_to_the_end(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process, following(cli, "status", cli.run_id, "-w") as person:
        read_until(person, "paying")
        services.release()
        code, _, said = ended(person)
        assert ended(process)[0] == 0
    assert code == 0
    assert " confirmed " in said
    assert "succeeded" in said


def test_watching_says_when_the_driver_dies(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process:
        process.kill()
        process.wait(timeout=SECONDS_MAX)
        done = cli("status", cli.run_id, "-w")
    assert done.code == 0
    assert "interrupted" in done.err
    assert f"flowdsl resume {cli.run_id}" in done.err


def test_a_follower_takes_over_when_the_driver_dies(cli: CommandLine, services: Services) -> None:
    again = ("run", patient_trip(cli.project), *TRIP, "--id", cli.run_id)
    with driven(cli, services) as process, following(cli, *again) as follower:
        read_until(follower, "paying")
        process.kill()
        process.wait(timeout=SECONDS_MAX)
        services.release()
        code, _, said = ended(follower)
    assert code == 0
    assert "takeover 1" in said
    assert services.counts() == {1}


# --- --id: once ---------------------------------------------------------------------------------------


def test_the_same_id_again_tells_the_end_and_sends_nothing(
    cli: CommandLine, services: Services
) -> None:
    first = cli("run", FLOW, *TRIP, "--id", "order-1")
    seen = len(services.requests())
    again = cli("run", FLOW, *TRIP, "--id", "order-1")
    assert (first.code, again.code) == (0, 0)
    assert again.json == first.json
    assert "started before" in again.err
    assert len(services.requests()) == seen


@pytest.mark.parametrize("words", [DECLINED, (*TRIP, "-i", "nights=2")])
def test_the_same_id_for_something_else_is_an_error(
    cli: CommandLine, services: Services, words: tuple[str, ...]
) -> None:
    cli("run", FLOW, *TRIP, "--id", "order-1")
    seen = len(services.requests())
    done = cli("run", FLOW, *words, "--id", "order-1")
    assert (done.code, done.out) == (2, "")
    assert "order-1" in done.err
    assert len(services.requests()) == seen


def test_the_same_id_attaches_to_a_live_run(cli: CommandLine, services: Services) -> None:
    again = ("run", patient_trip(cli.project), *TRIP, "--id", cli.run_id)
    with driven(cli, services) as process, following(cli, *again) as person:
        read_until(person, "this is the same run")
        services.release()
        code, seen, _ = ended(person)
        driver, out, _ = ended(process)
    assert (code, driver) == (0, 0)
    assert json.loads(seen) == json.loads(out)
    assert services.counts() == {1}


def test_the_same_id_takes_over_a_dead_run(cli: CommandLine, services: Services) -> None:
    with driven(cli, services) as process:
        process.kill()
        process.wait(timeout=SECONDS_MAX)
    assert cli("run", patient_trip(cli.project), *TRIP, "--id", cli.run_id).code == 0
    assert services.counts() == {1}


def test_an_id_of_a_run_that_was_undone_tells_that(cli: CommandLine, services: Services) -> None:
    cli("run", FLOW, *DECLINED, "--id", "order-1")
    again = cli("run", FLOW, *DECLINED, "--id", "order-1")
    assert (again.code, again.out) == (1, "")
    assert "compensated" in again.err


# --- stuck --------------------------------------------------------------------------------------------


@pytest.fixture
def stuck(cli: CommandLine, services: Services) -> str:
    """A run whose hotel cannot be released."""
    services.fault(service="hotels", method="DELETE", path="/reservations/*", fault="refuse:403")
    assert cli("run", FLOW, *DECLINED, "--id", cli.run_id).code == 3
    return cli.run_id


@pytest.mark.parametrize("words", [(), ("--retry", "hotel"), ("--retry", "parallel-1/hotel")])
def test_a_stuck_run_tries_again(
    cli: CommandLine, services: Services, stuck: str, words: tuple[str, ...]
) -> None:
    done = cli("resume", stuck, *words)
    assert done.code == 1
    assert "nothing is left behind" in done.err
    assert services.residue("compensated") == []


def test_a_person_can_take_it_off_the_list(
    cli: CommandLine, services: Services, stuck: str
) -> None:
    seen = len(services.requests())
    done = cli("resume", stuck, "--skip", "hotel", "--reason", "called them")
    assert done.code == 1
    assert "called them" in done.err
    assert len(services.requests()) == seen
    found = cli("status", stuck, "--json").json["residue"]
    assert [one["reason"] for one in found] == ["called them"]
    assert found[0]["actor"]


def test_a_person_can_say_that_it_is_done(cli: CommandLine, stuck: str) -> None:
    cli.write("answer.json", "{}")
    words = ("--resolve", "hotel", "--ok", "answer.json", "--reason", "ticket 4711")
    done = cli("resume", stuck, *words)
    # then the run may end, and who said so is told, on the screen and to programs
    assert done.code == 1
    assert "1 thing to know about" in done.err
    assert "it is undone, on a person's word: ticket 4711" in " ".join(done.err.split())
    (left,) = cli("status", stuck, "--json").json["residue"]
    assert (left["call"], left["reason"]) == ("parallel-1/hotel!undo", "ticket 4711")
    assert left["actor"]


def test_a_person_cannot_say_that_what_was_answered_never_happened(
    cli: CommandLine, services: Services, stuck: str
) -> None:
    seen = len(services.requests())
    done = cli("resume", stuck, "--resolve", "hotel", "--absent")
    assert done.code == 2
    assert "error[F144]" in done.err
    assert "answered 201: it is known that it happened" in " ".join(done.err.split())
    assert "--skip" in done.err
    assert len(services.requests()) == seen
    assert state(cli) == "stuck"


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_an_order_that_is_repeated_says_so_and_is_done(
    cli: CommandLine, services: Services, stuck: str, flags: tuple[str, ...]
) -> None:
    # given an order that ended the run
    order = ("resume", stuck, "--skip", "hotel", "--reason", "called them")
    assert cli(*order).code == 1
    events, seen = cli("status", stuck, "--events").out, len(services.requests())
    # when it is given again
    again = cli(*order, *flags)
    # then it was done before, and nothing happens
    assert again.code == 0
    assert "this was ordered before" in again.err
    assert not flags or again.json["state"] == "compensated"
    assert cli("status", stuck, "--events").out == events
    assert len(services.requests()) == seen
    # and another reason is another order, for which it is too late
    assert cli("resume", stuck, "--skip", "hotel", "--reason", "other").code == 2


def test_cancelling_a_stuck_run_is_resuming_it(
    cli: CommandLine, services: Services, stuck: str
) -> None:
    assert cli("cancel", stuck).code == 0
    assert services.residue("compensated") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--skip", "hotel"], "--skip needs a reason"),
        (["--skip", "hotel", "--reason", " "], "--skip needs a reason"),
        (["--skip", "hotel", "--retry", "hotel", "--reason", "x"], "one of"),
        (["--retry", "flight"], "`flight` is not stuck"),
        (["--retry", "nosuch"], "no step `nosuch`"),
        (["--resolve", "hotel"], "--ok FILE"),
        (["--resolve", "hotel", "--absent", "--ok", "x"], "--ok FILE"),
        (["--resolve", "hotel", "--ok", "nosuch.json"], "no such file"),
        (["--resolve", "hotel", "--ok", "bad.json"], "not JSON"),
        (["--absent"], "belong to --resolve"),
        (["-i", "card=x"], "is fixed"),
        (["-i", "bogus=x"], "is fixed"),
    ],
)
def test_orders_that_make_no_sense_touch_nothing(
    cli: CommandLine, services: Services, stuck: str, words: list[str], said: str
) -> None:
    cli.write("bad.json", "{")
    seen = len(services.requests())
    events = cli("status", stuck, "--events").out
    done = cli("resume", stuck, *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(services.requests()) == seen
    assert cli("status", stuck, "--events").out == events


# --- over ---------------------------------------------------------------------------------------------


def test_a_finished_run_says_so_and_exits_by_its_end(cli: CommandLine, services: Services) -> None:
    cli("run", FLOW, *TRIP, "--id", "good")
    cli("run", FLOW, *DECLINED, "--id", "bad")
    good, bad = cli("resume", "good"), cli("resume", "bad")
    assert (good.code, bad.code) == (0, 1)
    assert "is over: succeeded" in good.err
    assert set(good.json) == {"flight", "hotel", "car", "payment"}
    assert cli("resume", "good", "--retry", "payment").code == 2
    assert cli("cancel", "good").code == 2
    assert cli("cancel", "bad").code == 1
    assert cli("cancel", "good", "--plan").code == 2


def test_past_its_commit_a_run_is_not_cancelled(cli: CommandLine, services: Services) -> None:
    services.fault(
        service="hotels", method="POST", path="/reservations/*/confirm", fault="refuse:403"
    )
    assert cli("run", FLOW, *TRIP, "--id", cli.run_id).code == 3
    seen = len(services.requests())
    done = cli("cancel", cli.run_id)
    assert done.code == 2
    assert "past its commit line" in done.err
    assert len(services.requests()) == seen
    assert cli("resume", cli.run_id).code == 0
    assert services.residue("succeeded") == []


def test_rerun_is_a_new_run_of_the_old_inputs(cli: CommandLine, services: Services) -> None:
    cli("run", FLOW, *DECLINED, "--id", "old")
    done = cli("rerun", "old", "-i", "card=tok_visa", "--json", "--progress", "quiet")
    assert done.code == 0
    assert done.json["run"] != "old"
    assert [r["run"] for r in cli("list", "--json").json["runs"]] == [done.json["run"], "old"]
    bodies = [json.loads(r["body"] or "null") for r in services.requests()]
    assert {b["hotel"] for b in bodies if b and "hotel" in b} == {"Savoy"}


def test_rerun_takes_the_file_as_it_was_and_says_when_it_changed(
    cli: CommandLine, services: Services, project: Path
) -> None:
    cli.write("w.yaml", Path(FLOW).read_text())
    cli("run", "w.yaml", *TRIP, "--id", "old")
    (project / "w.yaml").write_text("flowdsl: 1\n")
    done = cli("rerun", "old")
    assert done.code == 0
    assert "w.yaml has changed since" in done.err


# --- waiting, secrets again ---------------------------------------------------------------------------


def test_no_wait_leaves_a_waiting_run_with_4(cli: CommandLine, services: Services) -> None:
    cli.write("w.yaml", WAITING)
    done = cli("run", "w.yaml", "--no-wait", "--id", cli.run_id)
    assert (done.code, done.out) == (4, "")
    assert "waiting" in done.err
    assert services.requests() == []
    assert cli("resume", cli.run_id, "--no-wait").code == 4
    assert '"state":"waiting"' in cli("resume", cli.run_id, "--no-wait", "--json").out
    assert cli("signal", cli.run_id, "go").code == 0
    assert cli("resume", cli.run_id).code == 0
    assert len(services.requests()) == 1


SECRET = """flowdsl: 1
name: secretive
inputs: { otp: { type: string, secret: true } }
services: { payments: "${default(env.DEMO_URL, 'http://localhost:9000')}/payments" }
steps:
  - { wait_for: go, timeout: 1h }
  - id: payment
    call: POST payments/charges
    body: { card: tok_visa, amount: 1, otp: "${inputs.otp}" }
    compensate: none
"""


def test_secret_inputs_are_asked_for_again(cli: CommandLine, services: Services) -> None:
    cli.write("w.yaml", SECRET)
    assert cli("run", "w.yaml", "-i", "otp=123456", "--no-wait", "--id", cli.run_id).code == 4
    done = cli("resume", cli.run_id)
    assert done.code == 2
    assert "add -i otp=…" in done.err
    assert services.requests() == []
    assert cli("signal", cli.run_id, "go").code == 0
    assert cli("resume", cli.run_id, "-i", "otp=123456").code == 0
    assert json.loads(services.requests()[0]["body"])["otp"] == "123456"
