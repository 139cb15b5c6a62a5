"""Files, expressions and inputs as nobody would write them: an answer each time, soon, and never a traceback."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Counts
from tests.hostile.fuzz import CORPUS, TARGETS, try_expression, try_file, try_inputs
from tests.sizes import examples

WORKFLOWS = sorted((Path(__file__).parents[2] / "workflows").rglob("*.yaml"))
KNOWN = [
    *(("file", path) for path in WORKFLOWS),
    *((target, path) for target in TARGETS for path in sorted((CORPUS / target).iterdir())),
]
ROUNDS, ROUNDS_FULL = 800, 20_000

NASTY = [
    b"[", b"]", b"{", b"}", b"[" * 5000, b"{a: " * 3000, b"- " * 3000, b"&a [*a]", b"*a", b"!!python/object:os.system ", b"!x ", b"<<: ",
    b"? ", b"|\n", b">-\n", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"---\n", b"...\n",
    b"${", b"}", b"${inputs.x}", b"${'a' * 9}", b"${[i for i in [1]]}", b"9" * 5000, b"1e999999", b"-.inf", b"0x" + b"f" * 400, b"'", b'"',
    b": ", b" #", b"\r", b"\n", b"\xc2\x85", b"\xe2\x80\xa8", b"null", b"commit", b"steps:", b"for_each: ", b"uses: ./other.yaml", b"uses: ../../etc/passwd",
    b"pattern: '^(a+)+$'", b"timeout: 99999999999999d", b"retry: 0", b"id: __class__", b"call: POST a/../b",
]  # fmt: skip


def mutated(raw: bytes, chance: random.Random) -> bytes:
    lines = raw.split(b"\n")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[chance.randrange(len(lines))])
            case 2:
                lines[at] = lines[at] + chance.choice(NASTY)
            case 3:
                place = chance.randint(0, len(lines[at]))
                lines[at] = lines[at][:place] + chance.choice(NASTY) + lines[at][place:]
            case 4:
                lines[at] = b"  " * chance.randint(0, 3) + lines[at].lstrip()
            case 5:
                lines[at] = lines[at].partition(b":")[0] + b": " + chance.choice(NASTY)
            case _:
                place = chance.randint(0, len(lines[at]))
                lines[at] = (
                    lines[at][:place] + bytes([chance.randrange(256)]) + lines[at][place + 1 :]
                )
        lines = lines or [b""]
    return b"\n".join(lines)


@pytest.mark.parametrize(("target", "path"), KNOWN, ids=lambda one: getattr(one, "name", one))
def test_what_was_found_before_is_no_trouble(target: str, path: Path, counts: Counts) -> None:
    begun = time.process_time()
    TARGETS[target](path.read_bytes())
    assert time.process_time() - begun < 5
    counts.add("inputs of the corpus of fuzzing", 1)


def test_a_file_with_mistakes_of_every_kind_is_answered(counts: Counts, *, full: bool) -> None:
    chance = random.Random("" if not full else None)
    rounds = ROUNDS_FULL if full else ROUNDS
    for _ in range(rounds):
        raw = mutated(chance.choice(WORKFLOWS).read_bytes(), chance)
        begun = time.process_time()
        try:
            try_file(raw)
        except Exception as error:
            raise AssertionError(f"not answered: {raw!r}") from error
        assert time.process_time() - begun < 5, raw
    counts.add("workflow files with mistakes put in", rounds)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(raw: bytes) -> None:
    for one in TARGETS.values():
        one(raw)


WORDS = st.sampled_from(
    ["inputs", "x", "run", "error", "steps", ".", "[", "]", "(", ")", "+", "-", "*", "/", "//", "%", "==", "!=", "<", "in", "not", "and", "or", "if", "else", "for", "i", "list", "deep", "a", "n", "id", "1", "0.1", "'a'", "'/..'", "len", "sum", "sorted", "join", "default", "keys", "values", "chunks", "str", "int", "number", "round", ",", ":", "{", "}", "lambda", "**", ":=", "__class__", "10**9", "None", "true", "null", '"é"', "\u202e"]
)  # fmt: skip


@settings(max_examples=examples(200, 400), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=14))
def test_any_words_are_an_expression_or_not(words: list[str]) -> None:
    try_expression(" ".join(words).encode("utf-8", "replace"))
    try_expression(f"a/${{{' '.join(words)}}}/..${{x.id}}".encode("utf-8", "replace"))


SCHEMA_WORDS = st.sampled_from(
    ["type:", "string", "integer", "array", "object", "{type:", "string}", "items:", "properties:", "{a:", "{}}", "pattern:", "'^(a*)*$'", "minimum:", "1", "-1", "1e400", "multipleOf:", "0", "0.1", "enum:", "[]", "[1]", "required:", "[a]", "$ref:", "'#'", "uniqueItems:", "true", "default:", "null", "secret:", "minLength:", "{", "}", ",", "[", "]", "additionalProperties:", "false", "not:", "allOf:", "string?", "anyOf:"]
)  # fmt: skip


@settings(max_examples=examples(100, 200), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(SCHEMA_WORDS, max_size=10),
    st.sampled_from(['"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"', "[1, 1.0]", '{"a": 1}', "1e4000", "9" * 50, "null", "x"]),
)  # fmt: skip
def test_any_schema_takes_any_value_or_is_refused(words: list[str], value: str) -> None:
    try_inputs(f"{{ {' '.join(words)} }}\0{value}".encode())
    try_inputs(f"{' '.join(words)}\0{value}".encode())
