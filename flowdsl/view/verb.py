"""What a step looks like, in words and as a box: the one place that a new kind of step has to visit in the pictures.

A screen that says more of it than that (what it waits for, what came of it) says so where it is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.plan.address import to_template
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.nodes import (
    AnyNode,
    Block,
    Call,
    Commit,
    Confirm,
    Detach,
    Fail,
    ForEach,
    Plan,
    Set,
    Status,
    Switch,
    Wait,
    WaitFor,
)
from flowdsl.view.calls import action_text, open_text, template_text
from flowdsl.view.times import duration

Kind: TypeAlias = Literal[
    "call", "read", "emit", "confirm", "commit", "wait", "wait_for", "detach", "set", "fail", "group",
    "uses", "for_each", "item", "switch", "branch", "fallback", "on_failure", "more", "join",
]  # fmt: skip


class Look(Struct, frozen=True):
    """A box in each format. `brackets` are those of Mermaid, `shape` is that of DOT.

    A plain box has a white ground also where no run colours it; one that `stands_out` has a border of its own then.
    """

    is_round: bool = False
    is_bold: bool = False
    is_plain: bool = False
    is_dashed: bool = False
    stands_out: bool = False
    brackets: tuple[str, str] = ("[", "]")
    shape: str = ""


_ASIDE = Look(is_dashed=True)
_ROUND = Look(is_round=True, brackets=("([", "])"))

LOOKS: Mapping[Kind, Look] = MappingProxyType(
    {
        "call": Look(is_bold=True, is_plain=True),
        "read": Look(is_bold=True),
        "emit": Look(
            is_round=True, is_bold=True, is_plain=True, stands_out=True,
            brackets=(">", "]"), shape="cds",
        ),
        "confirm": Look(),
        "commit": Look(is_round=True, brackets=("{{", "}}")),
        "wait": _ROUND,
        "wait_for": replace(_ROUND, is_bold=True),
        "detach": Look(is_round=True, is_bold=True, brackets=("[[", "]]"), shape="box3d"),
        "set": _ROUND,
        "fail": Look(is_round=True),
        "group": Look(),
        "uses": Look(),
        "for_each": Look(),
        "item": Look(is_plain=True),
        "switch": Look(),
        "branch": Look(is_plain=True, is_dashed=True),
        "fallback": _ASIDE,
        "on_failure": _ASIDE,
        "more": Look(is_dashed=True, brackets=("([", "])")),
        "join": Look(brackets=("((", "))"), shape="point"),
    }
)  # fmt: skip


def kind_of(node: AnyNode) -> Kind:
    """Which box stands for a step."""
    match node:
        case Call(action=action):
            return "emit" if action.event is not None else "read" if action.is_read else "call"
        case Confirm():
            return "confirm"
        case Wait():
            return "wait"
        case WaitFor():
            return "wait_for"
        case Set() | Status():
            return "set"
        case Fail():
            return "fail"
        case Commit():
            return "commit"
        case Detach():
            return "detach"
        case Switch():
            return "switch"
        case ForEach():
            return "for_each"
        case Block(kind=kind):
            return "uses" if kind == "uses" else "item"


def verb(node: AnyNode, plan: Plan | None = None) -> str:
    """What a step does, in a few words. `plan` knows the names of files."""
    match node:
        case Wait(until=Expression() as until):
            return f"wait until {open_text(until)}"
        case Wait(seconds=seconds):
            return f"wait {duration(seconds)}"
        case WaitFor(signal=signal):
            return f"wait_for {signal}"
        case Set(values=values):
            return "set " + ", ".join(name for name, _ in values)
        case Fail(message=message):
            return f"fail: {template_text(message)}"
        case Status(text=text):
            return f"status {template_text(text)}"
        case Call(action=action) | Confirm(action=action):
            return action_text(action)
        case ForEach(body=Call(action=action)):
            return action_text(action)
        case ForEach(body=body):
            return verb(body, plan)
        case Switch():
            return "switch"
        case Detach():
            return f"uses {used_file(plan, node)}, detached"
        case Block(kind="uses"):
            return f"uses {used_file(plan, node)}"
        case Block(kind=kind):
            return kind
        case Commit():
            return "commit"


def limit_text(node: AnyNode) -> str:
    """`2d at most`: how long it may take, where it says so itself."""
    if isinstance(node, WaitFor) and node.timeout_seconds is not None:
        return f"{duration(node.timeout_seconds)} at most"
    return ""


def limited_verb(node: AnyNode, plan: Plan | None = None) -> str:
    """`wait_for approve, 2d at most`."""
    return ", ".join(word for word in (verb(node, plan), limit_text(node)) if word)


def branch_text(branch: Block) -> str:
    """`when inputs.total > 5000`, or `otherwise`."""
    return "otherwise" if branch.when is None else f"when {branch.when.text.strip()}"


def used_file(plan: Plan | None, node: Block | Detach) -> str:
    """The file that a `uses` names, as far as that is known; seen from the folder of the file that is run."""
    if plan is not None:
        folder = plan.path.rpartition("/")[0]
        return _file(plan, node).removeprefix(f"{folder}/" if folder else "./")
    return node.workflow if isinstance(node, Detach) else "a workflow"


def _file(plan: Plan, node: Block | Detach) -> str:
    if isinstance(node, Detach):
        known = plan.detached.get(node.digest)
        return known.path if known is not None and known.path else node.workflow
    used = plan.children.get(to_template(node.address))
    return (used.path or used.workflow) if used is not None else "a workflow"
