"""A secret whose value a service says by chance changes nothing: the same requests, the same deeds, the same end.

Each random workflow is played twice, with the same faults and crashes: without secrets, and with secrets whose values are
taken from what its services answered. What is written and shown of the second holds none of them.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

import pytest

from flowdsl.plan.json import to_text
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.codec import encode
from flowdsl.saga.state import State, fold
from flowdsl.view.run.report import outputs, run_report
from tests.conftest import Counts
from tests.random.life import Life
from tests.random.test_random import Trial, expecting, trial
from tests.random.world import World
from tests.runs import run_at

WORKFLOWS, POINTS, SHARDS = 200, 1, 8
CHARACTERS_MAX, GREPPED_FROM = 12, 4


def more(number: int) -> dict[str, Json]:
    """Prices, words and numbers, as services answer them."""
    return {
        "price": Decimal(420 + number) / 10,
        "seats": 420 + number,
        "note": f"Contested by guest/{number}? see Zürich+{number}",
        "deep": [{"word": f"tested{number}", "of": [None, True, number]}],
    }


@dataclass(frozen=True, slots=True)
class Case:
    """A workflow and its faults; `life` plays it, with secrets and deaths or without."""

    trial: Trial
    plan: Plan

    def life(self, secrets: dict[str, str], dies: frozenset[int] = frozenset()) -> Life:
        one = self.trial
        world = World(one.seed, one.rate, "hold-{}-Test", more, expecting(self.plan))
        life = Life(self.plan, world, dies, one.cancels_at, secrets)
        life.play()
        return life


def said_by(life: Life) -> list[str]:
    """Every value in an answer, and the words of the longer ones, of up to twelve characters."""
    found: dict[str, None] = {}
    for answer in life.world.answers:
        for text in _texts(answer):
            for piece in (text, *text.split(), *text.replace("/", " ").replace("-", " ").split()):
                if 0 < len(piece) <= CHARACTERS_MAX:
                    found[piece] = None
    return list(found)


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
        case bool() | None:
            pass
        case _:
            yield to_text(value)


def chosen(seed: int, said: list[str]) -> dict[str, str]:
    chance = random.Random(f"secrets {seed}")
    values = chance.sample(said, min(len(said), 4))
    return {f"S{number}": value for number, value in enumerate(values)}


def shape(life: Life) -> dict[str, object]:
    """All that must not change."""
    run = run_at(life.plan, life.true_state)
    now = run.progress
    return {
        "deeds": life.world.deeds,
        "requests": life.world.bytes_of,
        "order": life.world.counts,
        "state": now.state,
        "residue": now.residue,
        "stands": now.stands,
        "outputs": outputs(run)[0],
        "complaints": life.problems(),
    }


def shown(life: Life) -> str:
    """What a store and a report hold of it."""
    state = fold(State(), life.facts)
    told = life.told
    assert told is not None
    report = run_report(told.after)
    facts = b"\n".join(encode(fact) for fact in life.facts).decode()
    assert state.created is not None
    return facts + to_text(report)


def leaks(text: str, secrets: dict[str, str]) -> list[str]:
    found = []
    for value in secrets.values():
        if len(value) >= GREPPED_FROM:
            raw = value.encode()
            spelled = {value, quote(value, safe=""), to_text(value)[1:-1]}
            if len(raw) >= 6:
                spelled.add(base64.b64encode(raw).decode().rstrip("=")[:-1])
            found += [one for one in spelled if _stands_in(one, text)]
    return found


def _stands_in(value: str, text: str) -> bool:
    """A price of 42.3 is not in a time of 1767225642.3 seconds."""
    if value.replace(".", "").isdecimal():
        return re.search(rf"(?<![\d.]){re.escape(value)}(?!\d)", text) is not None
    return value in text


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_secret_that_looks_like_data_changes_nothing(
    shard: int, counts: Counts, *, full: bool
) -> None:
    deaths = masked = 0
    for seed in range(shard, WORKFLOWS, SHARDS):
        one = trial(seed)
        case = Case(one, one.workflow.plan())
        plain = case.life({})
        secrets = chosen(seed, said_by(plain))
        points = range(1, plain.fuse.passed + 1)
        chance = random.Random(f"points {seed}")
        tried = points if full else chance.sample(points, min(POINTS, len(points)))
        for dies in (frozenset[int](), *(frozenset({point}) for point in tried)):
            without, having = case.life({}, dies), case.life(secrets, dies)
            assert shape(having) == shape(without), (seed, dies, secrets)
            assert leaks(shown(having), secrets) == [], (seed, dies, secrets)
            deaths += having.fuse.crashes
            masked += any(b'"masked"' in encode(fact) for fact in having.facts)
    counts.add("workflows whose secrets look like data", WORKFLOWS // SHARDS)
    counts.add("workflows whose secrets look like data: crashes", deaths)
    assert deaths > 0
    assert masked > WORKFLOWS // SHARDS, "hardly any answer held a secret"
