"""Driving a run from the command line: the engine, what the person sees of it, and what Ctrl-C does.

First Ctrl-C (or SIGTERM): nothing new starts, open calls get five seconds, all is saved. Second: at once. Both lose nothing.
Only Ctrl-C is a person's word that the run shall wait; a run whose process was ended by somebody else is anybody's to go on with.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from flowdsl.cli.display import Display, NoDisplay, display_for
from flowdsl.cli.ending import conclude, interrupted_report
from flowdsl.cli.follow import Followed, follow
from flowdsl.cli.options import Session
from flowdsl.cli.runs import asked_wrongly, read, run_and_word, shown
from flowdsl.engine.engine import Engine
from flowdsl.engine.orders import Order
from flowdsl.engine.project import Start
from flowdsl.errors import InputError, Interrupted, JournalLost, StoreError
from flowdsl.saga.advance import Turn
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


@dataclass(slots=True)
class Pilot:
    """The engine in the hands of a command."""

    session: Session
    no_wait: bool = False
    last: Run | None = None  # what was seen of the run last
    stands: dict[str, Run] = field(default_factory=dict)  # the same of every run that we drive
    signals: list[int] = field(default_factory=list)
    was_over: bool = False  # before we came
    follows: bool = False  # what another process does
    display: Display = field(default_factory=NoDisplay)
    _engine: Engine | None = None

    def take(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        assert self._engine is not None, "the pilot has taken an engine"
        return self._engine

    @property
    def store(self) -> Store:
        return self.engine.store

    async def start(self, start: Start) -> Run:
        start = start.begun(time.time())
        await self.engine.run(
            start.plan, start.created, watch=self.watch, secret_inputs=start.secret_inputs
        )
        return self.seen

    async def adopt(
        self, run: str, orders: Sequence[Order], secret_inputs: Mapping[str, str]
    ) -> Run | None:
        """Take the run over and drive it to rest; None where a living process has it."""
        result = await self.engine.resume(
            run, orders=orders, watch=self.watch, secret_inputs=secret_inputs, by=actor()
        )
        return None if result is None else self.seen

    async def follow(self, run: str, *, past_rest: bool = False) -> Followed:
        """Watch what another process does with the run, until it is at rest or its driver is dead."""
        self.follows = True
        followed = await follow(self.store, run, self.display, past_rest=past_rest)
        self.follows = False
        self.last = followed.run
        return followed

    def tell(self, run: Run) -> Run:
        """The run was at rest before we came: its end is told."""
        self.was_over = True
        self.last = run
        return run

    @property
    def seen(self) -> Run:
        assert self.last is not None, "a run that was driven was seen"
        return self.last

    def watch(self, turn: Turn) -> None:
        self.last = turn.after
        self.stands[self.last.id] = self.last
        self.display.turn(turn)
        if self.no_wait and self.last.progress.state == "waiting" and not _is_due(self.last):
            self.engine.stop()

    def stop(self, number: int, task: asyncio.Task[int]) -> None:
        """A signal."""
        self.signals.append(number)
        drives = self.engine.drives.values()
        if len(self.signals) > 1 or not drives:
            task.cancel()
            return
        if number == signal.SIGINT:
            self.engine.pause()
        else:
            self.engine.stop()
        calls = sum(len(drive.run.state.flying) for drive in drives)
        count = f"{counted(calls, 'call')} open, up to 5 s" if calls else "nothing is open"
        self.display.message(f"Stopping: {count}… (once more stops at once; nothing is lost)")


Act = Callable[[Pilot], Awaitable[Run]]


def drive(
    session: Session, secrets: Mapping[str, str], act: Act, *, no_wait: bool = False
) -> tuple[int, Run | None]:
    """Let `act` drive or follow a run; the exit code, and the run as it stands."""
    pilot = Pilot(session, no_wait=no_wait)
    try:
        run = asyncio.run(_drive(pilot, secrets, act))
    except (Interrupted, asyncio.CancelledError):
        if not (pilot.signals or no_wait):
            raise
        return _stopped(pilot), pilot.last
    except JournalLost as error:
        raise _with_what_stands(error, pilot.stands) from None
    except StoreError as error:
        if pilot.last is None and not_allowed(error):  # the first record had nowhere to go
            raise InputError(error.message, code=error.code, help=error.help) from None
        raise
    return conclude(session, run, drawn=pilot.was_over), run


def _with_what_stands(error: JournalLost, stands: Mapping[str, Run]) -> JournalLost:
    """Nobody can read it any more, so whoever knows says it."""
    told = [f"  {run}  {each}" for run, one in stands.items() for each in what_stands(one)]
    hint = "undo by hand what stands at the services, or restore the store from a backup and `flowdsl resume`:"
    known = "as far as this process knows, nothing stands at the services"
    return JournalLost(
        error.message, code=error.code, help="\n".join([hint, *told]) if told else known
    )


async def _drive(pilot: Pilot, secrets: Mapping[str, str], act: Act) -> Run:
    with asked_wrongly():
        store = open_store(pilot.session.store)
        await store.start()
    await _warn_of_others(pilot.session, store)
    network = Http(hosts=Hosts(read_allowed(pilot.session.allow)))
    pilot.take(Engine(store, network, secrets=secrets))
    try:
        with display_for(pilot.session) as display:
            pilot.display = display
            return await _under_signals(pilot, act)
    finally:
        await network.aclose()


async def _warn_of_others(session: Session, store: Store) -> None:
    """Who else may write the store: one line each, with what to type."""
    for finding in await store.exposed() if isinstance(store, Checkable) else ():
        what, _, _ = finding.explanation.partition(",")
        session.screen.hint(
            f"warning[{finding.code}]: {shown(session.store)}: {what}: {finding.help}"
        )


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


def _is_due(run: Run) -> bool:
    """Whether what it waits for has come, so that it goes on by itself."""
    timers = [one.timer for one in run.progress.commands if isinstance(one, Sleep)]
    return any(run.state.armed[timer] <= time.time() for timer in timers)


def _heard() -> list[signal.Signals]:
    """With `nohup` a terminal that is closed is no reason to stop."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return [number for number in SIGNALS if number != signal.SIGHUP]
    return list(SIGNALS)


def _stopped(pilot: Pilot) -> int:
    """Saved, and not at its end. What came in while we stopped is on disk, so it is read from there."""
    if pilot.last is not None:
        name = pilot.last.id
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
