"""Which mark a step of a run has: its state, made milder where a failure is one that others carry on from."""

from __future__ import annotations

from flowdsl.plan.nodes import AnyNode, Call, Plan
from flowdsl.saga.collecting import LOST
from flowdsl.saga.progress import Progress
from flowdsl.saga.state import State
from flowdsl.view.items import has_fallen_back, is_tolerated, turned_item
from flowdsl.view.mark import STEP_MARKS, WARNING, Mark
from flowdsl.view.standing import is_warned
from flowdsl.view.step import seen_of

MORE = Mark("…", "dim")
_GAVE_WAY = Mark("–", "dim")  # an item that lost and has left nothing
_CARRIED_ON = Mark("✗", "yellow")


def mark_of(plan: Plan, state: State, progress: Progress, node: AnyNode) -> Mark:
    seen = seen_of(state, progress, node)
    if is_warned(progress, node) and seen != "undone":
        return WARNING
    if turned_item(state, node.address, LOST) and seen in ("ok", "kept", "refused", "pending"):
        return _GAVE_WAY
    if seen != "refused":
        return STEP_MARKS[seen]
    falls_back = isinstance(node, Call) and has_fallen_back(progress, node)
    return _CARRIED_ON if falls_back or is_tolerated(plan, node.address) else STEP_MARKS[seen]
