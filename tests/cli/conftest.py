"""The command line in this process, and the services it talks to in another."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine, Services

OURS = ("FLOWDSL_STORE", "FLOWDSL_ENV", "FLOWDSL_COLOR", "FLOWDSL_PROGRESS", "FLOWDSL_NO_INPUT")
SCREEN = ("NO_COLOR", "FORCE_COLOR", "CI", "DEMO_URL", "FLOWDSL_SECRETS_FILE")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project that is the current folder; no setting of the machine reaches it."""
    for name in (*OURS, *SCREEN):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "flowdsl.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(project: Path, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(project, capfd)


@pytest.fixture(scope="session")
def services_url() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "mock_services", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()


@pytest.fixture
def services(services_url: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    """The mock services with an empty ledger; workflows of the project reach them by DEMO_URL."""
    found = Services(services_url)
    found.reset()
    monkeypatch.setenv("DEMO_URL", services_url)
    return found
