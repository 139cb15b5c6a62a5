"""`flowdsl signal`: answer a `wait_for`. The answer is kept, durably, whether or not the run is there yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import click

from flowdsl.cli.options import Session, run_and, with_inputs, with_session

if TYPE_CHECKING:
    from flowdsl.plan.values import Json

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
    from flowdsl.engine.engine import Engine
    from flowdsl.engine.orders import Order
    from flowdsl.engine.signals import waits_for
    from flowdsl.world.network.http import Http
    from flowdsl.world.store import open_store

    which, name = run_and(words, "NAME")
    run = read(session, lambda store: found_run(store, which))
    waits = waits_for(run.plan, name)
    payload = read_payload(waits[0].schema, given, inputs_file)
    order = Order("signal", step=name, body=payload, actor=actor())

    async def send() -> Heard:
        store, network = open_store(session.store), Http()
        try:
            async with Engine(store, network, session.project) as engine:
                if await engine.tell(run.id, order, drive=False) == "heard":
                    return "heard"
                return "not yet" if await store.is_driven(run.id) else "nobody"
        finally:
            await network.aclose()

    return _tell(session, run.id, name, asyncio.run(send()))


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
