"""Which mark a step of a run has: its state, made milder where a failure is one that others carry on from."""

from __future__ import annotations

from flowdsl.plan.nodes import AnyNode, Call
from flowdsl.saga.collecting import LOST
from flowdsl.saga.run import Run
from flowdsl.view.mark import STEP_MARKS, WARNING, Mark
from flowdsl.view.run.items import has_fallen_back, is_tolerated, turned_item
from flowdsl.view.run.positions import is_warned, stands
from flowdsl.view.run.step import seen_of

MORE = Mark("…", "dim")
GAVE_WAY = ("ok", "kept", "refused", "pending")  # states of what lost and has left nothing
_LOST = Mark("–", "dim")
_CARRIED_ON = Mark("✗", "yellow")


def is_mild(run: Run, node: AnyNode) -> bool:
    """Whether what went wrong here is not an error: it lost, its list goes on without it, or its fallback ran."""
    seen = seen_of(run, node)
    if turned_item(run, node.address, LOST) and seen in GAVE_WAY:
        return True
    falls_back = isinstance(node, Call) and has_fallen_back(run, node)
    return seen == "refused" and (falls_back or is_tolerated(run.plan, node.address))


def mark_of(run: Run, node: AnyNode) -> Mark:
    seen = seen_of(run, node)
    if (is_warned(run, node) and seen != "undone") or stands(run, node.address):
        return WARNING
    if not is_mild(run, node):
        return STEP_MARKS[seen]
    return _LOST if turned_item(run, node.address, LOST) else _CARRIED_ON
