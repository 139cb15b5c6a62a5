"""The shipped workflows from the command line: nothing to find fault with, planned, drawn, and run against real services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.command_line import SHIPPED, CommandLine, Services
from tests.workflows.shipped import BY_NAME
from tests.workflows.test_choreography import LISTENERS

FILES = sorted(str(path.relative_to(SHIPPED)) for path in SHIPPED.rglob("*.yaml"))
FORMATS = ("text", "mermaid", "dot", "svg", "json")


def inputs_file(project: Path, name: str) -> str:
    path = project / "inputs.json"
    path.write_text(json.dumps(dict(BY_NAME[name].inputs)))
    return str(path)


def events(services: Services) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = httpx.get(f"{services.url}/events").json()["data"]
    return told


@pytest.mark.parametrize(
    "path", [SHIPPED, *(SHIPPED / file for file in FILES)], ids=lambda p: p.name
)
def test_there_is_nothing_to_say_of_it(cli: CommandLine, path: Path) -> None:
    done = cli("validate", "--strict", "--json", str(path))
    assert done.code == 0
    assert done.json["diagnostics"] == []


@pytest.mark.parametrize("name", BY_NAME)
def test_it_is_planned_and_nothing_is_sent(
    cli: CommandLine, services: Services, project: Path, name: str
) -> None:
    done = cli("plan", str(SHIPPED / name), "-f", inputs_file(project, name))
    assert done.code == 0
    assert "Nothing has been sent" in done.out
    assert services.requests() == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("file", FILES)
def test_it_is_drawn(cli: CommandLine, file: str, form: str) -> None:
    done = cli("graph", str(SHIPPED / file), "--format", form)
    assert done.code == 0
    assert len(done.out) > 100


@pytest.mark.parametrize("name", [name for name in BY_NAME if not BY_NAME[name].orders])
def test_it_runs(cli: CommandLine, services: Services, project: Path, name: str) -> None:
    done = cli("run", str(SHIPPED / name), "-f", inputs_file(project, name), "--json")
    assert (done.code, done.json["state"], done.json["residue"]) == (0, "succeeded", [])
    assert services.residue("succeeded") == []


@pytest.mark.parametrize(
    ("ok", "code", "ended"), [("true", 0, "succeeded"), ("false", 1, "compensated")]
)
def test_an_approval_is_asked_for_given_and_gone_on_with(
    cli: CommandLine, services: Services, project: Path, ok: str, code: int, ended: str
) -> None:
    name, run = "approval.yaml", cli.run_id
    file, inputs = str(SHIPPED / name), inputs_file(project, name)
    assert cli("run", file, "-f", inputs, "--id", run, "--no-wait").code == 4
    assert cli("signal", run, "approve", "-i", f"ok={ok}").code == 0
    assert cli("signal", run, "approve", "-i", "ok=true").code == 2  # the first answer counts
    done = cli("resume", run, "--json")
    assert (done.code, done.json["state"]) == (code, ended)
    assert services.residue(ended) == []


@pytest.mark.parametrize(
    ("given", "ended", "last"),
    [
        ((), "succeeded", "order.shipped"),
        (("-i", "card=tok_declined"), "compensated", "order.undone"),
        (("-i", "address=Nowhere"), "compensated", "order.undone"),
    ],
    ids=["shipped", "declined", "nowhere"],
)
def test_the_choreography_is_run_event_by_event(
    cli: CommandLine,
    services: Services,
    project: Path,
    given: tuple[str, ...],
    ended: str,
    last: str,
) -> None:
    folder = SHIPPED / "choreography"
    order = ("-i", "order=o-1", "-i", 'items=["bike"]', "-i", "total=250")
    assert cli("run", str(folder / "order.yaml"), *order, *given).code == 0
    heard = 0
    while heard < len(events(services)):
        event = events(services)[heard]
        heard += 1
        if event["type"] in LISTENERS:
            path = project / f"event-{heard}.json"
            path.write_text(json.dumps(event))
            file = str(folder / LISTENERS[event["type"]])
            assert cli("run", file, "--event", str(path), "--json").code in (0, 1)
    assert events(services)[-1]["type"] == last
    assert services.residue(ended) == []
