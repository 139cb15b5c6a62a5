"""What many ask for at once is done in one go: while one job is under way, the next one gathers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

from msgspec import Struct, field

from flowdsl.world.store.offload import Offload

Q = TypeVar("Q")
A = TypeVar("A")


class Together(Struct, Generic[Q, A]):
    """`work` answers each question in its order; what it cannot do is an OSError in the place of the answer."""

    offload: Offload
    work: Callable[[Sequence[Q]], Sequence[A | OSError]]
    _waiting: list[tuple[Q, asyncio.Future[A]]] = field(default_factory=list)
    _pump: asyncio.Task[None] | None = None

    def ask(self, question: Q) -> asyncio.Future[A]:
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if (
            self._pump is None
        ):  # it starts in the loop's next turn: all that this turn asks is one job
            self._pump = asyncio.create_task(self._run())
        return answer

    async def _run(self) -> None:
        asked: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            while self._waiting:
                asked, self._waiting = self._waiting, []
                found = await self.offload(partial(self.work, [question for question, _ in asked]))
                for (_, answer), each in zip(asked, found, strict=True):
                    _settle(answer, each)
        except BaseException as error:
            for _, answer in (*asked, *self._waiting):
                _settle(answer, error)
            self._waiting.clear()
            if not isinstance(error, Exception):
                raise
        finally:
            self._pump = None


def _settle(answer: asyncio.Future[A], found: A | BaseException) -> None:
    if answer.done():
        return
    if isinstance(found, asyncio.CancelledError):
        answer.cancel()
    elif isinstance(found, BaseException):
        answer.set_exception(found)
    else:
        answer.set_result(found)
