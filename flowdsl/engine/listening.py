"""What other processes leave in the inbox for the runs that are driven here, obeyed one after the other."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from flowdsl.engine.orders import Order
from flowdsl.engine.tended import Tended
from flowdsl.engine.wanting import is_wanting
from flowdsl.errors import InputError, Interrupted, StoreError
from flowdsl.world.clock import Clock
from flowdsl.world.store.port import Store
from flowdsl.world.store.summary import Ordered

POLL_SECONDS = 0.2  # how often other processes' orders are looked for
DEAF_LOOKS_MAX = 25  # how often in a row that may fail: a disk may hiccup, but who cannot hear must not go on in silence


class Told(Protocol):
    """What `Listening` needs of the engine."""

    @property
    def tended(self) -> Mapping[str, Tended]: ...

    async def obey(self, run: str, order: Order) -> Tended | None: ...

    def spawn(self, work: Coroutine[object, object, None]) -> object: ...


class Listening(Struct):
    store: Store
    clock: Clock
    engine: Told
    deaf: dict[str, int] = field(default_factory=dict)  # by run: looks in a row that failed

    async def poll(self) -> None:
        while True:
            await self.listen()
            await self.clock.sleep(POLL_SECONDS)

    async def listen(self) -> None:
        """Runs whose orders stay unreadable are stopped and say so: the orders are there, and `resume` obeys them."""
        try:
            for ordered in await self.store.take_orders():
                self.engine.spawn(self._obey(ordered))
            failures = self.store.unread()
        except StoreError as error:
            failures = dict.fromkeys(self.engine.tended, error)
        self.deaf = {run: self.deaf.get(run, 0) + 1 for run in failures}
        for run, failure in failures.items():
            tended = self.engine.tended.get(run)
            if self.deaf[run] >= DEAF_LOOKS_MAX and tended is not None:
                tended.drive.give_up(failure)

    async def _obey(self, ordered: Ordered) -> None:
        """What cannot be obeyed now comes again; so does what woke a run that then fails."""
        was_driven = ordered.run in self.engine.tended
        try:
            tended = await self._tell(ordered)
            if tended is not None and not was_driven:
                with suppress(Interrupted):  # the order is a fact by then
                    await tended.rest()
        except (StoreError, Interrupted, _Wanting):
            self.store.put_back(ordered.order_id)
        else:
            await self.store.drop_order(ordered.order_id)

    async def _tell(self, ordered: Ordered) -> Tended | None:
        """The run as it is driven on. What is not an order, or makes no sense any more, is passed over."""
        try:
            order = replace(Order.from_json(ordered.order), id=ordered.order_id)
            return await self.engine.obey(ordered.run, order)
        except InputError as error:
            if is_wanting(error):
                raise _Wanting from None
        except ValueError:
            pass
        return self.engine.tended.get(ordered.run)


class _Wanting(Exception):
    """The run cannot go on without a secret."""
