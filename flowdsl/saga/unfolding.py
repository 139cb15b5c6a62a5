"""The plan of a run: the workflow's, with the items of every list that the run has expanded."""

from __future__ import annotations

from typing import NewType

from flowdsl.plan.nodes import Plan
from flowdsl.plan.unfold import grown, unfold
from flowdsl.saga.events import Expanded
from flowdsl.saga.state import State

Unfolded = NewType("Unfolded", Plan)  # made here, and nowhere else


def unfolded(plan: Plan, state: State) -> Unfolded:
    """Cheap to ask again; a plan that was unfolded for an earlier state may be given as well."""
    return Unfolded(unfold(plan, {each: len(items) for each, items in state.expanded.items()}))


def grown_by(plan: Unfolded, event: Expanded) -> Unfolded:
    """The same with the items that this fact has decided."""
    return Unfolded(grown(plan, event.each, len(event.items)))
