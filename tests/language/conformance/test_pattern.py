"""Patterns: what Python's own find, in time that no pattern and no text can make grow out of hand."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from flowdsl.language.conformance.pattern import PLACES_MAX, TooMuch, Unreadable, Work, read_pattern
from tests.sizes import examples

ATOMS = st.sampled_from(
    ["a", "b", "é", "_", ".", "[ab]", "[^a]", "[a-cé]", "[^\\d_]", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\.", "^", "$", r"\b", r"\B", "", r"\n"]
)  # fmt: skip

REPEATS = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?", "{1,2}?"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = inner.map(lambda text: f"(?:{text})")
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda ways: f"({'|'.join(ways)})"),
        st.tuples(group, REPEATS).map("".join),
    )


PATTERNS = st.recursive(ATOMS, _larger, max_leaves=8)
TEXTS = st.text(st.sampled_from("abcé_1 .\n٣"), max_size=8)


@settings(max_examples=examples(300, 600))
@given(PATTERNS, TEXTS)
@example("a$", "a\n")
@example(r"(a|b)*\b", "ab")
@example("(?:(?:)*)*a", "a")
def test_it_finds_what_python_finds(pattern: str, text: str) -> None:
    assume(text or r"\B" not in pattern)  # Python changed its mind in 3.14
    # `$` is the very end here, as in JSON Schema
    expected = re.search(pattern.replace("$", r"\Z"), text) is not None
    assert read_pattern(pattern).is_in(text, Work(10**9)) == expected


HARD = [
    ("^(a+)+$", "a" * 27 + "!"),
    ("^(a+)+$", "a" * 200_000 + "!"),
    ("(a|a)*b", "a" * 200_000),
    ("(a*)*(a*)*(a*)*b", "a" * 100_000),
    ("^(a|aa|aaa)+$", "a" * 200_000 + "b"),
    (r"(\w+\s?)*:$", "word " * 40_000),
    ("x?" * 300 + "x" * 300, "x" * 299),
]


@pytest.mark.parametrize(("pattern", "text"), HARD, ids=[f"{p[:12]} {len(t)}" for p, t in HARD])
def test_no_pattern_is_a_trap(pattern: str, text: str) -> None:
    begun = time.process_time()
    assert not read_pattern(pattern).is_in(text, Work(10_000_000))
    assert time.process_time() - begun < 3.0


def test_what_is_still_too_much_is_given_up() -> None:
    import random

    chance = random.Random("work")
    text = "".join(chance.choice("ab") for _ in range(3_000))
    begun = time.process_time()
    with pytest.raises(TooMuch):
        read_pattern("(?:.*a.{200}){2}c").is_in(text, Work(100_000))
    assert time.process_time() - begun < 5


def test_what_is_worked_out_is_not_kept_for_ever() -> None:
    from flowdsl.language.conformance.pattern import KEPT_MAX

    pattern = read_pattern("[^x]y")
    assert not pattern.is_in("".join(map(chr, range(200, 9000))), Work(10**9))
    assert len(pattern.kept) <= KEPT_MAX


BAD = [
    ("[", "unterminated"),
    ("(?P<a>x)(?P=a)", "a reference back"),
    (r"(a)\1", "a reference back"),
    ("(a)?(?(1)b|c)", "a choice by group"),
    ("(?=a)", "looking ahead"),
    ("(?<!a)b", "looking ahead"),
    ("(?i)a", "flags"),
    ("(?i:a)", "flags"),
    ("(?>a)", "an atomic group"),
    ("a*+", "a possessive repeat"),
    (f"a{{{PLACES_MAX + 1}}}", "places"),
    ("(a{100}){100}", "places"),
    ("a{99999999999999999999}", "repetition number"),
    ("a" * 1001, "1,000 characters"),
]


@pytest.mark.parametrize(("pattern", "why"), BAD)
def test_what_is_not_matched_is_refused_by_name(pattern: str, why: str) -> None:
    with pytest.raises(Unreadable, match=re.escape(why)):
        read_pattern(pattern)


@given(st.text())
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    try:
        pattern = read_pattern(text)
    except Unreadable:
        return
    pattern.is_in("some text", Work(10**6))
