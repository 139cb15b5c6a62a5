"""`flowdsl run`: a workflow, from its file to its end, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_inputs, with_progress, with_services, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.cli.drive import Pilot
    from flowdsl.engine.project import Start
    from flowdsl.saga.run import Run


@click.command("run")
@click.argument("file", metavar="FILE")
@with_inputs
@click.option(
    "--id", "run", metavar="ID", help="Start it once: again with the same file and inputs attaches."
)
@click.option(
    "--event",
    "event_file",
    metavar="FILE",
    help="The CloudEvent that starts it, once: its data are the inputs; - is stdin.",
)
@click.option("--no-wait", is_flag=True, help="Exit with 4 when the run waits; `resume` goes on.")
@with_progress
@with_services
@with_session
def command(
    session: Session,
    file: str,
    given: tuple[str, ...],
    inputs_file: str | None,
    run: str | None,
    event_file: str | None,
    *,
    no_wait: bool,
) -> int:
    """Run the workflow in FILE to its end.

    Progress goes to stderr, the outputs to stdout (as JSON, where that is not a terminal).
    Inputs, environment, secrets and services are checked before the first call.
    Ctrl-C saves the run: nothing is lost and nothing is undone.

    \b
    Exit codes:
      0 succeeded                                3 stuck, a person is needed
      1 undone, nothing is left behind           4 waiting, with --no-wait
      2 asked wrongly, nothing was sent        130 interrupted and saved
    """  # noqa: D301 - click takes the \b for "leave these lines as they are"
    from flowdsl.cli.given import read_event, read_given
    from flowdsl.cli.sources import load_plan

    if event_file == inputs_file == "-":
        raise InputError(
            "--event and -f cannot both be stdin",
            code=Code.WRONG_USAGE,
            help="name a file for one of them",
        )
    if run is not None:
        from flowdsl.world.store.summary import check_run_id

        check_run_id(run)
    plan = load_plan(file)
    told = read_event(plan, event_file) if event_file is not None else None
    inputs = read_given(session, plan, given, inputs_file, told.data if told else None)
    start = session.project.prepare(plan, inputs, run or "", event=told.which if told else None)
    return start_run(session, start, no_wait=no_wait)


def start_run(session: Session, start: Start, *, no_wait: bool) -> int:
    """Drive a new run to its end; with an id that a person chose, or an event, the run of that."""
    from flowdsl.cli.drive import drive
    from flowdsl.cli.interrupted import mention_interrupted
    from flowdsl.cli.short_secrets import warn_of_short_secrets

    warn_of_short_secrets(session, start.secrets, start.secret_inputs)

    async def act(pilot: Pilot) -> Run:
        handle = await pilot.engine.start(start, once=start.is_named)
        if handle.sequence:
            pilot.display.message(f"{handle.run} was started before: this is the same run")
        return await pilot.show(handle)

    code, run = drive(session, act, no_wait=no_wait)
    mention_interrupted(session, besides=run.id if run else start.created.run)
    return code
