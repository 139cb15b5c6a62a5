"""`flowdsl rerun`: a new run from the inputs of an old one, of the same definition."""

from __future__ import annotations

import click

from flowdsl.cli.options import Session, with_inputs, with_progress, with_services, with_session


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
    from flowdsl.cli.prepare import prepare
    from flowdsl.cli.runs import existing_store, find_run, standing_of

    store = existing_store(session)
    old = standing_of(store, find_run(store, run))
    created = old.state.created
    assert created is not None, "the first fact of a run is that it was created"
    if has_changed(old):
        session.screen.hint(f"{old.plan.path} has changed since: this runs it as it was then")
    inputs = read_given(session, old.plan, given, inputs_file, earlier=created.inputs)
    if not session.environment:
        from dataclasses import replace

        session = replace(session, services=created.services)
    return start_run(session, prepare(session, old.plan, inputs), claimed=False, no_wait=no_wait)
