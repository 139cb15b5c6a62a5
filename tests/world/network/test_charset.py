"""Answers in other charsets than UTF-8: read as they were meant, or told to be none, and never with replacement marks."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.plan.values import Json
from flowdsl.world.network.body import decode
from flowdsl.world.network.charset import CODECS, LABELS


@pytest.mark.parametrize(
    ("content", "media", "text"),
    [
        ("é".encode(), "text/plain", "é"),
        ("é".encode("latin-1"), "text/plain", "é"),
        ("é€".encode(), "text/plain; charset=utf-8", "é€"),
        ("é".encode("latin-1"), "text/html; charset=ISO-8859-1", "é"),
        ("č".encode("iso8859-2"), 'text/plain; format=flowed; charset="iso-8859-2"', "č"),
        ("“€”".encode("cp1252"), "text/plain;charset=windows-1252", "“€”"),
        ("日本".encode("shift_jis"), "text/plain; charset=Shift_JIS", "日本"),
        ("中文".encode("gb18030"), "text/plain; charset=gb18030", "中文"),
        ("한국".encode("euc-kr"), "text/plain; charset=euc-kr", "한국"),
        ("да".encode("koi8-r"), "text/plain; CHARSET=KOI8-R", "да"),
        ("é".encode("utf-16"), "text/plain", "é"),
        ("é".encode("utf-16-be"), "text/plain; charset=utf-16be", "é"),
        ("é".encode("utf-32"), "text/plain; charset=utf-16", "é"),
        ("é".encode("utf-8-sig"), "text/plain; charset=latin-1", "é"),
        # what it says of itself is not so, or nobody knows what it says
        ("é".encode("latin-1"), "text/plain; charset=utf-8", "é"),
        ("é".encode(), "text/plain; charset=us-ascii", "é"),
        ("é".encode(), "text/plain; charset=klingon", "é"),
        ("é".encode("latin-1"), "text/plain; charset=klingon", "é"),
        (b"\xff\xfea", "text/plain", "ÿþa"),
        (b"uryyb", "text/plain; charset=rot13", "uryyb"),
        (b"+AGE-", "text/plain; charset=utf-7", "+AGE-"),
        (b"xn--a", "text/plain; charset=punycode", "xn--a"),
        (b"x" * 10, "text/plain; charset=" + "u" * 100_000, "x" * 10),
    ],
)
def test_a_text_is_read_by_its_charset(content: bytes, media: str, text: str) -> None:
    assert decode(content, media) == (text, None)


@pytest.mark.parametrize(
    ("content", "media", "value"),
    [
        ('["é"]'.encode(), "application/json", ["é"]),
        ('["é"]'.encode("utf-8-sig"), "application/json; charset=utf-8", ["é"]),
        ('["é"]'.encode("utf-16"), "application/json", ["é"]),
        ('["é"]'.encode("utf-32"), "application/json", ["é"]),
        ('["é"]'.encode("utf-16-le"), "application/problem+json; charset=utf-16le", ["é"]),
        ('["é"]'.encode("latin-1"), "application/json; charset=iso-8859-1", ["é"]),
        ('["é"]'.encode(), "application/json; charset=klingon", ["é"]),
    ],
)
def test_json_is_read_by_its_charset(content: bytes, media: str, value: Json) -> None:
    assert decode(content, media) == (value, None)


@pytest.mark.parametrize(
    ("content", "media", "shown"),
    [
        ('["é"]'.encode("latin-1"), "application/json", '["é"]'),
        ('["é"]'.encode("latin-1"), "application/json; charset=utf-8", '["é"]'),
        ('["é"]'.encode("latin-1"), "application/json; charset=klingon", '["é"]'),
        ("é".encode("utf-16"), "application/json", "é"),
    ],
)
def test_what_is_no_json_is_shown_without_replacement_marks(
    content: bytes, media: str, shown: str
) -> None:
    assert decode(content, media) == (shown, "not JSON")


def test_every_charset_is_one_of_texts_and_reads_itself() -> None:
    for codec in CODECS:
        assert codecs.lookup(codec)._is_text_encoding
        assert "a b".encode(codec).decode(codec) == "a b"
    assert set(LABELS.values()) == CODECS
    assert not {"rot13", "utf_7", "idna", "punycode", "unicode_escape", "zlib", "base64"} & {
        *LABELS
    }


@given(st.binary(max_size=40), st.sampled_from([*LABELS, "klingon", ""]))
def test_nothing_is_marked_as_replaced_that_did_not_come_so(content: bytes, label: str) -> None:
    value, problem = decode(content, f"text/plain; charset={label}")
    assert problem is None
    assert content == b"" or isinstance(value, str)
    if isinstance(value, str) and "�" in value:
        assert any(_says_so(content, codec) for codec in CODECS)


def _says_so(content: bytes, codec: str) -> bool:
    try:
        return "�" in content.decode(codec)
    except UnicodeError:
        return False
