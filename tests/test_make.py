"""What the Makefile says it does: one command blesses all that is kept, and CI installs what is locked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def would_do(*words: str) -> str:
    """What make would type, on a machine where nothing is set up."""
    command = ["make", "--dry-run", "--always-make", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_one_command_blesses_all_that_is_kept() -> None:
    said = would_do("bless")
    for module in ("tests.language.rules.bless", "tests.view.bless", "tests.readme --write"):
        assert f"python -m {module}\n" in said


def test_there_is_no_flag_that_blesses_nothing(pytestconfig: pytest.Config) -> None:
    with pytest.raises(ValueError, match="bless"):
        pytestconfig.getoption("--bless")


@pytest.mark.parametrize(
    ("target", "lock"), [("demo", "demo"), ("lint", "lock"), ("lowest", "lowest")]
)
def test_what_is_installed_is_locked(target: str, lock: str) -> None:
    installs = [line for line in would_do(target).splitlines() if " pip install " in line]
    assert installs
    for line in installs:
        is_locked = f"--require-hashes --requirement requirements/{lock}.txt" in line
        assert is_locked or line.endswith("--no-deps --no-build-isolation --editable ."), line


def test_the_newest_of_everything_leaves_what_is_locked_alone() -> None:
    said = would_do("lint", "NEWEST=1")
    assert ".venv-newest/bin/python -m pip install" in said
    assert "requirements/" not in said
    assert ".venv/" not in said
