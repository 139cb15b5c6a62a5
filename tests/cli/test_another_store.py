"""The command line on a store that flowdsl does not know: an entry in the table of schemes, and `--store slow:NAME`."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowdsl.world.store import SCHEMES, open_store, scheme_of
from flowdsl.world.store.files import FileStore
from tests.cli.command_line import DECLINED, SHIPPED, CommandLine, Services
from tests.world.store import slow_store
from tests.world.store.slow_store import SHELVES, Shelf

ASKS = """flowdsl: 1
name: asks
steps:
  - { id: first, wait_for: go, timeout: 1h }
outputs: { first: "${first}" }
"""
SHORT = "flowdsl: 1\nname: short\nsteps: [{ wait: 1ms }]\n"


@pytest.fixture
def slow(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """`flowdsl.toml` of the project names it."""
    monkeypatch.setitem(SCHEMES, "slow", "tests.world.store.slow_store:open_shelf")
    monkeypatch.setitem(SHELVES, "one", Shelf())
    cli.write("flowdsl.toml", 'store = "slow:one"\n')
    cli.write("asks.yaml", ASKS)
    cli.write("short.yaml", SHORT)
    return SHELVES["one"]


@pytest.mark.usefixtures("slow")
def test_where_nothing_has_run_nothing_is_said_to_be_wrong(cli: CommandLine) -> None:
    assert cli("list", "--json").json["runs"] == []
    assert "no runs in slow:one" in cli("status").err + cli("status").out
    assert "no store at slow:one" in cli("status", "any").err


def test_a_run_waits_is_answered_goes_on_and_is_looked_at(
    cli: CommandLine, slow: Shelf, project: Path
) -> None:
    assert cli("run", "asks.yaml", "--id", "a-1", "--no-wait").code == 4
    assert cli("run", "asks.yaml", "--id", "a-1", "--no-wait").code == 4, "attached"
    assert cli("run", "short.yaml", "--id", "a-1").code == 2, "another file"
    assert cli("status", "a-1", "--json").json["state"] == "interrupted"
    assert cli("list", "--json").json["runs"][0]["run"] == "a-1"
    assert cli("list", "--state", "interrupted", "--json").code == 0
    assert cli("signal", "a-1", "go", "-i", "n=1").code == 0
    assert len(slow.orders) == 1
    assert cli("resume", "a-1").json == {"first": {"n": 1}}
    assert slow.orders == {}
    assert cli("status", "a-1", "--json").json["state"] == "succeeded"
    assert len(cli("status", "a-1", "--events", "--json").json["events"]) == len(slow.facts["a-1"])
    assert cli("graph", "--run", "a-1").code == 0
    assert cli("rerun", "a-1", "--no-wait").code == 4
    assert cli("cancel").code == 0
    assert {row["state"] for row in cli("list", "--json").json["runs"]} == {
        "succeeded",
        "cancelled",
    }
    assert not (project / ".flowdsl").exists()


def test_a_trip_is_undone_on_it(cli: CommandLine, slow: Shelf, services: Services) -> None:

    assert cli("run", str(SHIPPED / "trip.yaml"), *DECLINED).code == 1
    assert services.residue("compensated") == []
    assert len(slow.facts) == 1


@pytest.mark.usefixtures("slow")
def test_what_cannot_be_checked_says_so(cli: CommandLine) -> None:
    assert cli("run", "short.yaml").code == 0
    done = cli("fsck")
    assert done.code == 2
    assert "slow:one is not a store that can be checked" in done.err


def test_an_address_without_a_scheme_is_a_folder(tmp_path: Path) -> None:
    assert scheme_of("x:y") == scheme_of("a/b") == ""
    for address in (str(tmp_path / "s"), f"file:{tmp_path / 's'}"):
        assert isinstance(open_store(address), FileStore)


def test_it_is_as_short_as_the_note_says() -> None:
    lines = Path(slow_store.__file__).read_text("utf-8").splitlines()
    assert sum(bool(line.strip()) for line in lines) < 200
