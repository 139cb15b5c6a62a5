"""`flowdsl validate`: what it finds, in which format, and with which exit code."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.command_line import SHIPPED, CommandLine

GOOD = "flowdsl: 1\nservices: { a: http://a }\nsteps: [{ call: GET a/x }]\n"
BAD = "flowdsl: 1\nservices: { a: http://a }\nsteps: [{ call: GET b/x }]\n"
WARNED = """flowdsl: 1
services: { a: http://a }
steps:
  - { id: one, call: POST a/x }
  - { id: two, call: POST a/y }
"""


def test_the_shipped_workflows_are_right(cli: CommandLine) -> None:
    done = cli("validate", "--strict", str(SHIPPED))
    count = len(list(SHIPPED.rglob("*.yaml")))
    first, second = done.out.splitlines()
    assert (done.code, first) == (0, f"{count} files: nothing wrong.")
    # and every call in them is held against what its service says of itself
    assert (match := re.match(r"openapi: (\d+) of (\d+) call sites checked; ", second))
    assert match[1] == match[2]
    assert "flowdsl plan" in done.err


CONTRACT = """openapi: 3.1.0
paths:
  /x/{id}:
    get:
      parameters: [{ name: page, in: query, schema: { type: integer } }]
      responses: { "200": { description: "", content: { application/json: { schema: { type: object } } } } }
"""
PARTLY = """flowdsl: 1
inputs: { id: string, part: string }
services:
  a: { url: http://a, openapi: ./a.openapi.yaml }
  b: http://b
steps:
  - { call: "GET a/x/${inputs.id}", query: { page: "${inputs.part}" } }
  - { call: "GET a/${inputs.part}/${inputs.id}" }
  - { call: GET b/y }
"""


def test_what_contracts_could_not_check_is_counted(cli: CommandLine) -> None:
    # given a call that a contract describes, one that an expression decides, and one that nobody describes
    cli.write("w.yaml", PARTLY)
    cli.write("a.openapi.yaml", CONTRACT)
    # then people are told so in one line, and programs in full
    said = "openapi: 1 of 3 call sites checked; 2 of 3 values known only in the run"
    assert said in cli("validate", "w.yaml").out.splitlines()
    report = json.loads(cli("validate", "w.yaml", "--format", "json").out)
    assert report["openapi"] == {
        "call_sites": 3,
        "checked": 1,
        "without_contract": 1,
        "unsure": 1,
        "values_checked": 1,
        "values_unknown": 2,
    }


def test_nothing_is_said_of_contracts_where_there_is_none(cli: CommandLine) -> None:
    cli.write("w.yaml", GOOD)
    assert cli("validate", "w.yaml").out == "1 file: nothing wrong.\n"
    assert json.loads(cli("validate", "w.yaml", "--format", "json").out)["openapi"] is None


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        (GOOD, [], 0),
        (GOOD, ["--strict"], 0),
        (BAD, [], 1),
        (WARNED, [], 0),
        (WARNED, ["--strict"], 1),
    ],
)
def test_exit_codes(cli: CommandLine, text: str, words: list[str], code: int) -> None:
    cli.write("w.yaml", text)
    done = cli("validate", *words)
    assert done.code == code
    assert done.out.splitlines()[-1 if code == 0 and text == GOOD else -2].startswith("1 file: ")


def test_it_finds_workflows_by_their_first_key(cli: CommandLine) -> None:
    cli.write("b.yml", GOOD)
    cli.write("deep/er/a.yaml", GOOD)
    cli.write("compose.yaml", "services: {}\n")
    cli.write("broken.yaml", "a: [")
    cli.write("w.txt", GOOD)
    cli.write(".hidden/w.yaml", BAD)
    assert cli("validate").out == "2 files: nothing wrong.\n"
    assert cli("validate", "deep", "b.yml", "deep/er/a.yaml").out == "2 files: nothing wrong.\n"


def test_a_file_that_is_named_is_looked_at_whatever_it_is(cli: CommandLine) -> None:
    cli.write("compose.yaml", "services: {}\n")
    done = cli("validate", "compose.yaml")
    assert done.code == 1
    assert "compose.yaml" in done.out


def test_errors_are_frames_with_a_place(cli: CommandLine) -> None:
    cli.write("w.yaml", BAD)
    done = cli("validate")
    assert done.out.startswith("error[F030]: ")
    assert "--> w.yaml:3:" in done.out
    assert "flowdsl explain F030" in done.out
    assert done.err == ""


@pytest.mark.parametrize("form", ["full", "concise", "json", "github", "sarif", "junit"])
def test_every_format_names_the_code_and_the_file(cli: CommandLine, form: str) -> None:
    cli.write("w.yaml", BAD)
    cli.write("v.yaml", GOOD)
    done = cli("validate", "--format", form)
    assert (done.code, done.err) == (1, "")
    assert "F030" in done.out
    assert "w.yaml" in done.out
    match form:
        case "concise":
            assert done.out.startswith("w.yaml:3:")
        case "github":
            assert done.out.startswith("::error file=w.yaml,line=3,")
        case "json":
            assert (done.json["format"], done.json["files"], done.json["errors"]) == (1, 2, 1)
        case "sarif":
            assert done.json["version"] == "2.1.0"
            assert len(done.json["runs"][0]["results"]) == 1
        case "junit":
            assert ET.fromstring(done.out).get("failures") == "1"


def test_json_is_the_format_json(cli: CommandLine) -> None:
    cli.write("w.yaml", BAD)
    assert cli("validate", "--json").out == cli("validate", "--format", "json").out


def test_programs_get_nothing_but_their_format(cli: CommandLine) -> None:
    cli.write("w.yaml", GOOD)
    for form in ("json", "sarif"):
        done = cli("validate", "--format", form)
        json.loads(done.out)
        assert done.err == ""
    assert cli("validate", "--format", "concise").out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no workflow file in this folder"),
        (["nosuch.yaml"], "nosuch.yaml: no such file"),
        (["a\x00b"], "cannot be read"),
        (["x" * 5000], "cannot be read"),
    ],
)
def test_where_nothing_is_it_says_so(cli: CommandLine, words: list[str], said: str) -> None:
    done = cli("validate", *words)
    assert done.code == 2
    assert done.err.startswith("error[F074]: ")
    assert said in done.err


def test_a_file_of_nearly_this_name_is_named(cli: CommandLine) -> None:
    cli.write("workflows/trip.yaml", GOOD)
    assert "did you mean workflows/trip.yaml?" in cli("validate", "workflows/tripp.yaml").err


def test_a_device_is_not_read_for_ever(cli: CommandLine) -> None:
    done = cli("validate", "/dev/zero")
    assert (done.code, "larger than 4 MiB" in done.err) == (2, True)


def test_a_pipe_in_a_folder_holds_nobody_up(cli: CommandLine, project: Path) -> None:
    import os

    os.mkfifo(project / "pipe.yaml")
    cli.write("w.yaml", GOOD)
    assert cli("validate").out == "1 file: nothing wrong.\n"


def test_yaml_of_another_kind_and_any_size_is_passed_over(cli: CommandLine) -> None:
    cli.write("huge.yaml", "data:\n" + "  - 0123456789\n" * 200_000)
    cli.write("good.yaml", GOOD)
    assert cli("validate").out == "1 file: nothing wrong.\n"
