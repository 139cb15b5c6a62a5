"""What a workflow is drawn from: its plan, and the run that it is coloured with, if there is one."""

from __future__ import annotations

from msgspec import Struct

from flowdsl.plan.address import Address
from flowdsl.plan.nodes import Plan
from flowdsl.saga.run import Run
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import Unfolded, unfolded
from flowdsl.view.calls import Names, short_names
from flowdsl.view.outline import EVERYTHING, Excerpt, optional_steps, past_commit
from flowdsl.view.run.items import Folded


class Canvas(Struct, frozen=True):
    plan: Unfolded
    run: Run | None
    excerpt: Excerpt
    names: Names
    optional: frozenset[Address]  # of templates
    final: frozenset[Address]  # what is below the commit line


def canvas_for(plan: Plan, run: Run | None, *, whole: bool = False) -> Canvas:
    """`whole`: every item of a list, also of a long one."""
    here = unfolded(plan, State()) if run is None else run.plan
    return Canvas(
        plan=here,
        run=run,
        excerpt=EVERYTHING if whole or run is None else Folded(run),
        names=short_names(here),
        optional=optional_steps(here.folded or here),
        final=past_commit(here),
    )
