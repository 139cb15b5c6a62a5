"""What a run remembers is what a walk of all of it says: after every fact of random workflows, their crashes and orders."""

from __future__ import annotations

import random

import pytest

from tests.conftest import Counts
from tests.random.test_random import trial
from tests.random.twins import compare_all

SEEDS, SEEDS_FULL, SHARDS = 80, 20_000, 4


@pytest.mark.parametrize("shard", range(SHARDS))
def test_what_is_remembered_is_what_a_walk_of_it_all_says(
    shard: int, counts: Counts, *, full: bool
) -> None:
    compared = 0
    for seed in range(shard, SEEDS_FULL if full else SEEDS, SHARDS):
        life = trial(seed).life()
        try:
            compared += compare_all(life.plan, life.facts, random.Random(seed))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
    counts.add("remembered answers that a walk of it all gave too", compared)
