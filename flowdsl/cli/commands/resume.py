"""`flowdsl resume`: the same run goes on, from where it was interrupted, or where it is stuck once a person has spoken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_progress, with_services, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.engine.orders import Order
    from flowdsl.plan.values import Json


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
    from flowdsl.cli.takeover import take_over

    orders = _orders(retry, skip, resolve, answer, reason or "", absent=absent)
    return take_over(session, run, orders, given, no_wait=no_wait).code


def _orders(
    retry: str | None,
    skip: str | None,
    resolve: str | None,
    answer: str | None,
    reason: str,
    *,
    absent: bool,
) -> list[Order]:
    from flowdsl.cli.drive import actor
    from flowdsl.engine.orders import Order

    by = actor()
    if sum(given is not None for given in (retry, skip, resolve)) > 1:
        raise InputError("one of --retry, --skip and --resolve at a time", code=Code.WRONG_USAGE)
    if (answer is not None or absent) and resolve is None:
        raise InputError("--ok and --absent belong to --resolve STEP", code=Code.WRONG_USAGE)
    if retry is not None:
        return [Order("retry", step=retry, actor=by, reason=reason)]
    if skip is not None:
        if not reason.strip():
            raise InputError(
                "--skip needs a reason", code=Code.WRONG_USAGE, help='add --reason "who did what"'
            )
        return [Order("skip", step=skip, actor=by, reason=reason)]
    if resolve is not None:
        if (answer is not None) == absent:
            raise InputError(
                "--resolve needs to know what became of it",
                code=Code.WRONG_USAGE,
                help="add --ok FILE with the answer as JSON, or --absent",
            )
        body = None if answer is None else _answer(answer)
        return [Order("resolve", step=resolve, ok=not absent, body=body, actor=by, reason=reason)]
    return []


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
