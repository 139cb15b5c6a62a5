"""`flowdsl rerun`: a new run from the inputs of an old one, of the same definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_inputs, with_progress, with_services, with_session

if TYPE_CHECKING:
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
    said = dict(flag.partition("=")[::2] for flag in given)
    earlier = session.project.inputs_again(old, key, said)
    inputs = read_given(session, old.plan, given, inputs_file, earlier=earlier)
    if not session.environment:
        from dataclasses import replace

        session = replace(session, services=old.created.services)
    return start_run(session, session.project.prepare(old.plan, inputs), no_wait=no_wait)
