"""What no service is to blame for: a bug of ours, or no memory. The run is saved as it stands, and `resume` goes on with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import pytest

from tests.cli.command_line import SHIPPED, TRIP, CommandLine, Services

FLOW = str(SHIPPED / "trip.yaml")


def once(error: Exception, real: Callable[..., object]) -> tuple[Callable[..., object], list[str]]:
    """Raises the first time, and is as it was from then on."""
    struck: list[str] = []

    def broken(*given: object) -> object:
        if not struck:
            struck.append(type(error).__name__)
            raise error
        return real(*given)

    return broken, struck


@dataclass(frozen=True, slots=True)
class Blow:
    error: Exception
    place: str
    code: int
    says: str


BLOWS = [
    Blow(TypeError("ours"), "flowdsl.world.network.http.decode", 70, "error[F199]: a bug in flowdsl: TypeError"),
    Blow(AssertionError("ours"), "flowdsl.world.network.http.build", 70, "error[F199]: a bug in flowdsl: AssertionError"),
    Blow(MemoryError(), "flowdsl.engine.attempt.judge", 74, "error[F198]: the memory ran out"),
    Blow(MemoryError(), "flowdsl.engine.loop.advance", 74, "error[F198]: the memory ran out"),
]  # fmt: skip


@pytest.mark.parametrize("blow", BLOWS, ids=lambda blow: f"{blow.place} {blow.code}")
def test_a_run_that_was_ended_by_no_service_is_saved_and_goes_on(
    blow: Blow, cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(cli.project))
    # given a process that is brought down in the middle of a run
    module, _, name = blow.place.rpartition(".")
    broken, struck = once(blow.error, getattr(import_module(module), name))
    with monkeypatch.context() as planted:
        planted.setattr(blow.place, broken)
        done = cli("run", FLOW, *TRIP, "--id", cli.run_id)
    # then it says so, and nothing that it is not
    assert struck, "nothing was brought down"
    assert done.code == blow.code
    assert blow.says in done.err
    assert "nothing was sent" not in done.err
    # and whoever goes on with it finds every effect once
    resumed = cli("resume") if cli("list", "--json").json["runs"] else cli("run", FLOW, *TRIP)
    assert resumed.code == 0, resumed.err
    assert services.residue("succeeded") == []
    assert services.counts() == {1}


@pytest.mark.parametrize("version", ["0.6.4", "0.5b1"])
def test_a_library_that_is_too_old_is_said_before_anything_is_sent(
    version: str, cli: CommandLine, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(services.requests())
    monkeypatch.setattr("httptools.__version__", version)
    done = cli("run", FLOW, *TRIP)
    assert done.code == 2
    assert f"error[F197]: httptools {version} is installed" in done.err
    assert "pip install" in done.err
    assert len(services.requests()) == before
