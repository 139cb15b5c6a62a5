"""The plan of a run: the workflow's, with the items of every list that the run has expanded."""

from __future__ import annotations

from flowdsl.plan.nodes import Plan
from flowdsl.plan.unfold import unfold
from flowdsl.saga.state import State


def unfolded(plan: Plan, state: State) -> Plan:
    """Cheap to ask again; a plan that is unfolded already may be given as well."""
    return unfold(plan, {each: len(items) for each, items in state.expanded.items()})
