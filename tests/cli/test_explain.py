"""`flowdsl explain`: every code that flowdsl can say has a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import flowdsl
from flowdsl.cli.codes import CODES
from flowdsl.language import CATALOGUE
from tests.cli.command_line import CommandLine

SAID = sorted(
    {
        code
        for path in Path(flowdsl.__file__).parent.rglob("*.py")
        for code in re.findall(r'"(F\d{3})"', path.read_text())
    }
)


@pytest.mark.parametrize("code", SAID)
def test_every_code_is_explained(cli: CommandLine, code: str) -> None:
    done = cli("explain", code)
    assert (done.code, done.err) == (0, "")
    assert code in done.out


def test_no_code_means_two_things() -> None:
    assert CODES.keys() & CATALOGUE.keys() == set()


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
