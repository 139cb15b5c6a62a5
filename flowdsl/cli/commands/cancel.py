"""`flowdsl cancel`: stop a run and undo what it did. `--plan` shows what would be sent, and sends nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_progress, with_services, with_session

if TYPE_CHECKING:
    from flowdsl.cli.commands.resume import Taken
    from flowdsl.plan.values import Json
    from flowdsl.saga.run import Run


@click.command("cancel")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be sent; send nothing.")
@click.option("--reason", metavar="TEXT", default="", help="Kept with the order.")
@click.option(
    "-i", "--input", "given", multiple=True, metavar="KEY=VALUE", help="A secret input, again."
)
@with_progress
@with_services
@with_session
def command(
    session: Session, run: str | None, given: tuple[str, ...], reason: str, *, only_plan: bool
) -> int:
    """Stop RUN and undo what it did; without RUN, the one that is unfinished, if there is just one.

    \b
    Exit codes:
      0 cancelled, by this or before          2 committed or succeeded, nothing was sent
      1 it had ended undone by itself         3 stuck, a person is needed
    """  # noqa: D301 - click takes the \b for "leave these lines as they are"
    from flowdsl.cli.commands.resume import go_on
    from flowdsl.cli.drive import actor
    from flowdsl.engine.orders import Order

    if only_plan:
        return _show_plan(session, run)
    order = Order("cancel", actor=actor(), reason=reason)
    return _exit_code(go_on(session, run, order, given))


def _exit_code(taken: Taken) -> int:
    """Of the cancel, not of the run: what was stuck is undone by this, and to have succeeded is too late."""
    if taken.code == 1 and taken.after is not None:
        cancelled = (
            taken.after.progress.state == "cancelled" and taken.after.state.cancel is not None
        )
        return 0 if cancelled or taken.before.progress.state == "stuck" else 1
    return 2 if taken.code == 0 else taken.code


def _show_plan(session: Session, name: str | None) -> int:
    """The calls that would be sent now, in their order."""
    from flowdsl.cli.runs import read, unfinished_run
    from flowdsl.engine.orders import Order, to_event
    from flowdsl.view.paint import counted, dim, line

    run = read(session, lambda store: unfinished_run(store, name))
    to_event(run, Order("cancel"), time.time())
    calls = undo_calls(run)
    if session.json:
        rows: list[Json] = [{"step": step, "call": call, "body": None} for step, call in calls]
        session.screen.tell({"format": 1, "run": run.id, "sent": False, "calls": rows})
        return 0
    width = max((len(step) for step, _ in calls), default=0)
    count = f"{counted(len(calls), 'call')} would be sent" if calls else "nothing to undo"
    session.screen.show(
        [
            line(f"cancel {run.id}: {count}. Nothing has been sent."),
            *([()] if calls else []),
            *(line("  ", f"{step:<{width}}  ", dim(call)) for step, call in calls),
        ]
    )
    return 0


def undo_calls(run: Run) -> list[tuple[str, str]]:
    """What would be undone, last first, each with its request as far as it can be told now."""
    from flowdsl.plan.address import undo
    from flowdsl.plan.expression.evaluate import EvaluationError
    from flowdsl.plan.nodes import Call, Compensation
    from flowdsl.saga.intent import action_of, render_request
    from flowdsl.saga.ledger import effects
    from flowdsl.view.calls import action_text, short_names

    plan, state = run.plan, run.state
    names = short_names(plan)
    found = []
    for address in reversed(effects(plan, state, "")):
        node = plan.nodes[address]
        assert isinstance(node, Call)
        if not isinstance(node.compensation, Compensation):
            if node.compensation is None:
                found.append((names[address], "nothing undoes it: the run would be stuck"))
            continue
        call = undo(address)
        try:
            request = render_request(plan, state, call, "")
            text = f"{request.method} {request.url}"
        except EvaluationError:
            text = f"{action_text(action_of(plan, call))}, once its answer is known"
        found.append((names[address], text))
    return found
