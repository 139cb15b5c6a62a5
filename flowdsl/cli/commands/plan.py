"""`flowdsl plan`: the calls a run would make, and what happens if one fails. Sends nothing, creates nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_inputs, with_services, with_session

if TYPE_CHECKING:
    from flowdsl.plan.nodes import Plan
    from flowdsl.plan.values import Json
    from flowdsl.view.plan.callplan import KnownValues


@click.command("plan")
@click.argument("file", metavar="FILE")
@with_inputs
@with_services
@with_session
def command(session: Session, file: str, given: tuple[str, ...], inputs_file: str | None) -> int:
    """The calls a run of FILE would make, known values filled in, and the column IF IT FAILS.

    Inputs that are left out stand as ‹inputs.name›. Sends nothing.
    """
    from flowdsl.cli.sources import load_plan
    from flowdsl.view.plan.callplan import call_plan, plan_json

    plan = load_plan(file)
    known = _known(session, plan, given, inputs_file)
    if session.json:
        session.screen.tell(plan_json(plan, known))
        return 0
    session.screen.show(call_plan(plan, known))
    _next(session, plan, file, known, given, inputs_file)
    return 0


def _known(session: Session, plan: Plan, given: tuple[str, ...], file: str | None) -> KnownValues:
    from flowdsl.cli.given import read_some
    from flowdsl.view.plan.callplan import KnownValues

    secrets, env = session.project.secrets_found(plan.secrets), session.project.env_for(plan)
    return KnownValues(
        inputs=read_some(plan, given, file),
        services=dict(session.services or {}),
        env=env,
        secrets={name: "set" if secrets.get(name) else None for name in plan.secrets},
        environment=session.environment,
    )


def _next(
    session: Session,
    plan: Plan,
    file: str,
    known: KnownValues,
    given: tuple[str, ...],
    inputs_file: str | None,
) -> None:
    """`run` with the inputs that were given here, and a place for each that is still open."""
    from flowdsl.view.run.closing import Suggestion
    from flowdsl.view.shell import shell_word

    inputs: dict[str, Json] = dict(known.inputs)
    open_inputs = [
        one
        for one in plan.inputs
        if not one.optional and not one.has_default and one.name not in inputs
    ]
    flags = [
        *([f"-f {shell_word(inputs_file)}"] if inputs_file else []),
        *(f"-i {shell_word(one)}" for one in given),
        *(f"-i {one.name}=…" for one in open_inputs),
    ]
    session.screen.suggest(
        [Suggestion(" ".join(["flowdsl run", shell_word(file), *flags]), "run it")]
    )
