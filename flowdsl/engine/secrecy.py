"""The secrets of runs, read by plan each time one is driven: what is not a secret of a run is data in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct, field

from flowdsl.engine.follow import created_by
from flowdsl.engine.pinned import Pinned
from flowdsl.engine.project import Project
from flowdsl.engine.wanting import given_before
from flowdsl.errors import InputError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.events import Event
from flowdsl.saga.masking import names_masked
from flowdsl.saga.secret_inputs import needed_again, with_defaults
from flowdsl.saga.state import State, fold

NONE: Mapping[str, str] = MappingProxyType({})


class RunSecrets(Struct):
    """`inputs`: the secret ones of runs that are open here, which are kept nowhere else."""

    project: Project
    pinned: Pinned
    inputs: dict[str, Mapping[str, str]] = field(default_factory=dict)

    async def of(self, past: Sequence[Event]) -> dict[str, str]:
        """As they are today. Raises InputError where the run would have to do without one."""
        created = created_by(past)
        plan = await self.pinned.plan(created.digest)
        given = self.inputs.get(created.run, NONE)
        missing = sorted(set(needed_again(plan, created)) - given.keys())
        if missing:
            raise given_before(missing)
        return named(plan, self.project.secrets_for(plan, names_masked(past)), given)

    async def unattended(self, past: Sequence[Event]) -> dict[str, str]:
        """The same, of a run that may go on without a person: nothing is sent, or undone, for want of one."""
        if fold(State(), past).paused:
            raise InputError("a person paused it")
        return await self.of(past)


def named(plan: Plan, secrets: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """All that is hidden in a run, by the names under which it is masked."""
    inputs = {f"inputs.{name}": value for name, value in with_defaults(plan, given).items()}
    return {**secrets, **inputs}
