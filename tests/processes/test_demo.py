"""`make demo` shows three stories; the services' ledger and the store's journals say whether they are true."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.processes.real import ROOT, Shell, services


def test_the_demo_books_undoes_and_resumes(tmp_path: Path) -> None:
    with services(latency_milliseconds=50) as mock:
        store, record = tmp_path / "store", tmp_path / "ledgers.json"
        command = [sys.executable, "-m", "mock_services.demo", "--services", mock.url]
        command += ["--store", str(store), "--record", str(record)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
        )

        assert done.returncode == 0, done.stdout + done.stderr
        printed = done.stdout + done.stderr
        for word in ("succeeded", "compensated", "resumed"):
            assert word in printed

        ledgers = json.loads(record.read_text())
        standings = {
            story: sorted(effect["standing"] for effect in ledger["effects"])
            for story, ledger in ledgers.items()
        }
        done_once = ["charged", "confirmed", "confirmed", "confirmed", "sent"]
        assert standings == {
            "booked": done_once,
            "declined": ["released", "released", "released"],
            "resumed": done_once,
        }
        assert all(e["count"] == 1 for ledger in ledgers.values() for e in ledger["effects"])

        shell = Shell(store, mock)
        runs = shell.runs()
        assert [run["state"] for run in runs] == ["succeeded", "compensated", "succeeded"]
        newest = shell.json("show", runs[0]["run"])
        kinds = [each["event"]["t"] for each in newest["events"]]
        assert "resumed" in kinds, "the third run was never taken over"
        assert kinds[-1] == "ended"
