"""Where blocking work is done: a thread of its own by default, on the spot under virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Protocol, TypeVar

from msgspec import Struct, field

T = TypeVar("T")


class Offload(Protocol):
    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...

    def beside(self, name: str) -> Offload:
        """Another one, for work that must not wait for this one's."""

    def close(self) -> None: ...


class Inline:
    """Blocks. For tests under virtual time, where a thread would be a second clock."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        return work()

    def beside(self, name: str) -> Offload:  # noqa: ARG002
        return self

    def close(self) -> None:
        pass


_Job = Callable[[], None]


class OneThread(Struct):
    """Started when there is work; a job costs one hop in and one out."""

    name: str = "flowdsl-writer"
    _jobs: SimpleQueue[_Job | None] = field(default_factory=SimpleQueue)
    _thread: Thread | None = None

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - the waiter has to hear of it
                _deliver(loop, answer, partial(answer.set_exception, error))
            else:
                _deliver(loop, answer, partial(answer.set_result, result))

        if self._thread is None:
            self._thread = Thread(target=self._work, name=self.name, daemon=True)
            self._thread.start()
        self._jobs.put(job)
        return answer

    def beside(self, name: str) -> Offload:
        return OneThread(name)

    def close(self) -> None:
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _deliver(
    loop: asyncio.AbstractEventLoop, answer: asyncio.Future[T], settle: Callable[[], object]
) -> None:
    def settle_if_awaited() -> None:
        if not answer.done():
            settle()

    with suppress(RuntimeError):  # the loop is gone, and the waiters with it
        loop.call_soon_threadsafe(settle_if_awaited)


async def obtained(
    offload: Offload, obtain: Callable[[], T], give_back: Callable[[T], object]
) -> T:
    """What is obtained, a lock for one. A waiter that gives up does not keep it."""
    work: asyncio.Future[T] = asyncio.ensure_future(offload(obtain))

    def return_it(done: asyncio.Future[T]) -> None:
        if not done.cancelled() and done.exception() is None:
            give_back(done.result())

    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(return_it)
        raise
