"""A run in a state that a test has made: as a reader of its facts would have it, without the facts."""

from __future__ import annotations

from flowdsl.plan.nodes import Plan
from flowdsl.saga.progress import progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import unfolded


def run_at(plan: Plan, state: State, at: float = 0.0) -> Run:
    here = unfolded(plan, state)
    return Run(here, state, progress(here, state), at, is_open=True)
