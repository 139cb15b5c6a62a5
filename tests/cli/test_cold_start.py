"""What a command does not need is not imported: the start of a process is most of what a short command costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NETWORK = {"httpx", "httptools", "aiohappyeyeballs", "certifi"}
NEVER = {"networkx", "rich", "pygments", "uvicorn", "flowdsl.explorer", "flowdsl.world.store.fsck"}
CHECKS = {"jsonschema", "referencing", "flowdsl.language.rules", "flowdsl.language.openapi.read"}
UNWANTED = {
    "--help": NEVER | NETWORK | CHECKS | {"asyncio", "yaml", "msgspec", "flowdsl.engine", "flowdsl.saga", "flowdsl.language"},
    "list": NEVER | NETWORK | CHECKS,
    "status": NEVER | NETWORK | CHECKS,
    "run one.yaml": NEVER | {"httpx", "certifi", "flowdsl.language.openapi.read", "flowdsl.language.openapi.check"},
}  # fmt: skip
SAYS = """\
import sys
from flowdsl.cli import main
sys.argv = ["flowdsl", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, file=open("modules", "w"))
"""
ONE_STEP = "flowdsl: 1\nsteps:\n  - parallel:\n    - wait: 1ms\n    - wait: 1ms\n"


@pytest.mark.parametrize("command", UNWANTED)
def test_a_command_imports_nothing_that_it_does_not_need(command: str, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(ONE_STEP)
    if command in ("list", "status"):
        imported(tmp_path, "run one.yaml")
    modules = imported(tmp_path, command)
    assert "flowdsl.cli.group" in modules
    assert modules & UNWANTED[command] == set()


def imported(folder: Path, command: str) -> set[str]:
    words = [sys.executable, "-c", SAYS, *command.split()]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, env=dict(os.environ) | {"NO_COLOR": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set((folder / "modules").read_text().split())
