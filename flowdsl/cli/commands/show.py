"""`flowdsl show RUN STEP`: one exchange in full, as it was sent and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, run_and, with_session
from flowdsl.codes import Code

if TYPE_CHECKING:
    from flowdsl.plan.values import Json


@click.command("show")
@click.argument("words", metavar="[RUN] STEP", nargs=-1)
@click.option(
    "--curl", "as_curl", is_flag=True, help="A command that repeats the request, key included."
)
@with_session
def command(session: Session, words: tuple[str, ...], *, as_curl: bool) -> int:
    """One step in full: the request as it was sent, every answer, the undo. Secrets are masked.

    Without RUN, of the newest run. STEP is an address (parallel-1/flight) or, where it is unique, an id (flight).
    """
    from flowdsl.cli.commands.status import nothing_yet
    from flowdsl.cli.display import local_zone
    from flowdsl.cli.runs import found_run, read, read_if_any
    from flowdsl.engine.orders import find_step
    from flowdsl.errors import InputError
    from flowdsl.view.run.closing import Suggestion
    from flowdsl.view.run.exchange import curl, show_text
    from flowdsl.view.run.report import step_report
    from flowdsl.view.shell import shell_word

    which, step = run_and(words, "STEP")
    look = read_if_any if which is None else read
    run = look(session, lambda store: found_run(store, which))
    if run is None:
        return nothing_yet(session, {"step": None})
    address = find_step(run.plan, step)
    if as_curl:
        text = curl(run, address)
        if not text:
            raise InputError(
                f"`{step}` was not sent",
                code=Code.NOTHING_SENT,
                help=f"flowdsl status {run.id}",
            )
        if session.json:
            told: dict[str, Json] = {"run": run.id, "step": address, "curl": text}
            session.screen.tell({"format": 1, **told})
        else:
            session.screen.result(text)
        return 0
    if session.json:
        report = step_report(run, address)
        assert isinstance(report, dict)
        session.screen.tell({"format": 1, "run": run.id, "step": address, **report})
        return 0
    session.screen.show(show_text(run, address, zone=local_zone(run.at)))
    if curl(run, address):
        session.screen.suggest(
            [
                Suggestion(
                    f"flowdsl show {run.id} {shell_word(step)} --curl",
                    "a command that repeats it",
                )
            ]
        )
    return 0
