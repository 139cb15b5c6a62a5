"""Workflows that nobody would write, out of everything that there is: made from a seed, always the same.

At most fifteen steps, four levels deep. A workflow is a tree of plain values until it is written down, so that a
failing one can be made smaller by taking parts of it away.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from flowdsl.language import compile_plan
from flowdsl.plan.nodes import Plan

Tree: TypeAlias = dict[str, Any]  # a workflow as YAML sees it

STEPS_MAX, DEPTH_MAX = 15, 4
SERVICES = ("keyed", "keyed", "plain", "grave")
HEAD: Tree = {
    "flowdsl": 1,
    "name": "chance",
    "services": {
        "keyed": {"url": "http://keyed", "idempotency": "24h"},
        "plain": "http://plain",
        "grave": {"url": "http://grave", "tombstone": True},
        "events": {"url": "http://keyed/events", "idempotency": "24h"},
    },
}
CHILD = "child.yaml"


@dataclass(frozen=True, slots=True)
class Written:
    """A workflow and the one that it may use."""

    tree: Tree
    child: Tree

    def plan(self) -> Plan:
        return compile_plan(text_of(self.tree), "chance.yaml", [(CHILD, text_of(self.child))])


def text_of(tree: Tree) -> str:
    return yaml.safe_dump({**HEAD, **tree}, sort_keys=False, width=110)


def written(seed: int) -> Written:
    chance = random.Random(seed)
    child = Maker(chance, prefix="c", budget=3, may_use=False).workflow()
    child = {"name": "child", "inputs": {"x": "integer?"}, **child, "outputs": {"x": "${inputs.x}"}}
    return Written(Maker(chance, prefix="s", budget=STEPS_MAX).workflow(), child)


@dataclass(slots=True)
class Maker:
    chance: random.Random
    prefix: str
    budget: int
    may_use: bool = True
    count: int = 0
    below: bool = False  # the commit line
    choosing: bool = (
        False  # in a list of which not all win: a run of its own could not be taken back
    )
    names: list[str] = field(default_factory=list)  # calls whose answer may be read here

    def workflow(self) -> Tree:
        steps = self.steps(DEPTH_MAX, flat=False)
        if self.may_use and self.chance.random() < 0.5:
            self.below = True
            self.budget = min(self.budget, 3)
            steps += ["commit", *(self.steps(1, flat=False) if self.budget > 0 else [])]
        tree: Tree = {"steps": steps}
        if self.may_use and self.chance.random() < 0.2:
            tree["on_failure"] = [{"call": "POST keyed/alerts", "body": {"at": "${error.step}"}}]
        if self.may_use and self.chance.random() < 0.15:
            tree["timeout"] = "5m"
        if self.may_use and self.chance.random() < 0.1:
            tree["key"] = "all"
        return tree

    def steps(self, depth: int, *, flat: bool) -> list[Any]:
        """A list of steps; `flat`: several may run at once, so that none of them sets the status."""
        wanted = self.chance.randint(1, 4 if depth > 1 else 2)
        return [self.step(depth, flat=flat) for _ in range(wanted) if self.budget > 0] or [
            self.call(depth)
        ]

    def step(self, depth: int, *, flat: bool) -> Tree:
        kinds = ["call"] * 8 + ["read", "wait", "emit", "set", "wait_for"]
        if not flat:
            kinds.append("status")
        if depth > 1:
            kinds += ["parallel", "group", "switch", "list", "list", "list"]
        if self.may_use:
            kinds.append("uses")
        make = getattr(self, f"_{self.chance.choice(kinds)}")
        self.budget -= 1
        made: Tree = make(depth, flat)
        return made

    def name(self) -> str:
        self.count += 1
        return f"{self.prefix}{self.count}"

    def call(self, depth: int, *, more: bool = True) -> Tree:
        self.budget -= 1
        return self._call(depth, flat=True, more=more)

    # --- one of each ---------------------------------------------------------------------------------

    def _call(self, depth: int, flat: bool, *, more: bool = True) -> Tree:
        name, service = self.name(), self.chance.choice(SERVICES)
        step: Tree = {"id": name, "call": f"POST {service}/{name}", "body": self._body()}
        roll = self.chance.random
        if roll() < 0.3:
            step["retry"] = self.chance.choice((1, 2, 4))
        if roll() < 0.2:
            step["expect"] = f"{name}.ok"
        if not self.below:
            step |= self._ways_back(name, service)
        if more and roll() < 0.15:
            step["critical"] = False
        if more and roll() < 0.15:
            step["when"] = self.chance.choice(("run.id != 'x'", "run.id == 'x'"))
        if more and depth > 1 and roll() < 0.12 and self.budget > 0:
            step["fallback"] = [self.call(1, more=False)]
        if step.keys().isdisjoint(("critical", "when")) and more:
            self.names.append(name)
        return step

    def _ways_back(self, name: str, service: str) -> Tree:
        reference = self.chance.choice((f"${{{name}.id}}", f"${{steps.{name}.key}}"))
        ways: Tree = {"compensate": f"DELETE {service}/{name}/{reference}"}
        roll = self.chance.random
        if roll() < 0.1:
            ways["compensate"] = "none"
        if roll() < 0.3:
            ways["confirm"] = f"POST {service}/{name}/{reference}/confirm"
        if roll() < 0.2:
            ways["probe"] = {
                "call": f"GET {service}/{name}?key=${{steps.{name}.key}}",
                "found": "len(probe.data) > 0",
                "result": "probe.data[0]",
            }
        return ways

    def _body(self) -> Tree:
        if self.names and self.chance.random() < 0.5:
            return {"reads": f"${{{self.chance.choice(self.names)}.id}}"}
        return {"n": self.chance.randint(0, 9)}

    def _read(self, depth: int, flat: bool) -> Tree:
        return {"call": f"GET plain/read-{self.name()}", "critical": self.chance.random() < 0.7}

    def _wait(self, depth: int, flat: bool) -> Tree:
        if self.chance.random() < 0.3:
            return {
                "wait_until": self.chance.choice(("2023-11-14T22:15:00Z", "2001-01-01T00:00:00Z"))
            }
        return {"wait": self.chance.choice(("50ms", "3s", "40s"))}

    def _wait_for(self, depth: int, flat: bool) -> Tree:
        name = self.name()
        step: Tree = {"id": name, "wait_for": self.chance.choice(("yes", "go")), "timeout": "20s"}
        if self.chance.random() < 0.4:
            step["expect"] = f"{name}.ok"
        if self.chance.random() < 0.5:
            step["critical"] = False
        return step

    def _emit(self, depth: int, flat: bool) -> Tree:
        return {"emit": f"happened.{self.name()}", "data": self._body()}

    def _set(self, depth: int, flat: bool) -> Tree:
        return {"set": {self.name(): "${1 + 1}"}}

    def _status(self, depth: int, flat: bool) -> Tree:
        return {"status": f"at {self.name()}"}

    def _parallel(self, depth: int, flat: bool) -> Tree:
        seen = list(self.names)
        children = [
            self.step(depth - 1, flat=True)
            for _ in range(self.chance.randint(2, 3))
            if self.budget > 0
        ]
        self.names = seen  # what is beside is not read: it would make an order
        return {"parallel": children or [self.call(1)]}

    def _group(self, depth: int, flat: bool) -> Tree:
        critical = self.chance.random() < 0.4
        seen = list(self.names)
        steps = self.steps(depth - 1, flat=flat)
        if not critical:
            self.names = seen
        return {"id": self.name(), "critical": critical, "steps": steps}

    def _switch(self, depth: int, flat: bool) -> Tree:
        seen = list(self.names)
        branches: list[Tree] = []
        for when in self.chance.sample(("run.id == 'x'", "run.id != 'x'", None), 2):
            condition = {} if when is None else {"when": when}
            branches.append({**condition, "steps": self.steps(depth - 1, flat=flat)})
            self.names = list(seen)
        branches.sort(key=lambda branch: "when" not in branch)
        return {"switch": branches}

    def _list(self, depth: int, flat: bool) -> Tree:
        seen, variable = list(self.names), self.name()
        collect: Any = self.chance.choice(("all", "settled", "first_success", "quorum"))
        if self.below and collect in ("first_success", "quorum"):
            collect = "settled"
        count = self.chance.randint(2, 3)
        if collect == "quorum":
            collect = {"quorum": 2}
        step: Tree = {"for_each": f"{variable} in {list(range(count))}", "collect": collect}
        if self.chance.random() < 0.3:
            step["max_parallel"] = self.chance.randint(1, 2)
        if self.chance.random() < 0.2:
            step["critical"] = False
        around, self.choosing = self.choosing, self.choosing or collect not in ("all", "settled")
        if depth > 1 and self.chance.random() < 0.4:
            step |= {"id": self.name(), "steps": self.steps(depth - 1, flat=True)}
        else:
            step |= self.call(1, more=False)
        self.names, self.choosing = seen, around
        return step

    def _uses(self, depth: int, flat: bool) -> Tree:
        step: Tree = {
            "id": self.name(),
            "uses": f"./{CHILD}",
            "with": {"x": self.chance.randint(0, 3)},
        }
        if self.chance.random() < 0.3 and not self.choosing:
            step["detach"] = True
        return step
