"""`flowdsl signal`: answer a `wait_for`. The answer is kept, durably, whether or not the run is there yet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from flowdsl.cli.options import Session, with_inputs, with_session

if TYPE_CHECKING:
    from flowdsl.cli.ending import Standing
    from flowdsl.engine.orders import Order
    from flowdsl.world.store import FileStore

HEARD_SECONDS, PAUSE_SECONDS = 5.0, 0.05


@click.command("signal")
@click.argument("run", metavar="RUN")
@click.argument("name", metavar="NAME")
@with_inputs
@with_session
def command(
    session: Session, run: str, name: str, given: tuple[str, ...], inputs_file: str | None
) -> int:
    """Answer the `wait_for: NAME` of RUN, with -i KEY=VALUE or a file as its payload.

    An answer that comes early is kept. One that does not fit, or that nobody waits for, is refused.

    \b
    Exit codes: 0 kept · 2 nobody waits for it, or it does not fit
    """  # noqa: D301 - click takes the \b for "leave these lines as they are"
    import asyncio

    from flowdsl.cli.drive import actor
    from flowdsl.cli.given import read_payload
    from flowdsl.cli.runs import existing_store, find_run, standing_of, store_for
    from flowdsl.engine.orders import Order, to_event
    from flowdsl.engine.signals import waits_for
    from flowdsl.saga.unfolding import unfolded

    store = existing_store(session)
    standing = standing_of(store, find_run(store, run))
    waits = waits_for(unfolded(standing.plan, standing.state), name)
    payload = read_payload(waits[0].schema, given, inputs_file)
    order = Order("signal", step=name, body=payload, actor=actor())
    to_event(standing.plan, standing.state, order, time.time())

    async def send() -> bool:
        writing = store_for(session)
        await writing.start()
        try:
            return await _send(writing, standing, order)
        finally:
            await writing.close()

    return _tell(session, standing, name, heard=asyncio.run(send()))


async def _send(store: FileStore, standing: Standing, order: Order) -> bool:
    """Keep it, and see a living driver take it."""
    import asyncio

    from flowdsl.saga.events import Signalled

    run = standing.run
    command_id = await store.send(run, order.to_json())
    until = time.monotonic() + HEARD_SECONDS
    while True:
        is_driven = store.is_driven(
            run
        )  # before the look: a run that ends takes what it has heard along
        events = (recorded.event for recorded in store.events(run))
        if any(isinstance(event, Signalled) and event.id == command_id for event in events):
            return True
        if not is_driven or time.monotonic() > until:
            return False
        await asyncio.sleep(PAUSE_SECONDS)


def _tell(session: Session, standing: Standing, name: str, *, heard: bool) -> int:
    from flowdsl.plan.json import to_text

    run = standing.run
    if session.json:
        session.screen.result(
            to_text({"format": 1, "run": run, "signal": name, "kept": True, "heard": heard})
        )
        return 0
    if heard:
        session.screen.hint(f"{name}: heard by {run}")
    else:
        session.screen.hint(f"{name}: kept for {run}, which nobody drives now")
        session.screen.hint(f"  flowdsl resume {run}  go on")
    return 0
