"""Short workflows for the tests: a list of steps with the rest of the file around it."""

from __future__ import annotations

from flowdsl.language import Source, load
from flowdsl.plan.nodes import AnyNode, Block, Call, Plan
from tests.language.examples import whole


def plan_of(steps: str) -> Plan:
    return load(Source("w.yaml", whole(steps)))


def call_at(plan: Plan, address: str) -> Call:
    node = plan.nodes[address]
    assert isinstance(node, Call)
    return node


def outline(node: AnyNode) -> list[str]:
    """Address and needs of every node, indented by depth."""
    lines = [f"{type(node).__name__} {node.address or '.'} {list(node.needs)}"]
    if isinstance(node, Block):
        lines += [f"  {line}" for child in node.children for line in outline(child)]
    return lines
