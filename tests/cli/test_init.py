"""`flowdsl init`: what it writes is what is shipped, it validates, and nothing is overwritten."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path

import pytest

from flowdsl.cli.commands.init import EXAMPLE, SCHEMA, TEMPLATES
from tests.cli.command_line import SHIPPED, CommandLine, Services

PACKAGED = files("flowdsl.cli").joinpath("templates")
SHARED = [name for names in TEMPLATES.values() for name in names if name != "empty"]


@pytest.mark.parametrize("name", SHARED)
def test_the_templates_are_the_shipped_workflows(name: str) -> None:
    """But for the documents of the services, which are not in every folder."""
    shipped = (SHIPPED / f"{name}.yaml").read_text("utf-8")
    alone = re.sub(r"(\n  \w+:)\n    url: (.*)\n    openapi: .*", r"\1 \2", shipped)
    assert PACKAGED.joinpath(f"{name}.yaml").read_text("utf-8") == alone


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_it_writes_validates_and_its_next_command_plans(
    cli: CommandLine, project: Path, name: str
) -> None:
    done = cli("init", "--template", name)
    assert done.code == 0
    written = [*(f"workflows/{file}.yaml" for file in TEMPLATES[name]), f"schemas/{SCHEMA}"]
    assert done.out == "".join(f"wrote {file}\n" for file in written)
    assert f"flowdsl validate workflows/{name}.yaml" in done.err
    assert f"flowdsl run workflows/{name}.yaml {EXAMPLE[name]}" in done.err
    number = len(TEMPLATES[name])
    told = f"{number} file{'s' if number > 1 else ''}: nothing wrong.\n"
    assert cli("validate", "--strict").out == told
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


def test_where_one_of_its_files_is_there_it_writes_none(cli: CommandLine, project: Path) -> None:
    cli.write("workflows/shipping.yaml", "mine")
    done = cli("init", "--template", "fulfilment")
    assert (done.code, "workflows/shipping.yaml is there already" in done.err) == (2, True)
    assert [path.name for path in (project / "workflows").iterdir()] == ["shipping.yaml"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_it_writes_runs(cli: CommandLine, services: Services, name: str) -> None:
    cli("init", "--template", name)
    done = cli("run", f"workflows/{name}.yaml", *shlex.split(EXAMPLE[name]))
    assert (done.code, services.residue("succeeded")) == (0, [])


def test_a_folder_that_is_a_file_is_said(cli: CommandLine) -> None:
    cli.write("demo", "")
    done = cli("init", "demo")
    assert done.code == 2
    assert done.err.startswith("error[F081]: ")


def test_json_names_the_files(cli: CommandLine) -> None:
    assert cli("init", "--json").json["files"] == ["workflows/trip.yaml", f"schemas/{SCHEMA}"]
