from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.view.paint import (
    Styled,
    ansi,
    bold,
    columns,
    cut,
    dim,
    fit,
    line,
    pad,
    plain,
    visible,
    width,
    wrapped,
)

TEXTS = st.text(max_size=60)


@given(st.lists(TEXTS, max_size=5), st.integers(2, 40))
def test_a_fitted_line_is_never_wider_than_asked(texts: list[str], most: int) -> None:
    assert width(fit(line(*texts), most)) <= most


@given(TEXTS, st.integers(2, 40))
def test_a_cut_text_is_never_wider_than_asked(text: str, most: int) -> None:
    assert columns(cut(text, most)) <= most


@given(TEXTS)
def test_a_text_that_fits_is_left_alone(text: str) -> None:
    assert cut(text, columns(text)) == text


@given(TEXTS)
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", visible(text))
    assert re.sub(r"\x1b\[[0-9]+m", "", ansi([line(bold(text))])).count("\x1b") == 0


@given(st.lists(st.tuples(TEXTS, st.sampled_from(["plain", "green", "dim"])), max_size=4))
def test_colours_are_all_that_ansi_adds(pieces: list[tuple[str, str]]) -> None:
    lines = [tuple(Styled(text, style) for text, style in pieces)]  # type: ignore[arg-type]
    bare = re.sub(r"\x1b\[[0-9]+m", "", ansi(lines))
    assert bare.rstrip() == plain(lines).rstrip()


@given(st.text(alphabet="ab 日", max_size=80), st.integers(4, 30))
def test_wrapping_keeps_every_word(text: str, most: int) -> None:
    lines = wrapped(text, most)
    assert all(columns(each) <= most for each in lines)
    if all(columns(word) <= most for word in text.split()):
        assert " ".join(lines).split() == text.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("abc", 3), ("日本", 4), ("é", 1), ("e\u0301", 1), ("✓", 1), ("\x1b", 4)],
)
def test_columns_count_what_a_terminal_shows(text: str, expected: int) -> None:
    assert columns(text) == expected


def test_padding_and_plain_text() -> None:
    assert pad("日", 4) == "日  "
    assert plain([line("a ", dim("b "), "  ")]) == "a b\n"
    assert ansi([line(dim("b"), "  ")]) == "\x1b[2mb\x1b[0m\n"
