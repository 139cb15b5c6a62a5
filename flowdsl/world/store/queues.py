"""Who is next among the runs with one key: a folder for each key, a numbered ticket for each run.

A ticket is drawn under a lock, after the run's first record is durable, so that no ticket is of a run that never was. It is
torn up when the run has ended; where that was cut short, the next look does it.

Tickets are names of empty files: they can be lost, not changed. A run whose turn it is gets its own back before another one
is let in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from msgspec import Struct, field

from flowdsl.world.store.disk import Disk, names
from flowdsl.world.store.layout import StoreLayout

LOCK = "lock"


class Queues(Struct):
    """`is_over`: whether a run has ended, or is not there at all. `holders`: the runs of a key whose turn has come."""

    disk: Disk
    layout: StoreLayout
    is_over: Callable[[str], bool]
    holders: Callable[[str], Iterable[str]]
    _sure: set[str] = field(default_factory=set)  # runs whose ticket a power cut cannot take

    def firsts(self, asked: Sequence[tuple[str, str]]) -> Sequence[str | OSError | None]:
        """Whose turn it is, for each key and run: one look, and one sync of its folders, for all that ask about a key."""
        runs: dict[str, list[str]] = {}
        for key, run in asked:
            runs.setdefault(key, []).append(run)
        found = {key: self._looked_at(key, each) for key, each in runs.items()}
        return [found[key] for key, _ in asked]

    def _looked_at(self, key: str, runs: list[str]) -> str | OSError | None:
        try:
            return self.first(key, *runs)
        except OSError as error:
            return error

    def first(self, key: str, *runs: str) -> str | None:
        """Draw a ticket for each run that has none, and say whose turn it is. None while another process looks."""
        folder = self._folder(key)
        handle = self._lock(folder)
        if handle is None:
            return None
        try:
            tickets = self._tickets(folder)
            for number, other in sorted(tickets.items()):
                if other in runs or not self.is_over(other):
                    break  # a run that is over further behind is found when it comes to the front
                self._tear_up(folder, number, other)
                del tickets[number]
            there = set(tickets.values())
            for number, run in enumerate(
                dict.fromkeys(run for run in runs if run not in there), max(tickets, default=0) + 1
            ):
                self._draw(folder, number, run)
                tickets[number] = run
            if not self._sure.issuperset(runs):  # the process that made them may have died before
                self._sync(folder)
                self._sure.update(runs)
            first = tickets[min(tickets)]
            if first in runs:  # before it is let in
                self._give_back(folder, tickets, self.holders(key))
            return tickets[min(tickets)]
        finally:
            self.disk.close(handle)

    def before(self, key: str, run: str) -> str | None:
        """The run that is first, if it is another one. Changes nothing: a reader may call it."""
        tickets = self._tickets(self._folder(key))
        waiting = [tickets[number] for number in sorted(tickets)]
        ahead = waiting[: waiting.index(run)] if run in waiting else waiting
        return next((other for other in ahead if not self.is_over(other)), None)

    def leave(self, key: str, run: str) -> None:
        """The run has ended."""
        self._sure.discard(run)
        folder = self._folder(key)
        if self.disk.look(folder) is not None:
            for number, other in self._tickets(folder).items():
                if other == run:
                    self._tear_up(folder, number, run)

    def has_ticket(self, key: str, run: str) -> bool:
        return run in self._tickets(self._folder(key)).values()

    def give_back(self, key: str, run: str) -> None:
        """The ticket of a run whose turn it is, if nobody looks meanwhile."""
        folder = self._folder(key)
        handle = self._lock(folder)
        if handle is not None:
            try:
                self._give_back(folder, self._tickets(folder), [run])
            finally:
                self.disk.close(handle)

    def _give_back(self, folder: Path, tickets: dict[int, str], holders: Iterable[str]) -> None:
        for run in holders:
            number = min(tickets, default=1) - 1
            if run not in tickets.values() and number >= 0:
                self._draw(folder, number, run)
                self._sync(folder)
                tickets[number] = run

    def _draw(self, folder: Path, number: int, run: str) -> None:
        self.disk.close(self.disk.create(folder / f"{number:012}.{run}"))

    def _sync(self, folder: Path) -> None:
        for path in (folder, folder.parent, folder.parent.parent):
            self.disk.sync_folder(path)

    def _folder(self, key: str) -> Path:
        return self.layout.queues / queue_of(key)

    def _lock(self, folder: Path) -> int | None:
        for path in (self.layout.queues, folder):
            if self.disk.look(path) is None:
                with suppress(FileExistsError):
                    self.disk.make_folder(path)
        with suppress(FileExistsError):
            self.disk.close(self.disk.create(folder / LOCK))
        handle = self.disk.open(folder / LOCK, append=True)
        if self.disk.lock(handle):
            return handle
        self.disk.close(handle)
        return None

    def _tickets(self, folder: Path) -> dict[int, str]:
        pairs = (name.partition(".") for name in names(self.disk, folder) if name != LOCK)
        return {int(number): run for number, _, run in pairs if number.isdecimal() and run}

    def _tear_up(self, folder: Path, number: int, run: str) -> None:
        with suppress(FileNotFoundError):
            self.disk.unlink(folder / f"{number:012}.{run}")


def queue_of(key: str) -> str:
    """The name of its folder."""
    return sha256(key.encode()).hexdigest()[:32]
