"""Short workflows for the tests: a list of steps with the rest of the file around it."""

from __future__ import annotations

from textwrap import indent

from flowdsl.language import Library, Source
from flowdsl.language.load import load
from flowdsl.plan.nodes import AnyNode, Call, Plan
from flowdsl.plan.unfold import inside
from tests.language.examples import PARTS, whole


def plan_of(steps: str, **files: str) -> Plan:
    """`files`: what it uses, by name without the ending."""
    return load(Source("w.yaml", whole(steps)), library_of(**files))


def library_of(**files: str) -> Library:
    return Library({f"{name}.yaml": used(text) for name, text in files.items()})


def used(text: str) -> str:
    """A file without inputs around a list of steps."""
    if text.startswith("flowdsl:"):
        return text
    return f"flowdsl: 1\n{PARTS['defaults']}{PARTS['services']}steps:\n{indent(text, '  ')}"


def call_at(plan: Plan, address: str) -> Call:
    node = plan.nodes[address]
    assert isinstance(node, Call)
    return node


def outline(node: AnyNode) -> list[str]:
    """Address and needs of every node, indented by depth."""
    lines = [f"{type(node).__name__} {node.address or '.'} {list(node.needs)}"]
    return [*lines, *(f"  {line}" for child in inside(node) for line in outline(child))]
