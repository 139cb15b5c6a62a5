"""YAML 1.2 core with places and limits: whatever the text is, the answer is a tree or a diagnostic."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.language.text.document import LIMIT_DEPTH, load_document
from flowdsl.language.text.located import align, plain, texts
from flowdsl.language.text.source import Source, decode
from flowdsl.plan.values import Json


def load(text: str) -> Json:
    tree, problems = load_document(Source("a.yaml", text))
    assert [str(problem) for problem in problems] == []
    assert tree is not None
    return plain(tree)


def problem(text: str) -> str:
    tree, problems = load_document(Source("a.yaml", text))
    assert tree is None or problems
    return str(problems[0])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("12:30", "12:30"),
        ("2026-11-22", "2026-11-22"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("0b11", "0b11"),
        ("1e3", Decimal(1000)),
        ("19.90", Decimal("19.90")),
        (".5", Decimal("0.5")),
        ("-0", 0),
        ("017", 17),
        ("0o17", 15),
        ("0xff", 255),
        ("+12", 12),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("|\n  12\n", "12\n"),
    ],
)
def test_a_plain_word_means_what_yaml_1_2_says(text: str, value: Json) -> None:
    found = load(f"- {text}")
    assert found == [value]
    assert isinstance(found, list)
    assert type(found[0]) is type(value)


def test_money_keeps_its_digits() -> None:
    assert str(load("420.10")) == "420.10"


def test_aliases_share_a_value() -> None:
    assert load("a: &x [1, 2]\nb: *x\nc: { d: *x }") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": [1, 2]},
    }


BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "F024 2:1 `a` is given twice"),
        ("a: {b: 1, b: 2}", "F024 1:11 `b` is given twice"),
        ("1: a", "F009 1:1 the key `1` is not text"),
        ("true: a", "F009 1:1 the key `true` is not text"),
        ("[a]: b", "F009 1:1 a key must be text, not a list or an object"),
        ("? {a: b}\n: c", "F009 1:3 a key must be text, not a list or an object"),
        ("a: &x {b: 1}\nc: {<<: *x}", "F009 2:5 merge keys (`<<`) are not read"),
        ("a: !!python/object/apply:os.system ['true']", "F009 1:4 a word that begins with `!` is"),
        ("a: !!binary aGk=", "F009 1:4 a word that begins with `!` is"),
        ("a: !!set {b}", "F009 1:4 a word that begins with `!` is"),
        ("a: 1\n---\nb: 1", "F009 2:1 one file holds one workflow"),
        ("a: *b", "F009 1:4 `*b` names nothing above it"),
        ("a: &x [*x]", "F009 1:8 `*x` stands inside what it names"),
        ("", "F004 1:1 the file is empty"),
        ("# only words\n", "F004 1:1 the file is empty"),
        ("a: \x00", "F004 1:4 the character U+0000 cannot stand in YAML"),
        ("a: \x07", "F004 1:4 the character U+0007 cannot stand in YAML"),
        ("a:\nb: x\ud800", "F004 2:5 the character U+D800 cannot stand in YAML"),
        ("a: \ufeffb", "F004 1:4 the character U+FEFF cannot stand in YAML"),
        ("a:\n\t- b", "F004 2:1 a tab is used to indent"),
        ("a: @b", "F004 1:4 a value cannot begin with `@`"),
        ('a: "b', "F004 1:4 this quote is never closed"),
        ("a: [1, 2\nb: 1", "F004 1:4 this `[` is never closed"),
        ("a: b\n  c: d", "F004 2:3 this line is indented below a value that is already complete"),
        ("a:\n  - b: 1\n   c: 2", "F004 3:4 this line does not line up with the ones above it"),
        ("a: 1\nb\n", "F004 2:1 this line is neither a `key: value` nor a part of the one above"),
        ("a: - b", "F004 1:4 block sequence entries are not allowed in this context"),
        ("a: {b: ${c}}", "F001 1:8 inside { } and [ ] an expression needs quotes"),
        ("a: [\n  x-${c},\n]", "F001 2:5 inside { } and [ ] an expression needs quotes"),
        ("a: b: c", "F002 1:5 this text needs quotes: it contains `: `"),
        ("a: 'b' == c", "F003 1:8 a value that begins with a quote ends with it"),
        ("[" * 500, "F007 1:101 more than 100 levels deep"),
        ("- " * 100_000, "F007 1:201 more than 100 levels deep"),
        ("{a: " * 100_000, "F007 1:401 more than 100 levels deep"),
        ("? " * 100_000, "F007 1:201 more than 100 levels deep"),
        ("a: " + "x" * (1 << 20), "F007 1:1 the file is larger than 1 MiB"),
        ("é" * (1 << 20), "F007 1:1 the file is larger than 1 MiB"),
        ("- a\n" * 60_000, "F007 50000:3 more than 50,000 values, aliases expanded"),
        (BOMB, "F007 5:"),
        ("a: " + "1" * 5_000, "F007 1:4 a number of more than 1,000 digits"),
        ("a: 1e999999999", "F007 1:4 a number with too many digits"),
        ("a: 0x" + "f" * 5_000, "F007 1:4 a number of more than 1,000 digits"),
    ],
    ids=lambda value: value[:24].replace("\x00", "NUL"),
)
def test_what_workflows_do_not_use_is_refused_at_its_place(text: str, said: str) -> None:
    assert problem(text).startswith(said)


@pytest.mark.parametrize("levels", [1_001, 100_000, 1 << 20])
def test_so_many_brackets_are_too_deep_whoever_counts_them_first(levels: int) -> None:
    """PyYAML has a limit of its own since 6.0.4, and stops where it comes to that."""
    assert re.match("F007 1:[0-9]+ more than 100 levels deep", problem("[" * levels))


def test_depth_counts_through_aliases() -> None:
    half = LIMIT_DEPTH // 2 + 1
    deep = "[" * half + "x" + "]" * half
    assert problem(f"a: &a {deep}\nb: {'[' * half}*a{']' * half}").startswith("F007 2:")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_every_usual_encoding(encoding: str) -> None:
    source = decode("a.yaml", "a: é日\r\nb: 1\r\n".encode(encoding))
    tree, problems = load_document(source)
    assert problems == []
    assert tree is not None
    assert plain(tree) == {"a": "é日", "b": 1}
    assert source.lines[:2] == ("a: é日", "b: 1")


def test_bytes_that_are_no_text_are_refused() -> None:
    _, problems = load_document(decode("a.yaml", b"a: \xff"))
    assert [str(item) for item in problems] == [
        "F004 1:4 the character U+FFFD cannot stand in YAML"
    ]


STYLES = r"""
plain: x ${e1} y ${e2}
quoted: "q \"z\" \x41 \u00e9 ${e1}\n  ${e2} \
    ${e3}"
folded quoted: "a ${e1}
  b ${e2}

  c ${e3}"
single: 'it''s ${e1}
  folded ''${e2}'
literal: |
  first ${e1}

    second ${e2}
indented: |2-
     deep ${e1}
    less ${e2}
folded: >-
  first ${e1}
  more ${e2}

  last ${e3}
plain over lines: plain ${e1}
   again ${e2}

   and ${e3}
anchored: &name   plain ${e1}
flow: {a: "${e1}", b: '${e2}', c: [ "x ${e3}" ]}
"""


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_an_expression_is_placed_in_every_style_of_text(line_break: str) -> None:
    source = Source("a.yaml", STYLES.replace("\n", line_break))
    tree, _ = load_document(source)
    assert tree is not None
    placed = 0
    for scalar in texts(tree):
        alignment = align(scalar)
        for name in ("${e1}", "${e2}", "${e3}"):
            if (offset := scalar.text.find(name)) >= 0:
                assert source.at(alignment.locate(offset, len(name))) == name
                placed += 1
    assert placed == STYLES.count("${")


@given(
    st.lists(st.text("ab'\"\\: \né#", max_size=6), min_size=1, max_size=4), st.sampled_from("'\"")
)
def test_an_expression_is_placed_after_any_text(pieces: list[str], quote: str) -> None:
    text = "${e}".join(["", *pieces]).replace("\n", "\n\n  ")
    if quote == "'":
        spelled = text.replace("'", "''")
    else:
        spelled = text.replace("\\", "\\\\").replace('"', '\\"')
    source = Source("a.yaml", f"a: {quote}{spelled}{quote}\n")
    tree, problems = load_document(source)
    assert problems == []
    assert tree is not None
    (scalar,) = texts(tree)
    alignment = align(scalar)
    offsets = [at for at in range(len(scalar.text)) if scalar.text.startswith("${e}", at)]
    assert len(offsets) == len(pieces)
    assert all(source.at(alignment.locate(at, 4)) == "${e}" for at in offsets)
