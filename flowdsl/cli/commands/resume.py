"""`flowdsl resume`: the same run goes on, from where it was interrupted, or where it is stuck once a person has spoken."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from msgspec import Struct

from flowdsl.cli.options import Session, with_progress, with_services, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.cli.drive import Pilot
    from flowdsl.engine.orders import Order
    from flowdsl.plan.values import Json
    from flowdsl.saga.run import Run
    from flowdsl.world.store.port import Store


@click.command("resume")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--retry", metavar="STEP", help="A fresh set of attempts, with the same key.")
@click.option("--skip", metavar="STEP", help="Somebody has dealt with it; needs --reason.")
@click.option("--resolve", metavar="STEP", help="Say what became of it: --ok FILE, or --absent.")
@click.option(
    "--ok", "answer", metavar="FILE", help="It happened, and this is the answer (JSON; - is stdin)."
)
@click.option(
    "--absent", is_flag=True, help="It never happened; of an undo: there was nothing to undo."
)
@click.option("--reason", metavar="TEXT", help="Kept with the order.")
@click.option(
    "-i", "--input", "given", multiple=True, metavar="KEY=VALUE", help="A secret input, again."
)
@click.option("--no-wait", is_flag=True, help="Exit with 4 when the run waits.")
@with_progress
@with_services
@with_session
def command(
    session: Session,
    *,
    run: str | None,
    retry: str | None,
    skip: str | None,
    resolve: str | None,
    answer: str | None,
    given: tuple[str, ...],
    reason: str | None,
    absent: bool,
    no_wait: bool,
) -> int:
    """Go on with a run that was interrupted, waits, or is stuck; without RUN, the newest.

    A stuck run tries again what is stuck, or does what --retry, --skip or --resolve says. The last two need RUN where
    more than one is unfinished.
    """
    order = _order(retry, skip, resolve, answer, reason or "", absent=absent)
    return go_on(session, run, order, given, no_wait=no_wait).code


def _order(
    retry: str | None,
    skip: str | None,
    resolve: str | None,
    answer: str | None,
    reason: str,
    *,
    absent: bool,
) -> Order | None:
    from flowdsl.cli.drive import actor
    from flowdsl.engine.orders import Order

    by = actor()
    if sum(given is not None for given in (retry, skip, resolve)) > 1:
        raise InputError("one of --retry, --skip and --resolve at a time", code=Code.WRONG_USAGE)
    if (answer is not None or absent) and resolve is None:
        raise InputError("--ok and --absent belong to --resolve STEP", code=Code.WRONG_USAGE)
    if retry is not None:
        return Order("retry", step=retry, actor=by, reason=reason)
    if skip is not None:
        if not reason.strip():
            raise InputError(
                "--skip needs a reason", code=Code.WRONG_USAGE, help='add --reason "who did what"'
            )
        return Order("skip", step=skip, actor=by, reason=reason)
    if resolve is not None:
        if (answer is not None) == absent:
            raise InputError(
                "--resolve needs to know what became of it",
                code=Code.WRONG_USAGE,
                help="add --ok FILE with the answer as JSON, or --absent",
            )
        body = None if answer is None else _answer(answer)
        return Order("resolve", step=resolve, ok=not absent, body=body, actor=by, reason=reason)
    return None


def _answer(path: str) -> Json:
    from flowdsl.cli.sources import read_bytes, read_stdin
    from flowdsl.plan.json import from_bytes

    raw = read_stdin() if path == "-" else read_bytes(path, "a JSON file")
    try:
        return from_bytes(raw)
    except ValueError as error:
        raise InputError(
            f"{path}: not JSON: {error}",
            code=Code.UNREADABLE_INPUTS_FILE,
            help="the answer of the service, as JSON",
        ) from None


class Taken(Struct, frozen=True):
    """What came of it: the exit code, which is that of its end, and the run before and after."""

    code: int
    before: Run
    after: Run | None  # None where nothing was seen of it


def go_on(
    session: Session,
    name: str | None,
    order: Order | None,
    given: Sequence[str],
    *,
    no_wait: bool = False,
) -> Taken:
    """Resume or cancel a run. What makes no sense for it is said before anything is touched."""
    from flowdsl.cli.drive import drive
    from flowdsl.cli.given import read_secret
    from flowdsl.cli.runs import find_run, find_unfinished, read, run_and_word
    from flowdsl.cli.short_secrets import warn_of_short_secrets
    from flowdsl.engine.orders import is_repetition, to_event

    is_final = order is not None and order.kind != "retry"
    find = find_unfinished if is_final else find_run

    async def look(store: Store) -> tuple[Run, str]:
        return await run_and_word(store, await find(store, name))

    run, word = read(session, look)
    if order is not None and is_repetition(run, order):
        return Taken(_ordered_before(session, run, word), run, run)
    if run.state.ended and (order is None or _is_cancelled(run, order)):
        return Taken(_is_over(session, run, order), run, run)
    if order is not None:
        to_event(run, order, time.time())
    secret_inputs = read_secret(session, run.plan, run.created, given)
    secrets = session.project.secrets_for(run.plan, run.state.lost)
    warn_of_short_secrets(session, secrets, secret_inputs)

    async def act(pilot: Pilot) -> Run:
        return await _go_on(pilot, run, order, secret_inputs)

    code, after = drive(session, act, no_wait=no_wait)
    return Taken(code, run, after)


async def _go_on(
    pilot: Pilot, run: Run, order: Order | None, secret_inputs: Mapping[str, str]
) -> Run:
    """Orders are safe to repeat, and one that makes no sense any more is passed over: the run got on meanwhile."""
    from flowdsl.engine.orders import Order

    there = await pilot.engine.attach(run.id, drive=False, secret_inputs=secret_inputs)
    if order is None and there.driver == "nobody" and run.progress.state == "stuck":
        order = Order("retry")  # all of it
    if order is not None:
        with suppress(InputError):
            await pilot.engine.tell(run.id, order)
    if there.driver == "another":
        pilot.display.message(f"{run.id} is driven by another process: following it")
    return await pilot.show(await pilot.engine.attach(run.id), there)


def _ordered_before(session: Session, run: Run, word: str) -> int:
    from flowdsl.cli.ending import report

    if session.json:
        session.screen.tell(report(run, word))
    session.screen.hint(f"{run.id}: this was ordered before, and done: nothing new to do")
    return 0


def _is_cancelled(run: Run, order: Order) -> bool:
    return order.kind == "cancel" and run.progress.state in ("compensated", "cancelled")


def _is_over(session: Session, run: Run, order: Order | None) -> int:
    from flowdsl.cli.ending import conclude, exit_code, report

    session.screen.hint(f"{run.id} is over: {run.progress.state}")
    if order is None:
        return conclude(session, run, drawn=True)
    if session.json:
        session.screen.tell(report(run))
    return exit_code(run.progress.state)
