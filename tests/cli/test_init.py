"""`flowdsl init`: what it writes is what is shipped, it validates, and nothing is overwritten."""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from flowdsl.cli.commands.init import EXAMPLE, SCHEMA, TEMPLATES
from tests.cli.command_line import SHIPPED, CommandLine

PACKAGED = files("flowdsl.cli").joinpath("templates")
SHARED = [name for name in TEMPLATES if name != "empty"]


@pytest.mark.parametrize("name", SHARED)
def test_the_templates_are_the_shipped_workflows(name: str) -> None:
    assert PACKAGED.joinpath(f"{name}.yaml").read_bytes() == (SHIPPED / f"{name}.yaml").read_bytes()


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_it_writes_validates_and_its_next_command_plans(
    cli: CommandLine, project: Path, name: str
) -> None:
    done = cli("init", "--template", name)
    assert done.code == 0
    assert done.out == f"wrote workflows/{name}.yaml\nwrote schemas/{SCHEMA}\n"
    assert f"flowdsl validate workflows/{name}.yaml" in done.err
    assert f"flowdsl run workflows/{name}.yaml {EXAMPLE[name]}" in done.err
    assert cli("validate", "--strict").out == "1 file: nothing wrong.\n"
    planned = cli("plan", f"workflows/{name}.yaml", *shlex.split(EXAMPLE[name]))
    assert planned.code == 0
    (next_command,) = planned.err.strip().splitlines()
    wanted = f"flowdsl run workflows/{name}.yaml {EXAMPLE[name]} run it"
    assert shlex.split(next_command) == shlex.split(wanted)
    modeline = (project / "workflows" / f"{name}.yaml").read_text().splitlines()[0]
    assert (project / "workflows" / modeline.partition("$schema=")[2]).resolve().is_file()


def test_another_folder_is_entered_first(cli: CommandLine, project: Path) -> None:
    done = cli("init", "my demo")
    assert "cd 'my demo'" in done.err
    assert (project / "my demo" / "workflows" / "trip.yaml").is_file()


def test_it_overwrites_nothing(cli: CommandLine, project: Path) -> None:
    cli("init")
    (project / "workflows" / "trip.yaml").write_text("mine")
    (project / "schemas" / SCHEMA).write_text("mine too")
    done = cli("init")
    assert done.code == 2
    assert "workflows/trip.yaml is there already" in done.err
    assert cli("init", "--template", "order").code == 0
    assert (project / "workflows" / "trip.yaml").read_text() == "mine"
    assert (project / "schemas" / SCHEMA).read_text() == "mine too"


def test_a_template_that_is_not_there_yet_is_refused_by_name(cli: CommandLine) -> None:
    done = cli("init", "--template", "fulfilment")
    assert done.code == 2
    assert "`fulfilment` is not there yet" in done.err


def test_a_folder_that_is_a_file_is_said(cli: CommandLine) -> None:
    cli.write("demo", "")
    done = cli("init", "demo")
    assert done.code == 2
    assert done.err.startswith("error[F081]: ")


def test_json_names_the_files(cli: CommandLine) -> None:
    assert cli("init", "--json").json["files"] == ["workflows/trip.yaml", f"schemas/{SCHEMA}"]
