"""What a step does, in the two or three words that stand where a call has its request."""

from __future__ import annotations

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
