"""The secret inputs of a run: their values are never kept, only which of them were given.

So a run that goes on needs those that it was given once more, and one that was left out stays null. A default stands in
the file, and is taken again from there.
"""

from __future__ import annotations

from collections.abc import Mapping

from flowdsl.plan.json import to_text
from flowdsl.plan.nodes import Input, Plan
from flowdsl.plan.values import Json
from flowdsl.saga.events import Created


def secret_text(value: Json) -> str:
    """A secret goes out as text, whatever its type."""
    return value if isinstance(value, str) else to_text(value)


def names_given(plan: Plan, values: Mapping[str, str]) -> tuple[str, ...] | None:
    """What a run has to remember of these values; what says no more than the default is not given.

    None where its workflow has no secret inputs.
    """
    if not any(one.secret for one in plan.inputs):
        return None
    defaults = with_defaults(plan, {})
    return tuple(sorted(name for name in values if values[name] != defaults.get(name)))


def with_defaults(plan: Plan, values: Mapping[str, str]) -> dict[str, str]:
    """These values, and those of the file where none was given."""
    defaults = {
        one.name: secret_text(one.default)
        for one in plan.inputs
        if one.secret and one.has_default and one.default is not None
    }
    return {**defaults, **values}


def needed_again(plan: Plan, created: Created) -> tuple[str, ...]:
    """The secret inputs without which the run cannot go on as it began."""
    if created.secret_inputs is not None:
        return created.secret_inputs
    # begun by a flowdsl that did not keep it
    return tuple(
        one.name for one in plan.inputs if one.secret and not (one.optional or one.has_default)
    )


def is_null(declared: Input, given: tuple[str, ...] | None) -> bool:
    """Whether the input was left out. `given`: what the run remembers; None where it began before that was kept."""
    if given is None or declared.name in given or not declared.optional:
        return False
    return not (declared.has_default and declared.default is not None)
