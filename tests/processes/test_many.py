"""Several processes on one store: each run is driven by one of them, and the others can watch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.command_line import read_until
from tests.conftest import Counts
from tests.processes.real import ROOT, TRIP, WORKFLOWS, Shell, patient_trip, services, wait_until

FILE = str(WORKFLOWS / "trip.yaml")
VISA = ("-i", "card=tok_visa")
KILLED, KILLED_FULL = 3, 20


def test_two_runs_at_once_succeed_while_a_third_process_watches(tmp_path: Path) -> None:
    with services() as mock:
        mock.fault("POST payments/charges", "hold", times=2)
        shell, file = Shell(tmp_path / "store", mock), patient_trip(tmp_path)
        one = shell.start("run", file, *TRIP, *VISA, "--id", "one")
        two = shell.start("run", file, *TRIP, *VISA, "--id", "two")
        wait_until("a record of the first run", lambda: b'"run":"one"' in shell.journal())
        watcher = shell.start("status", "one", "-w")
        seen = read_until(watcher, "paying")
        wait_until("both to pay", lambda: mock.fired() == [2])
        mock.release()

        for process in (one, two):
            printed, said = process.communicate()
            assert process.returncode == 0, printed + said
        printed, rest = watcher.communicate()
        seen += rest

        assert watcher.returncode == 0, printed + seen
        labels = ["reserving", "paying", "confirmed", "succeeded"]
        places = [seen.find(label) for label in labels]
        assert -1 not in places, seen
        assert places == sorted(places)
        for run in ("one", "two"):
            effects = mock.effects(run)
            assert len(effects) == 5
            assert all(effect["count"] == 1 for effect in effects)
        assert mock.residue("succeeded") == []


def test_two_who_resume_a_dead_process_runs_share_them(
    tmp_path: Path, counts: Counts, *, full: bool
) -> None:
    number = KILLED_FULL if full else KILLED
    with services() as mock:
        mock.fault("POST payments/charges", "hold", times=None)
        shell, file = Shell(tmp_path / "store", mock), patient_trip(tmp_path)
        command = [
            sys.executable,
            "-m",
            "tests.processes.twenty",
            file,
            str(shell.store),
            mock.url,
            str(number),
        ]
        with subprocess.Popen(command, cwd=ROOT) as doomed:
            wait_until("a charge on its way", lambda: mock.fired() != [0])
            doomed.kill()
        mock.ask("/faults", "DELETE")
        open_runs = [run for run in shell.runs() if run["state"] == "interrupted"]
        assert open_runs, "all had ended before the kill"

        for run in open_runs:
            pair = [shell.start("resume", run["run"]) for _ in range(2)]
            for process in pair:
                printed, said = process.communicate()
                assert process.returncode == 0, printed + said

        assert {run["state"] for run in shell.runs()} == {"succeeded"}
        assert mock.residue("succeeded") == []
        assert [e for e in mock.effects() if e["count"] != 1] == []
    counts.add("runs of a killed process resumed by two at once", len(open_runs))


def test_two_who_start_one_id_start_one_run(tmp_path: Path) -> None:
    with services(latency_milliseconds=100) as mock:
        shell = Shell(tmp_path / "store", mock)
        pair = [shell.start("run", FILE, *TRIP, *VISA, "--id", "same") for _ in range(2)]
        for process in pair:
            printed, said = process.communicate()
            assert process.returncode == 0, printed + said

        assert [run["run"] for run in shell.runs()] == ["same"]
        assert len(mock.effects("same")) == 5
        assert all(effect["count"] == 1 for effect in mock.effects())


def test_an_id_with_other_inputs_is_an_error(tmp_path: Path) -> None:
    with services() as mock:
        shell = Shell(tmp_path / "store", mock)
        shell.run("run", FILE, *TRIP, *VISA, "--id", "mine")
        sent = len(mock.requests())

        again = shell.run("run", FILE, *TRIP, *VISA, "--id", "mine")
        other = shell.run("run", FILE, *TRIP, "-i", "card=tok_other", "--id", "mine", expected=2)

        assert "mine" in again.stderr + again.stdout
        assert "error[" in other.stderr
        assert len(mock.requests()) == sent
