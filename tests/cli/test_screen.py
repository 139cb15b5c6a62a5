"""Colours: flag, NO_COLOR, FORCE_COLOR, terminal; and nothing that steers a terminal gets through."""

from __future__ import annotations

import pytest

from flowdsl.cli.screen import Color, Screen, paints
from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.plan.json import from_bytes, to_text
from tests.cli.command_line import CommandLine

YES, NO = True, False


@pytest.mark.parametrize(
    ("color", "environment", "terminal", "painted"),
    [
        ("auto", {}, YES, YES),
        ("auto", {}, NO, NO),
        ("auto", {"NO_COLOR": "1"}, YES, NO),
        ("auto", {"NO_COLOR": ""}, YES, YES),
        ("auto", {"FORCE_COLOR": "1"}, NO, YES),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, YES, NO),
        ("auto", {"TERM": "dumb"}, YES, NO),
        ("always", {"NO_COLOR": "1"}, NO, YES),
        ("never", {"FORCE_COLOR": "1"}, YES, NO),
    ],
)
def test_who_decides_about_colours(
    color: Color, environment: dict[str, str], terminal: bool, painted: bool
) -> None:
    assert paints(color, environment, is_terminal=terminal) is painted


@pytest.mark.parametrize(
    ("words", "color"),
    [
        (["run", "--color", "always"], "always"),
        (["--color=never", "run"], "never"),
        (["run", "--color"], "auto"),
        (["run", "--color=pink"], "auto"),
        ([], "auto"),
    ],
)
def test_errors_of_the_parser_are_painted_as_asked(words: list[str], color: str) -> None:
    assert Screen.of_arguments(words).color == color


def test_an_error_is_a_line_a_problem_and_one_help(capsys: pytest.CaptureFixture[str]) -> None:
    Screen("never").fail(InputError("one\ntwo", code=Code.WRONG_INPUTS, help="do this\nor that"))
    assert capsys.readouterr().err == (
        "error[F072]: one\nerror[F072]: two\nhelp: do this\n      or that\n"
    )


def test_control_characters_are_shown_and_not_sent(capsys: pytest.CaptureFixture[str]) -> None:
    Screen("never").fail(InputError("a\x1b[31mb\x9bc"))
    assert capsys.readouterr().err == "error: a\\x1b[31mb\\x9bc\n"


@pytest.mark.parametrize("character", ["\x7f", "\x9b", "\u202e", "\u2069"])
def test_json_on_a_terminal_cannot_steer_it(
    character: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Screen("never").result(to_text({"said": f"a{character}31mb"}))
    shown = capsys.readouterr().out
    assert character not in shown
    assert from_bytes(shown) == {"said": f"a{character}31mb"}


def test_colour_is_only_on_top(cli: CommandLine) -> None:
    painted, bare = cli("nosuch", "--color=always"), cli("nosuch", "--color=never")
    assert "\x1b[1;31m" in painted.err
    for code in ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m"):
        painted = type(painted)(painted.code, painted.out, painted.err.replace(code, ""))
    assert painted == bare


def test_an_error_cannot_turn_the_line_around(capsys: pytest.CaptureFixture[str]) -> None:
    """Text that a file or a service chose: the marks that reverse reading order are spelled out."""
    Screen("never").fail(InputError("no step `\u202egnp.exe\x1b[2J`", help="one\ntwo"))
    said = capsys.readouterr().err
    assert said == "error: no step `\\u202egnp.exe\\x1b[2J`\nhelp: one\n      two\n"
