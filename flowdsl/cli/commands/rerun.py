"""`flowdsl rerun`: a new run from the inputs of an old one, of the same definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_inputs, with_progress, with_services, with_session
from flowdsl.codes import Code

if TYPE_CHECKING:
    from flowdsl.plan.nodes import Plan
    from flowdsl.plan.values import Json
    from flowdsl.saga.events import Created
    from flowdsl.saga.run import Run
    from flowdsl.world.store.port import Store


@click.command("rerun")
@click.argument("run", metavar="[RUN]", required=False)
@with_inputs
@click.option("--no-wait", is_flag=True, help="Exit with 4 when the run waits; `resume` goes on.")
@with_progress
@with_services
@with_session
def command(
    session: Session,
    run: str | None,
    given: tuple[str, ...],
    inputs_file: str | None,
    *,
    no_wait: bool,
) -> int:
    """A new run from the inputs of RUN; -i and -f replace some of them.

    It takes the file as it was then; for the file as it is now, use `flowdsl run`.
    """
    from flowdsl.cli.commands.run import start_run
    from flowdsl.cli.commands.status import has_changed
    from flowdsl.cli.given import read_given
    from flowdsl.cli.runs import found_run, read

    async def look(store: Store) -> tuple[Run, bytes]:
        return await found_run(store, run), store.key

    old, key = read(session, look)
    if has_changed(old):
        session.screen.hint(f"{old.plan.path} has changed since: this runs it as it was then")
    earlier = _opened(session, key, old.plan, old.created, given)
    inputs = read_given(session, old.plan, given, inputs_file, earlier=earlier)
    if not session.environment:
        from dataclasses import replace

        session = replace(session, services=old.created.services)
    return start_run(session, session.project.prepare(old.plan, inputs), no_wait=no_wait)


def _opened(
    session: Session, key: bytes, plan: Plan, created: Created, given: Sequence[str]
) -> dict[str, Json]:
    """The inputs of the old run. One that held a secret's value is kept masked, and opened with the secrets of today."""
    from flowdsl.engine.masks import Masks
    from flowdsl.errors import InputError
    from flowdsl.plan.masked import names_in
    from flowdsl.saga.events import Created

    if not names_in(created.inputs):
        return created.inputs
    said = dict(flag.partition("=")[::2] for flag in given)
    hidden = {one.name for one in plan.inputs if one.secret}
    secrets = {
        **session.project.secrets_found(plan.secrets),
        **{f"inputs.{name}": value for name, value in said.items() if name in hidden},
    }
    (opened,), _ = Masks(secrets, key).open([created])
    assert isinstance(opened, Created), "a fact that was opened is still the same fact"
    for name, value in opened.inputs.items():
        lost = " and ".join(sorted(names_in(value)))
        if lost and name not in said:
            raise InputError(
                f"the input `{name}` held the value of the secret {lost}, which is missing or has changed since",
                code=Code.WRONG_INPUTS,
                help=f"give it again: add -i {name}=…",
            )
    return {name: value for name, value in opened.inputs.items() if not names_in(value)}
