"""A run as it stands: its plan, what its facts fold to, what follows from that, and when it last got on.

Who reads a run takes it whole. It is made here alone, so its plan has the items that its facts have expanded, and its
progress is that of its state.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Created, Event, last_time
from flowdsl.saga.masking import names_masked
from flowdsl.saga.progress import Progress, progress
from flowdsl.saga.remembered import Remembered
from flowdsl.saga.state import State, fold
from flowdsl.saga.unfolding import Unfolded, unfolded


class Run(Struct, frozen=True):
    """`is_open`: the secrets in its data stand there as they are, or are none. Otherwise what is masked is lost."""

    plan: Unfolded
    state: State
    progress: Progress
    at: float  # of its last fact that has a time
    is_open: bool = False

    @classmethod
    def of(cls, plan: Plan, facts: Iterable[Event]) -> Run:
        """From its facts as they are kept."""
        facts = tuple(facts)
        return _asked(plan, fold(State(lost=names_masked(facts)), facts), last_time(facts, 0.0))

    @classmethod
    def opened(cls, plan: Plan, facts: Iterable[Event], lost: frozenset[str]) -> Run:
        """From its facts as who has its secrets reads them. `lost` are the names of those that nobody has any more."""
        facts, state = tuple(facts), State(lost=lost)
        return _asked(plan, fold(state, facts), last_time(facts, 0.0), is_open=True)

    @classmethod
    def new(cls, plan: Plan) -> Run:
        """Nothing is known of it yet: its first fact, that it was created, is still to come."""
        return Run(unfolded(plan, State()), State(), Progress("running", {}), 0.0, is_open=True)

    def with_facts(self, facts: Iterable[Event], memory: Remembered | None = None) -> Run:
        """The same run once these have happened as well. `memory`: what its drive remembers of it."""
        facts, state = tuple(facts), self.state
        if not self.is_open:
            state = replace(state, lost=state.lost | names_masked(facts))
        state, at = fold(state, facts), last_time(facts, self.at)
        if memory is None:
            return _asked(self.plan, state, at, is_open=self.is_open)
        memory.take(self.state, facts, state)
        return Run(memory.plan, state, memory.ask(), at, self.is_open)

    def with_intents(self, facts: Iterable[Event], memory: Remembered | None = None) -> Run:
        """The same run once it is kept that what its progress wants is begun: nothing new follows from that."""
        facts = tuple(facts)
        state, at = fold(self.state, facts), last_time(facts, self.at)
        if memory is not None:
            memory.take(self.state, facts, state)
        return Run(self.plan, state, self.progress, at, self.is_open)

    @property
    def created(self) -> Created:
        created = self.state.created
        assert created is not None, "the first fact of a run is that it was created"
        return created

    @property
    def id(self) -> str:
        """Empty of one that is still to come."""
        return self.state.created.run if self.state.created else ""

    @property
    def ended_at(self) -> float | None:
        return self.at if self.state.ended else None


def _asked(plan: Plan, state: State, at: float, *, is_open: bool = False) -> Run:
    plan = unfolded(plan, state)
    return Run(plan, state, progress(plan, state), at, is_open)
