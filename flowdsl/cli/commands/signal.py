"""`flowdsl signal`: answer a `wait_for`. The answer is kept, durably, whether or not the run is there yet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from flowdsl.cli.options import Session, run_and, with_inputs, with_session
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.engine.orders import Order
    from flowdsl.plan.values import Json
    from flowdsl.world.store.port import Store

HEARD_SECONDS, PAUSE_SECONDS = 5.0, 0.05

Heard: TypeAlias = Literal["heard", "not yet", "nobody"]


@click.command("signal")
@click.argument("words", metavar="[RUN] NAME", nargs=-1)
@with_inputs
@with_session
def command(
    session: Session, words: tuple[str, ...], given: tuple[str, ...], inputs_file: str | None
) -> int:
    """Answer the `wait_for: NAME` of RUN, with -i KEY=VALUE or a file as its payload; without RUN, of the newest run.

    An answer that comes early is kept. One that does not fit, that nobody waits for, or that comes after
    another one is refused.

    \b
    Exit codes: 0 kept · 2 nobody waits for it, it has been answered, or it does not fit
    """  # noqa: D301 - click takes the \b for "leave these lines as they are"
    import asyncio

    from flowdsl.cli.drive import actor
    from flowdsl.cli.given import read_payload
    from flowdsl.cli.runs import found_run, read
    from flowdsl.engine.orders import Order
    from flowdsl.engine.signals import waits_for
    from flowdsl.world.store import open_store

    which, name = run_and(words, "NAME")
    run = read(session, lambda store: found_run(store, which))
    waits = waits_for(run.plan, name)
    payload = read_payload(waits[0].schema, given, inputs_file)
    order = Order("signal", step=name, body=payload, actor=actor())

    async def send() -> Heard:
        writing = open_store(session.store)
        await writing.start()
        try:
            return await _send(writing, run.id, order)
        finally:
            await writing.close()

    return _tell(session, run.id, name, asyncio.run(send()))


async def _send(store: Store, run: str, order: Order) -> Heard:
    """Keep it, and see a living driver take it. Raises InputError where it does not count, at once or in the end."""
    import asyncio

    from flowdsl.saga.events import Ended, Signalled

    async with store.alone_at_the_inbox():
        await _judge(store, run, order)
        order_id = await store.send(run, order.to_json())
    until = time.monotonic() + HEARD_SECONDS
    while True:
        # In this order: what is taken, or ends, in between is seen by the later look.
        is_driven = await store.is_driven(run)
        lies = any(one.order_id == order_id for one in await store.orders_for(run))
        facts = [recorded.event for recorded in await store.events(run)]
        if any(isinstance(fact, Signalled) and fact.id == order_id for fact in facts):
            return "heard"
        if not lies or any(isinstance(fact, Ended) for fact in facts):
            await store.drop_order(order_id)
            await _judge(store, run, order)
            raise _put_away(order.step)
        if not is_driven or time.monotonic() > until:
            return "not yet" if is_driven else "nobody"
        await asyncio.sleep(PAUSE_SECONDS)


async def _judge(store: Store, run: str, order: Order) -> None:
    """Raises InputError where the run does not wait for it, or will not once it has heard what lies in the inbox."""
    from flowdsl.cli.runs import run_of
    from flowdsl.engine.orders import to_event, with_orders

    lies = [(one.order_id, one.order) for one in await store.orders_for(run)]
    now = time.time()
    to_event(with_orders(await run_of(store, run), lies, now), order, now)


def _put_away(name: str) -> InputError:
    message = f"`{name}` was put away by the process that drives the run"
    return InputError(message, code=Code.ANSWERED_BEFORE, help="the first answer counts")


def _tell(session: Session, run: str, name: str, heard: Heard) -> int:
    if session.json:
        told: Json = {
            "format": 1,
            "run": run,
            "signal": name,
            "kept": True,
            "heard": heard == "heard",
        }
        session.screen.tell(told)
        return 0
    match heard:
        case "heard":
            session.screen.hint(f"{name}: heard by {run}")
        case "not yet":
            session.screen.hint(
                f"{name}: kept for {run}; the process that drives it has not taken it yet"
            )
        case "nobody":
            session.screen.hint(f"{name}: kept for {run}, which nobody drives now")
            session.screen.hint(f"  flowdsl resume {run}  go on")
    return 0
