"""An order for a run that another process drives, or nobody: left in the inbox, and watched until it is taken."""

from __future__ import annotations

import asyncio

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.engine.follow import PlanOf, known_by
from flowdsl.engine.orders import Order, judged, with_orders
from flowdsl.errors import InputError
from flowdsl.plan.values import Json
from flowdsl.saga.events import Ended, Event, Signalled
from flowdsl.world.clock import Clock
from flowdsl.world.store.port import Store

HEARD_SECONDS, PAUSE_SECONDS = 5.0, 0.05


class Sending(Struct, frozen=True):
    """`if_sequence`: the last fact of the run as it stood when the order was thought of."""

    store: Store
    plan_of: PlanOf
    clock: Clock
    run: str
    order: Order
    if_sequence: int | None = None

    async def leave(self) -> str:
        """The id under which it lies there, for ever. Raises InputError where the run will make no sense of it."""
        async with self.store.alone_at_the_inbox():
            await self._judge()
            return await self.store.send(self.run, self.order.to_json())

    async def is_heard(self, order_id: str) -> bool:
        """True once its driver has taken it; False where that is gone, or slow. Raises InputError where it was put away."""
        now = asyncio.get_running_loop().time
        until = now() + HEARD_SECONDS
        while True:
            # In this order: what is taken, or ends, in between is seen by the later look.
            is_driven = await self.store.is_driven(self.run)
            lies = order_id in dict(await self._lying())
            facts = await self._facts()
            if any(isinstance(fact, Signalled) and fact.id == order_id for fact in facts):
                return True
            if not lies and self.order.kind != "signal":
                return True
            if not lies or any(isinstance(fact, Ended) for fact in facts):
                await self.store.drop_order(order_id)
                await self._judge()
                raise self._put_away()
            if not is_driven or now() > until:
                return False
            await asyncio.sleep(PAUSE_SECONDS)

    async def _judge(self) -> None:
        """As the run will stand once it has heard what lies there before."""
        facts, at = await self._facts(), self.clock.now()
        known = with_orders(await known_by(facts, self.plan_of), await self._lying(), at)
        judged(known, len(facts), self.order, self.if_sequence, at)

    async def _facts(self) -> list[Event]:
        return [recorded.event for recorded in await self.store.events(self.run)]

    async def _lying(self) -> list[tuple[str, Json]]:
        return [(one.order_id, one.order) for one in await self.store.orders_for(self.run)]

    def _put_away(self) -> InputError:
        what = self.order.step if self.order.kind == "signal" else self.order.kind
        message = f"`{what}` was put away by the process that drives the run"
        return InputError(message, code=Code.ANSWERED_BEFORE, help="the first answer counts")
