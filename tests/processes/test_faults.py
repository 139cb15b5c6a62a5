"""Each fault once, over real sockets: the ends are those of the table that is played in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.real import TRIP, WORKFLOWS, Shell, services

ENDS = {
    "lose_reply": "succeeded",
    "lose_request": "succeeded",
    "error:503": "succeeded",
    "busy:1s": "succeeded",
    "refuse:402": "compensated",
    "delay:200ms": "succeeded",
    "garbage": "succeeded",
    "cut": "succeeded",
}


@pytest.mark.parametrize("fault", ENDS)
def test_a_fault_strikes_once_over_real_sockets(fault: str, tmp_path: Path) -> None:
    file = tmp_path / "trip.yaml"
    is_waited_for = fault.startswith("lose")
    timeout = "timeout: 2s" if is_waited_for else "timeout: 1m"
    file.write_text((WORKFLOWS / "trip.yaml").read_text().replace("timeout: 10s", timeout))
    with services() as mock:
        shell = Shell(tmp_path / "store", mock)
        mock.fault("POST payments/charges", fault)

        report = shell.json("run", str(file), *TRIP, "-i", "card=tok_visa", expected=None)

        assert mock.fired() == [1], "the fault never struck"
        assert report["state"] == ENDS[fault], report
        assert report["residue"] == []
        assert mock.residue(report["state"]) == []
        assert [effect for effect in mock.effects() if effect["count"] != 1] == []
