"""Random workflows, random faults, random crashes: whatever it is, no promise breaks.

A seed that fails is made smaller first: parts of the workflow, faults and crashes are taken away as long as it goes on
failing. What is printed is the smallest file, and what has to happen to it.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from flowdsl.errors import InputError
from flowdsl.plan.nodes import Call, Plan
from flowdsl.plan.template import Constant
from tests.conftest import Counts
from tests.random.life import Life
from tests.random.workflows import Tree, Written, text_of, written
from tests.random.world import World

SEEDS, SEEDS_FULL, SHARDS = 1_000, 100_000, 10
SHRINKS_MAX = 400


@dataclass(frozen=True, slots=True)
class Trial:
    """One workflow and what happens to it."""

    seed: int
    workflow: Written
    rate: float
    dies: frozenset[int]
    cancels_at: float | None
    masked: frozenset[str] = frozenset()

    def life(self) -> Life:
        plan = self.workflow.plan()
        world = World(self.seed, self.rate, expecting=expecting(plan), masked=self.masked)
        life = Life(plan, world, self.dies, self.cancels_at)
        life.play()
        return life

    def broken(self) -> list[str]:
        """What went wrong; a workflow that is none, as it may be on the way to a smaller one, breaks nothing."""
        try:
            return self.life().problems()
        except InputError:
            return []
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            return [f"{type(error).__name__}: {error}"]


def trial(seed: int) -> Trial:
    chance = random.Random(f"trial {seed}")
    dies = frozenset(chance.randint(1, 60) for _ in range(chance.choice((0, 0, 1, 2))))
    cancels_at = chance.random() * 30 if chance.random() < 0.15 else None
    return Trial(seed, written(seed), chance.choice((0.0, 0.05, 0.15, 0.4)), dies, cancels_at)


def expecting(plan: Plan) -> frozenset[str]:
    """The lines of calls that have an `expect`."""
    return frozenset(
        f"{node.action.method} http://{node.action.service}{node.action.path.value}"
        for node in plan.nodes.values()
        if isinstance(node, Call)
        and node.action.expect is not None
        and isinstance(node.action.path, Constant)
    )


@pytest.mark.parametrize("shard", range(SHARDS))
def test_no_promise_breaks_whatever_it_is(shard: int, counts: Counts, *, full: bool) -> None:
    seeds = SEEDS_FULL if full else SEEDS
    struck = deaths = 0
    ends: dict[str, int] = {}
    for seed in range(shard, seeds, SHARDS):
        one = trial(seed)
        try:
            life = one.life()
            problems = life.problems()
        except Exception as error:  # noqa: BLE001 - shrunk, then shown
            problems, life = [f"{type(error).__name__}: {error}"], None
        if problems:
            pytest.fail(story_of(shrunk(one)))
        assert life is not None
        struck, deaths = struck + len(life.world.struck), deaths + life.fuse.crashes
        state = life.state
        ends[state.ended or "stuck"] = ends.get(state.ended or "stuck", 0) + 1
    counts.add("random workflows under random faults", seeds // SHARDS)
    counts.add("random workflows: faults struck", struck)
    counts.add("random workflows: crashes", deaths)
    assert struck > 0
    assert deaths > 0
    assert {"succeeded", "compensated", "stuck"} <= ends.keys()


def test_a_failing_seed_is_shown_as_a_small_file(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a core that forgets to undo
    monkeypatch.setattr("flowdsl.saga.backward.effects", lambda *_: ())
    found = next(one for seed in range(500) if (one := trial(seed)).broken())
    # when it is made smaller
    small = shrunk(found)
    # then it fails still, it is a file of a few steps, and it says what happened
    assert small.broken()
    assert len(text_of(small.workflow.tree)) <= len(text_of(found.workflow.tree))
    assert text_of(small.workflow.tree).count("call:") <= 3
    assert any(word in story_of(small) for word in ("left behind", "lost, and stands"))


# --- making it smaller -------------------------------------------------------------------------------


def shrunk(one: Trial) -> Trial:
    """A smaller trial that goes on failing, as small as a few hundred tries make it."""
    tries = 0
    again = True
    while again and tries < SHRINKS_MAX:
        again = False
        for smaller in _smaller(one):
            tries += 1
            if tries >= SHRINKS_MAX:
                break
            if smaller.broken():
                one, again = smaller, True
                break
    return one


def _smaller(one: Trial) -> Iterator[Trial]:
    if one.cancels_at is not None:
        yield replace(one, cancels_at=None)
    for death in sorted(one.dies):
        yield replace(one, dies=one.dies - {death})
    for tree in _smaller_trees(one.workflow.tree):
        yield replace(one, workflow=replace(one.workflow, tree=tree))
    try:
        struck = one.life().world.struck
    except Exception:  # noqa: BLE001 - it failed by raising: which faults struck is not known
        struck = []
    for label in struck:
        yield replace(one, masked=one.masked | {label.partition(":")[0]})


def _smaller_trees(tree: Tree) -> Iterator[Tree]:
    """The same with one key or one entry of a list taken away, the largest parts first."""
    paths = sorted(_paths(tree), key=len)
    for path in paths:
        copied = copy.deepcopy(tree)
        parent: Any = copied
        for part in path[:-1]:
            parent = parent[part]
        del parent[path[-1]]
        if copied.get("steps"):
            yield copied


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in entries:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def story_of(one: Trial) -> str:
    """What a person needs to see it again."""
    problems = one.broken()
    try:
        struck = one.life().world.struck
    except Exception:  # noqa: BLE001
        struck = []
    lines = [f"seed {one.seed}", *problems, "", text_of(one.workflow.tree)]
    if "uses" in lines[-1]:
        lines += ["# child.yaml", text_of(one.workflow.child)]
    lines += [f"dies at points {sorted(one.dies)}, cancelled at {one.cancels_at}", *struck]
    return "\n".join(lines)
