"""Whatever stands in a document, a workflow that names it is checked to the end, and in good time."""

from __future__ import annotations

import random
import time

from flowdsl.language import Library, check
from flowdsl.language.openapi.text import DocumentText, read_text
from flowdsl.language.text.source import Source
from flowdsl.plan.json import from_bytes, to_text
from flowdsl.plan.values import Json
from tests.conftest import Counts
from tests.language.openapi.checking import SECONDS_AT_MOST
from tests.language.openapi.test_planted import DESCRIBED, planted

ROUNDS, ROUNDS_IN_FULL = 40, 4_000
JUNK = (
    "null", "true", "0", "-1", "1.5", '""', '"x"', "[]", "{}", "[[]]", '{"$ref":"#"}',
    '{"$ref":"#/nowhere"}', '{"$ref":"#/components/schemas/Item"}', '{"type":"object"}',
    '{"type":["string","null"]}', '{"allOf":[{"$ref":"#"}]}', '{"enum":[]}', '{"pattern":"("}',
    '{"items":{"$ref":"#/components"}}',
)  # fmt: skip
WORDS = ("type", "items", "required", "properties", "nullable", "in", "name", "schema", "$ref")


def document(path: str, text: str) -> str:
    found = read_text(Source(path, text))
    assert isinstance(found, DocumentText)
    return to_text(found.value)


def mutated(text: str, chance: random.Random) -> str:
    """The document with one to eight things in it taken away, or put where they make no sense."""
    whole = from_bytes(text)
    for _ in range(chance.randint(1, 8)):
        _mutate(whole, chance)
    return to_text(whole)


def _mutate(node: Json, chance: random.Random) -> None:
    junk = from_bytes(chance.choice(JUNK))
    while isinstance(node, dict | list) and node:
        key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        inner: Json = node[key]  # type: ignore[index]
        if inner and isinstance(inner, dict | list) and chance.random() < 0.8:
            node = inner
            continue
        if isinstance(node, dict) and chance.random() < 0.4:
            del node[str(key)]
            node[chance.choice(WORDS)] = junk
        else:
            node[key] = junk  # type: ignore[index]
        return


def test_no_document_stops_a_check(full: bool, counts: Counts) -> None:
    source, _ = planted()
    documents = {p.name: document(p.name, p.read_text("utf-8")) for p in DESCRIBED}
    rounds = ROUNDS_IN_FULL if full else ROUNDS
    codes: set[str] = set()
    for seed in range(rounds):
        chance = random.Random(seed)
        texts = {name: mutated(text, chance) for name, text in documents.items()}
        started = time.process_time()
        codes |= {item.code for item in check(source, Library(texts)).diagnostics}
        assert time.process_time() - started < SECONDS_AT_MOST, seed
    # and the damage is seen, not passed over
    assert {"F091", "F092"} <= codes
    counts.add("mutated OpenAPI documents checked", rounds * len(documents))
