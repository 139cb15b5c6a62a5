"""In the plan of any well-formed workflow, a step stands behind every step it reads, and confirms behind the commit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeAlias

import networkx
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.language import Source, check, flatten
from flowdsl.language.load import load
from flowdsl.plan.nodes import Commit

# A call is a number that picks which earlier step it reads; a group is its kind and what is in it.
Tree: TypeAlias = "int | tuple[str, list[Tree]]"

TREES: st.SearchStrategy[list[Tree]] = st.lists(
    st.recursive(
        st.integers(0, 7),
        lambda inner: st.tuples(
            st.sampled_from(["parallel", "steps", "switch", "for_each", "fallback"]),
            st.lists(inner, min_size=1, max_size=4),
        ),
        max_leaves=10,
    ),
    min_size=1,
    max_size=4,
)


@dataclass(slots=True)
class Written:
    """What was written so far: ids, those that can be read where the next step stands, and who reads whom."""

    ids: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    lists: int = 0
    reads: list[tuple[str, str]] = field(default_factory=list)

    def step(self, tree: Tree) -> dict[str, object]:
        if isinstance(tree, int):
            return self.call(tree)
        kind, inside = tree
        known = list(self.seen)
        match kind:
            case "switch":
                branches: list[dict[str, object]] = []
                given: list[str] = []
                for child in inside:  # no branch sees another, and whatever comes after sees all
                    self.seen = list(known)
                    branches.append({"when": "run.id == 'x'", "steps": [self.step(child)]})
                    given += self.seen[len(known) :]
                self.seen = [*known, *given]
                return {"switch": branches}
            case "for_each":
                self.lists += 1
                variable = f"v{self.lists}"
                steps = [self.step(child) for child in inside]
                self.seen = known  # each item has its own
                return {"for_each": f"{variable} in [1, 2]", "steps": steps}
            case "fallback":
                call = self.call(0)
                own = self.seen.pop()
                steps = [self.step(child) for child in inside]
                self.seen.append(own)
                return {**call, "fallback": steps}
            case _:
                return {kind: [self.step(child) for child in inside]}

    def call(self, reads: int) -> dict[str, object]:
        name = f"s{len(self.ids)}"
        path = "a/x"
        if self.seen and reads:
            read = self.seen[-1 - (reads - 1) % len(self.seen)]
            self.reads.append((read, name))
            path = f"a/x/${{default({read}.id, 'none')}}"
        self.ids.append(name)
        self.seen.append(name)
        own = f"a/x/${{{name}.id}}"
        return {"id": name, "call": path, "confirm": own, "compensate": f"DELETE {own}"}


@given(TREES, st.integers(0, 4))
def test_a_step_stands_behind_all_that_it_reads(trees: list[Tree], line: int) -> None:
    written = Written()
    steps = [written.step(tree) for tree in trees]
    document = {
        "flowdsl": 1,
        "services": {"a": "http://a"},
        "steps": [*steps, "commit", *[{"wait": "1s"}] * line],
    }
    source = Source("w.yaml", json.dumps(document))
    assert [str(item) for item in check(source).errors] == []
    plan = load(source)
    graph = flatten(plan)
    assert networkx.is_directed_acyclic_graph(graph)
    behind = {node: networkx.descendants(graph, node) for node in graph}
    for earlier, later in written.reads:
        assert plan.names[later] in behind[plan.names[earlier]]
        # what is confirmed keeps the order of what was done
        assert f"{plan.names[later]}!confirm" in behind[f"{plan.names[earlier]}!confirm"]
    commit = next(name for name, node in plan.nodes.items() if isinstance(node, Commit))
    for name in written.ids:
        assert commit in behind[plan.names[name]]
        assert f"{plan.names[name]}!confirm" in behind[commit]
    assert graph.number_of_nodes() == 2 * len(written.ids) + 1 + line
