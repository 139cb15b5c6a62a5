"""`flowdsl show RUN STEP`: one exchange in full, as it was sent and answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, run_and, with_session
from flowdsl.codes import Code

if TYPE_CHECKING:
    from flowdsl.plan.values import Json
    from flowdsl.world.store.port import Store


@click.command("show")
@click.argument("words", metavar="[RUN] STEP", nargs=-1)
@click.option(
    "--curl", "as_curl", is_flag=True, help="A command that repeats the request, key included."
)
@with_session
def command(session: Session, words: tuple[str, ...], *, as_curl: bool) -> int:
    """One step in full: the request as it was sent, every answer, the undo. Secrets are masked.

    Without RUN, of the newest run. STEP is an address (parallel-1/flight) or, where it is unique, an id (flight).
    With --json and a run alone: all of it, its report and every fact of it.
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
    try:
        address = find_step(run.plan, step)
    except InputError:
        whole = read(session, lambda store: _whole(store, step)) if which is None else None
        if whole is None or not session.json:
            raise
        session.screen.tell(whole)
        return 0
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


async def _whole(store: Store, word: str) -> Json:
    """A run as one document; None where there is no such run."""
    from flowdsl.cli.ending import report
    from flowdsl.cli.runs import find_run, kept_events, run_and_word
    from flowdsl.errors import InputError

    try:
        name = await find_run(store, word)
    except InputError:
        return None
    whole = report(*await run_and_word(store, name))
    assert isinstance(whole, dict)
    return {**whole, "events": kept_events(await store.events(name))}
