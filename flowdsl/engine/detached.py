"""A run of its own that another run starts: its first fact follows from the parent's, so that it is always the same."""

from __future__ import annotations

from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.errors import InputError
from flowdsl.language.inputs import read_inputs
from flowdsl.plan.expression.evaluate import EvaluationError
from flowdsl.plan.nodes import Plan
from flowdsl.saga.deciding import text
from flowdsl.saga.events import Created, Detached
from flowdsl.saga.secret_inputs import names_given
from flowdsl.saga.state import State
from flowdsl.saga.unfolding import unfolded
from flowdsl.view.times import rfc3339


def detached_run(plan: Plan, parent: Created, spawned: Detached, at: float) -> Created:
    """Raises InputError where the inputs are not what its file asks for."""
    inputs = read_inputs(plan.inputs, spawned.inputs)
    if isinstance(inputs, list):
        raise InputError(
            "; ".join(problem.message for problem in inputs), code=Code.DETACHED_NOT_STARTED
        )
    created = Created(
        run=spawned.run,
        workflow=plan.name,
        digest=plan.digest,
        at=at,
        inputs=inputs,
        env={name: parent.env.get(name) for name in plan.env},
        services=parent.services,
        started=rfc3339(at),
        parent=parent.run,
        secret_inputs=names_given(plan, {}),  # nothing can give it any
    )
    return with_key(plan, created)


def with_key(plan: Plan, created: Created) -> Created:
    """The same, in the queue of its key, if its workflow has one. Raises InputError where the key has no value."""
    if plan.key is None:
        return created
    state = State(created=created)
    try:
        key = text(unfolded(plan, state), state, plan.key)
    except EvaluationError as error:
        message = f"the `key` of {plan.name} has no value: {error}"
        raise InputError(
            message, code=Code.NO_KEY_VALUE, help="it may read `inputs` and `env`"
        ) from None
    return replace(created, key=f"{plan.name} {key}")
