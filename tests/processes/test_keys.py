"""Three processes, one key: their runs go one after the other, in the order they were started, also past a kill -9."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from tests.processes.real import Services, Shell, services, wait_until

FILE = """\
flowdsl: 1
name: one-at-a-time
key: ${inputs.account}
inputs: { account: string, mark: string }
defaults: { timeout: 3m }
services:
  flights: { url: "${default(env.DEMO_URL, 'http://localhost:9000')}/flights", idempotency: 24h }
  hotels: { url: "${default(env.DEMO_URL, 'http://localhost:9000')}/hotels", idempotency: 24h }
steps:
  - id: flight
    call: POST flights/reservations
    body: { flight: any, reference: "${inputs.mark}" }
    confirm: POST flights/reservations/${flight.id}/confirm
    compensate: DELETE flights/reservations/${flight.id}
  - id: hotel
    call: POST hotels/reservations
    body: { hotel: any, reference: "${inputs.mark}" }
    confirm: POST hotels/reservations/${hotel.id}/confirm
    compensate: DELETE hotels/reservations/${hotel.id}
"""
HELD = "hold"  # the first call: the others come while it is out
RUNS = ("one", "two", "three")


def words(folder: Path, run: str) -> tuple[str, ...]:
    file = folder / "keyed.yaml"
    file.write_text(FILE)
    return ("run", str(file), "-i", "account=ada", "-i", f"mark={run}", "--id", run)


def tickets(shell: Shell) -> int:
    return len(list(shell.store.glob("queues/*/0*")))


def spans(mock: Services) -> list[tuple[float, float, str]]:
    """When the services did the first and the last thing for each run."""
    found = []
    for run in RUNS:
        deeds = [deed for effect in mock.effects(run) for deed in effect["deeds"]]
        assert len(deeds) == 4
        found.append((min(d["started"] for d in deeds), max(d["ended"] for d in deeds), run))
    return sorted(found)


def test_three_processes_go_one_after_the_other(tmp_path: Path) -> None:
    with services(latency_milliseconds=100) as mock:
        mock.fault("POST flights/reservations", HELD)
        shell = Shell(tmp_path / "store", mock)
        processes = []
        for number, run in enumerate(RUNS, 1):
            processes.append(shell.start(*words(tmp_path, run)))
            wait_until(f"a place for {run}", lambda number=number: tickets(shell) >= number)
        mock.release()
        for process in processes:
            printed, said = process.communicate()
            assert process.returncode == 0, printed + said

        assert {run["state"] for run in shell.runs()} == {"succeeded"}
        assert all(effect["count"] == 1 for effect in mock.effects())
        assert mock.residue("succeeded") == []
        served = spans(mock)
        assert [run for _, _, run in served] == list(RUNS)
        for (_, end, _), (start, _, _) in pairwise(served):
            assert end <= start
        assert tickets(shell) == 0
        assert mock.fired() == [1]


def test_nobody_goes_past_a_run_whose_process_was_killed(tmp_path: Path) -> None:
    with services(latency_milliseconds=100) as mock:
        mock.fault("POST flights/reservations", HELD)
        shell = Shell(tmp_path / "store", mock)
        first = shell.start(*words(tmp_path, "one"))
        wait_until("a flight on its way", mock.requests)
        others = []
        for number, run in enumerate(RUNS[1:], 2):
            others.append(shell.start(*words(tmp_path, run)))
            wait_until(f"a place for {run}", lambda number=number: tickets(shell) >= number)
        first.kill()
        first.communicate()
        mock.release()
        wait_until("what was on its way to arrive", lambda: mock.effects("one"))
        assert mock.effects("two") == mock.effects("three") == []

        shell.run("resume", "one")
        for process in others:
            printed, said = process.communicate()
            assert process.returncode == 0, printed + said

        assert {run["state"] for run in shell.runs()} == {"succeeded"}
        assert all(effect["count"] == 1 for effect in mock.effects())
        served = spans(mock)
        assert [run for _, _, run in served] == list(RUNS)
        for (_, end, _), (start, _, _) in pairwise(served):
            assert end <= start
