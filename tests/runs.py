"""Runs without a driver: in a state that a test has made, and at the end of a trail."""

from __future__ import annotations

from collections.abc import Mapping

from flowdsl.explorer import trail as explorer_trail
from flowdsl.plan.address import CallId
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Started
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.run import Run
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import unfolded


def run_at(plan: Plan, state: State, at: float = 0.0) -> Run:
    here = unfolded(plan, state)
    return Run(here, state, progress(here, state), at, is_open=True)


def play(
    plan: Plan, trail: str, inputs: Mapping[str, Json] | None = None
) -> tuple[State, Progress, tuple[CallId, ...]]:
    """Where a run stands at the end of a trail, and every attempt that was sent on the way."""
    here = explorer_trail.play(plan, trail, inputs)
    sent = tuple(fact.call for fact in here.facts if isinstance(fact, Started))
    return here.run.state, here.run.progress, sent
