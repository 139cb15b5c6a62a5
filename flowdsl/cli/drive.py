"""Driving a run from the command line: the engine, what the person sees of it, and what Ctrl-C does.

First Ctrl-C (or SIGTERM): nothing new starts, open calls get five seconds, all is saved. Second: at once. Both lose nothing.
Only Ctrl-C is a person's word that the run shall wait; a run whose process was ended by somebody else is anybody's to go on with.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct, field

from flowdsl.cli.display import Display, NoDisplay, display_for
from flowdsl.cli.ending import conclude, interrupted_report
from flowdsl.cli.options import Session
from flowdsl.cli.runs import asked_wrongly, read, run_and_word, shown
from flowdsl.engine.engine import Engine
from flowdsl.engine.follow import TurnSeen
from flowdsl.engine.handle import Handle
from flowdsl.errors import InputError, Interrupted, JournalLost, StoreError
from flowdsl.saga.commands import Sleep
from flowdsl.saga.run import Run
from flowdsl.view.paint import counted
from flowdsl.view.run.closing import what_stands
from flowdsl.world.network.hosts import Hosts, read_allowed
from flowdsl.world.network.http import Http
from flowdsl.world.store import open_store
from flowdsl.world.store.disk import not_allowed
from flowdsl.world.store.port import Checkable, Store

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last: its terminal was closed


class Pilot(Struct):
    """The engine in the hands of a command."""

    session: Session
    no_wait: bool = False
    last: Run | None = None  # what was seen of the run last
    stands: dict[str, Run] = field(default_factory=dict)  # the same of every run that we drive
    signals: list[int] = field(default_factory=list)
    was_over: bool = False  # before we came
    display: Display = field(default_factory=NoDisplay)
    draining: asyncio.Task[None] | None = None
    _engine: Engine | None = None

    def take(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        assert self._engine is not None, "the pilot has taken an engine"
        return self._engine

    async def show(self, handle: Handle, since: Handle | None = None) -> Run:
        """What happens to a run until it is at rest, `since` it was asked for. What another process drives is shown whole."""
        since = since or handle
        is_theirs = since.driver == "another"
        async for turned in handle.turns(0 if is_theirs else since.sequence):
            if is_theirs and turned.is_ours:
                self.display.message("its driver is gone: this process takes the run over")
                is_theirs = False
            self.last = turned.run
            self.display.turn(turned.turn)
            if self.no_wait and turned.is_ours and _waits(turned.run):
                await self.engine.drain()
        if self.last is None:
            self.was_over = True
            self.last = await handle.rest()
        return self.last

    def note(self, turned: TurnSeen) -> None:
        self.stands[turned.run.id] = turned.run

    def stop(self, number: int, task: asyncio.Task[int]) -> None:
        """A signal."""
        self.signals.append(number)
        if len(self.signals) > 1 or not self.engine.tended:
            task.cancel()
            return
        calls = sum(tended.open_calls for tended in self.engine.tended.values())
        if number == signal.SIGINT:
            self.engine.pause()
        else:
            self.draining = asyncio.ensure_future(self.engine.drain())
        count = f"{counted(calls, 'call')} open, up to 5 s" if calls else "nothing is open"
        self.display.message(f"Stopping: {count}… (once more stops at once; nothing is lost)")


Act = Callable[[Pilot], Awaitable[Run]]


def drive(session: Session, act: Act, *, no_wait: bool = False) -> tuple[int, Run | None]:
    """Let `act` drive or follow a run; the exit code, and the run as it stands."""
    pilot = Pilot(session, no_wait=no_wait)
    try:
        run = asyncio.run(_drive(pilot, act))
    except (Interrupted, asyncio.CancelledError):
        if not (pilot.signals or no_wait):
            raise
        return _stopped(pilot), pilot.last
    except JournalLost as error:
        raise _with_what_stands(error, pilot.stands) from None
    except StoreError as error:
        if not pilot.stands and not_allowed(error):  # the first record had nowhere to go
            raise InputError(error.message, code=error.code, help=error.help) from None
        raise
    return conclude(session, run, drawn=pilot.was_over), run


def _with_what_stands(error: JournalLost, stands: Mapping[str, Run]) -> JournalLost:
    """Nobody can read it any more, so the process that knows it says it."""
    told = [f"  {run}  {each}" for run, one in stands.items() for each in what_stands(one)]
    hint = "undo by hand what stands at the services, or restore the store from a backup and `flowdsl resume`:"
    known = "as far as this process knows, nothing stands at the services"
    return JournalLost(
        error.message, code=error.code, help="\n".join([hint, *told]) if told else known
    )


async def _drive(pilot: Pilot, act: Act) -> Run:
    with asked_wrongly():
        store = open_store(pilot.session.store)
        await store.start()
    await _warn_of_others(pilot.session, store)
    network = Http(hosts=Hosts(read_allowed(pilot.session.allow)))
    pilot.take(Engine(store, network, pilot.session.project, watch=pilot.note, by=actor()))
    try:
        with display_for(pilot.session) as display:
            pilot.display = display
            return await _under_signals(pilot, act)
    finally:
        await network.aclose()


async def _warn_of_others(session: Session, store: Store) -> None:
    """Who else may write the store: one line each, with what to type."""
    for finding in await store.exposed() if isinstance(store, Checkable) else ():
        what = f"{finding.explanation}: {finding.help}"
        session.screen.hint(f"warning[{finding.code}]: {shown(session.store)}: {what}")


async def _under_signals(pilot: Pilot, act: Act) -> Run:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    heard = _heard()
    for number in heard:
        loop.add_signal_handler(number, pilot.stop, number, task)
    try:
        async with pilot.engine:
            return await act(pilot)
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


def _waits(run: Run) -> bool:
    """And what it waits for has not come yet, by which it would go on by itself."""
    timers = [one.timer for one in run.progress.commands if isinstance(one, Sleep)]
    is_due = any(run.state.armed[timer] <= time.time() for timer in timers)
    return run.progress.state == "waiting" and not is_due


def _heard() -> list[signal.Signals]:
    """With `nohup` a terminal that is closed is no reason to stop."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return [number for number in SIGNALS if number != signal.SIGHUP]
    return list(SIGNALS)


def _stopped(pilot: Pilot) -> int:
    """Saved, and not at its end. What came in while we stopped is on disk, so it is read from there."""
    seen = pilot.last or next(iter(pilot.stands.values()), None)
    if seen is not None:
        name = seen.id
        pilot.last, word = read(pilot.session, lambda store: run_and_word(store, name))
        word = word if pilot.signals else pilot.last.progress.state
        interrupted_report(pilot.session, pilot.last, word)
    else:
        pilot.session.screen.stopped("stopped before anything was sent")
    return 128 + pilot.signals[0] if pilot.signals else 4


def actor() -> str:
    """Who gives an order: kept with it."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
