"""What a step does, in the two or three words that stand where a call has its request."""

from __future__ import annotations

from flowdsl.plan.address import to_template
from flowdsl.plan.expression.compiled import Expression
from flowdsl.plan.nodes import (
    AnyNode,
    Assign,
    Block,
    Call,
    Commit,
    Confirm,
    Each,
    Fail,
    Label,
    Listen,
    Plan,
    Spawn,
    Switch,
    Wait,
)
from flowdsl.view.calls import action_text, open_text, template_text
from flowdsl.view.times import duration


def verb(node: AnyNode, plan: Plan | None = None) -> str:
    """What a step does, in a few words. `plan` knows the names of files."""
    match node:
        case Wait(until=Expression() as until):
            return f"wait until {open_text(until)}"
        case Wait(seconds=seconds):
            return f"wait {duration(seconds)}"
        case Listen(signal=signal):
            return f"wait_for {signal}"
        case Assign(values=values):
            return "set " + ", ".join(name for name, _ in values)
        case Fail(message=message):
            return f"fail: {template_text(message)}"
        case Label(text=text):
            return f"status {template_text(text)}"
        case Call(action=action) | Confirm(action=action):
            return action_text(action)
        case Each(body=Call(action=action)):
            return action_text(action)
        case Each(body=body):
            return verb(body, plan)
        case Switch():
            return "switch"
        case Spawn():
            return f"uses {used_file(plan, node)}, detached"
        case Block(kind="uses"):
            return f"uses {used_file(plan, node)}"
        case Block(kind=kind):
            return kind
        case Commit():
            return "commit"


def branch_text(branch: Block) -> str:
    """`when inputs.total > 5000`, or `otherwise`."""
    return "otherwise" if branch.when is None else f"when {branch.when.text.strip()}"


def used_file(plan: Plan | None, node: Block | Spawn) -> str:
    """The file that a `uses` names, as far as that is known; seen from the folder of the file that is run."""
    if plan is not None:
        folder = plan.path.rpartition("/")[0]
        return _file(plan, node).removeprefix(f"{folder}/" if folder else "./")
    return node.workflow if isinstance(node, Spawn) else "a workflow"


def _file(plan: Plan, node: Block | Spawn) -> str:
    if isinstance(node, Spawn):
        known = plan.detached.get(node.digest)
        return known.path if known is not None and known.path else node.workflow
    used = plan.children.get(to_template(node.address))
    return (used.path or used.workflow) if used is not None else "a workflow"
