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
from flowdsl.cli.ending import Standing, conclude, exit_code, report
from flowdsl.cli.given import read_secret
from flowdsl.cli.options import Session
from flowdsl.cli.prepare import read_secrets
from flowdsl.cli.runs import found_standing, read, standing_of, unfinished_standing
from flowdsl.cli.short_secrets import warn_of_short_secrets
from flowdsl.codes import Code
from flowdsl.engine.orders import Order, is_repetition, to_event
from flowdsl.errors import InputError

PAUSE_SECONDS = 0.05
TRIES_MAX = 100  # how often a run may change hands under our eyes


@dataclass(frozen=True, slots=True)
class Takeover:
    run: str
    orders: tuple[Order, ...]
    secret_inputs: Mapping[str, str]

    async def go(self, pilot: Pilot) -> Standing:
        told = False
        for _ in range(TRIES_MAX):
            if await pilot.store.is_driven(self.run):
                if not told:
                    for order in self.orders:
                        await pilot.store.send(self.run, order.to_json())
                    told = True
                    pilot.display.message(f"{self.run} is driven by another process: following it")
                followed = await pilot.follow(self.run, past_rest=bool(self.orders))
                if followed.rests:
                    return followed.standing
                pilot.display.message("its driver is gone: this process takes the run over")
            standing = await standing_of(pilot.store, self.run)
            if standing.state.ended:
                return pilot.tell(standing)
            taken = await pilot.adopt(self.run, self._still(standing), self.secret_inputs)
            if taken is not None:
                return taken
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f"{self.run} changes hands without end")

    def _still(self, standing: Standing) -> Sequence[Order]:
        """The orders that still make sense; a bare resume of what is stuck tries all of it again."""
        if not self.orders:
            return [Order("retry")] if standing.now.state == "stuck" else []
        try:
            check_orders(standing, self.orders)
        except InputError:
            return []  # its driver has done them, or it got on meanwhile
        return self.orders


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: the exit code, which is that of its end, and the run before and after."""

    code: int
    before: Standing
    after: Standing | None  # None where nothing was seen of it


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
    find = unfinished_standing if final else found_standing
    standing = read(session, lambda store: find(store, name))
    if was_ordered_before(standing, orders):
        return Taken(_ordered_before(session, standing), standing, standing)
    if standing.state.ended:
        return Taken(_is_over(session, standing, orders), standing, standing)
    check_orders(standing, orders)
    created = standing.state.created
    assert created is not None, "the first fact of a run is that it was created"
    secret_inputs = read_secret(session, standing.plan, created, given)
    secrets = read_secrets(session, standing.plan, standing.state.lost)
    warn_of_short_secrets(session, secrets, secret_inputs)
    takeover = Takeover(standing.run, tuple(orders), secret_inputs)
    code, after = drive(session, secrets, takeover.go, no_wait=no_wait)
    return Taken(code, standing, after)


def was_ordered_before(standing: Standing, orders: Sequence[Order]) -> bool:
    """Whether all of it was said before, of the same steps for the same reasons."""
    plan, state, now = standing.plan, standing.state, standing.now
    return bool(orders) and all(is_repetition(plan, state, now, order) for order in orders)


def _ordered_before(session: Session, standing: Standing) -> int:
    if session.json:
        session.screen.tell(report(standing))
    session.screen.hint(f"{standing.run}: this was ordered before, and done: nothing new to do")
    return 0


def check_orders(standing: Standing, orders: Sequence[Order]) -> None:
    """What makes no sense for this run is said before anything is touched."""
    if standing.state.ended and orders:
        raise _over(standing)
    for order in orders:
        to_event(standing.plan, standing.state, order, time.time())


def _is_over(session: Session, standing: Standing, orders: Sequence[Order]) -> int:
    cancelled = standing.now.state in ("compensated", "cancelled")
    if orders and not (cancelled and orders[0].kind == "cancel"):
        raise _over(standing)
    session.screen.hint(f"{standing.run} is over: {standing.now.state}")
    if orders:
        if session.json:
            session.screen.tell(report(standing))
        return exit_code(standing.now.state)
    return conclude(session, standing, drawn=True)


def _over(standing: Standing) -> InputError:
    state = standing.now.state
    why = "everything in it is final" if state == "succeeded" else "nothing is left to do"
    return InputError(
        f"{standing.run} is over: it {'has ' if state == 'succeeded' else 'was '}{state}; {why}",
        code=Code.RUN_IS_OVER,
        help=f"flowdsl rerun {standing.run}",
    )
