"""Going on with a run that exists, and giving it orders.

A living driver gets the orders through the inbox, and is followed. A run without a driver is taken over. If the driver
dies while it is followed, the run is taken over then. Orders are safe to repeat, so both may see the same one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowdsl.cli.drive import Pilot, drive
from flowdsl.cli.ending import conclude, exit_code, report
from flowdsl.cli.given import read_secret
from flowdsl.cli.options import Session
from flowdsl.cli.runs import find_run, find_unfinished, read, run_and_word, run_of
from flowdsl.cli.short_secrets import warn_of_short_secrets
from flowdsl.codes import Code
from flowdsl.engine.orders import Order, is_repetition, to_event
from flowdsl.errors import InputError
from flowdsl.saga.run import Run
from flowdsl.world.store.port import Store

PAUSE_SECONDS = 0.05
TRIES_MAX = 100  # how often a run may change hands under our eyes


@dataclass(frozen=True, slots=True)
class Takeover:
    name: str
    orders: tuple[Order, ...]
    secret_inputs: Mapping[str, str]

    async def go(self, pilot: Pilot) -> Run:
        told = False
        for _ in range(TRIES_MAX):
            if await pilot.store.is_driven(self.name):
                if not told:
                    for order in self.orders:
                        await pilot.store.send(self.name, order.to_json())
                    told = True
                    pilot.display.message(f"{self.name} is driven by another process: following it")
                followed = await pilot.follow(self.name, past_rest=bool(self.orders))
                if followed.rests:
                    return followed.run
                pilot.display.message("its driver is gone: this process takes the run over")
            run = await run_of(pilot.store, self.name)
            if run.state.ended:
                return pilot.tell(run)
            taken = await pilot.adopt(self.name, self._still(run), self.secret_inputs)
            if taken is not None:
                return taken
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{self.name} changes hands without end")

    def _still(self, run: Run) -> Sequence[Order]:
        """The orders that still make sense; a bare resume of what is stuck tries all of it again."""
        if not self.orders:
            return [Order("retry")] if run.progress.state == "stuck" else []
        try:
            check_orders(run, self.orders)
        except InputError:
            return []  # its driver has done them, or it got on meanwhile
        return self.orders


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: the exit code, which is that of its end, and the run before and after."""

    code: int
    before: Run
    after: Run | None  # None where nothing was seen of it


def take_over(
    session: Session,
    name: str | None,
    orders: Sequence[Order],
    given: Sequence[str],
    *,
    no_wait: bool = False,
) -> Taken:
    """Resume or cancel a run."""
    final = any(order.kind != "retry" for order in orders)
    find = find_unfinished if final else find_run

    async def look(store: Store) -> tuple[Run, str]:
        return await run_and_word(store, await find(store, name))

    run, word = read(session, look)
    if was_ordered_before(run, orders):
        return Taken(_ordered_before(session, run, word), run, run)
    if run.state.ended:
        return Taken(_is_over(session, run, orders), run, run)
    check_orders(run, orders)
    secret_inputs = read_secret(session, run.plan, run.created, given)
    secrets = session.project.secrets_for(run.plan, run.state.lost)
    warn_of_short_secrets(session, secrets, secret_inputs)
    takeover = Takeover(run.id, tuple(orders), secret_inputs)
    code, after = drive(session, secrets, takeover.go, no_wait=no_wait)
    return Taken(code, run, after)


def was_ordered_before(run: Run, orders: Sequence[Order]) -> bool:
    """Whether all of it was said before, of the same steps for the same reasons."""
    return bool(orders) and all(is_repetition(run, order) for order in orders)


def _ordered_before(session: Session, run: Run, word: str) -> int:
    if session.json:
        session.screen.tell(report(run, word))
    session.screen.hint(f"{run.id}: this was ordered before, and done: nothing new to do")
    return 0


def check_orders(run: Run, orders: Sequence[Order]) -> None:
    """What makes no sense for this run is said before anything is touched."""
    if run.state.ended and orders:
        raise _over(run)
    for order in orders:
        to_event(run, order, time.time())


def _is_over(session: Session, run: Run, orders: Sequence[Order]) -> int:
    state = run.progress.state
    cancelled = state in ("compensated", "cancelled")
    if orders and not (cancelled and orders[0].kind == "cancel"):
        raise _over(run)
    session.screen.hint(f"{run.id} is over: {state}")
    if orders:
        if session.json:
            session.screen.tell(report(run))
        return exit_code(state)
    return conclude(session, run, drawn=True)


def _over(run: Run) -> InputError:
    state = run.progress.state
    why = "everything in it is final" if state == "succeeded" else "nothing is left to do"
    return InputError(
        f"{run.id} is over: it {'has ' if state == 'succeeded' else 'was '}{state}; {why}",
        code=Code.RUN_IS_OVER,
        help=f"flowdsl rerun {run.id}",
    )
