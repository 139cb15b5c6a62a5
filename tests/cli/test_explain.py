"""`flowdsl explain`: every code that flowdsl can say has a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flowdsl
from flowdsl.codes import Code
from tests.cli.command_line import CommandLine

PACKAGE = Path(flowdsl.__file__).parent
SOURCES = {path: path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}


@pytest.mark.parametrize("code", Code)
def test_every_code_is_explained(cli: CommandLine, code: Code) -> None:
    done = cli("explain", code)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"# {code}: ")


def test_codes_stand_in_one_file() -> None:
    elsewhere = {
        str(path): found
        for path, text in SOURCES.items()
        if path != PACKAGE / "codes.py" and (found := re.findall(r"""["']F\d{3}["']""", text))
    }
    assert elsewhere == {}


@pytest.mark.parametrize("code", Code)
def test_every_code_is_said_somewhere(code: Code) -> None:
    assert any(re.search(rf"\bCode\.{code.name}\b", text) for text in SOURCES.values())


def test_no_code_means_two_things() -> None:
    assert len(Code.__members__) == len(Code)


@pytest.mark.parametrize("word", ["f072", "72", "F072"])
def test_a_code_may_be_short(cli: CommandLine, word: str) -> None:
    assert cli("explain", word).out.startswith("# F072: ")


def test_json_is_one_object(cli: CommandLine) -> None:
    found = cli("explain", "F110", "--json").json
    assert (found["format"], found["name"]) == (1, "F110")


def test_a_page_that_is_not_there_names_what_is_close(cli: CommandLine) -> None:
    done = cli("explain", "retr")
    assert done.code == 2
    assert "did you mean `retry`?" in done.err
