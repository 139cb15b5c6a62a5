"""Who is next among the runs with one key: a folder for each key, a numbered ticket for each run.

A ticket is drawn under a lock, after the run's first record is durable, so that no ticket is of a run that never was. It is
torn up when the run has ended; where that was cut short, whoever looks next does it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flowdsl.world.disk import Disk, names
from flowdsl.world.layout import Layout

_LOCK = "lock"


@dataclass(slots=True)
class Queues:
    """`is_over`: whether a run has ended, or is not there at all."""

    disk: Disk
    layout: Layout
    is_over: Callable[[str], bool]

    def first(self, key: str, run: str) -> str | None:
        """Draw a ticket for the run, if it has none, and say whose turn it is. None while another process looks."""
        folder = self._folder(key)
        handle = self._lock(folder)
        if handle is None:
            return None
        try:
            tickets = self._tickets(folder)
            for number, other in list(tickets.items()):
                if other != run and self.is_over(other):
                    self._tear_up(folder, number, other)
                    del tickets[number]
            if run not in tickets.values():
                number = max(tickets, default=0) + 1
                self.disk.close(self.disk.create(folder / f"{number:012}.{run}"))
                for path in (folder, folder.parent, folder.parent.parent):
                    self.disk.sync_folder(path)  # whoever made them may not have come so far
                tickets[number] = run
            return tickets[min(tickets)]
        finally:
            self.disk.close(handle)

    def leave(self, key: str, run: str) -> None:
        """The run has ended."""
        folder = self._folder(key)
        if self.disk.look(folder) is not None:
            for number, other in self._tickets(folder).items():
                if other == run:
                    self._tear_up(folder, number, run)

    def _folder(self, key: str) -> Path:
        return self.layout.queues / sha256(key.encode()).hexdigest()[:32]

    def _lock(self, folder: Path) -> int | None:
        for path in (self.layout.queues, folder):
            if self.disk.look(path) is None:
                with suppress(FileExistsError):
                    self.disk.make_folder(path)
        with suppress(FileExistsError):
            self.disk.close(self.disk.create(folder / _LOCK))
        handle = self.disk.open(folder / _LOCK, append=True)
        if self.disk.lock(handle):
            return handle
        self.disk.close(handle)
        return None

    def _tickets(self, folder: Path) -> dict[int, str]:
        pairs = (name.partition(".") for name in names(self.disk, folder) if name != _LOCK)
        return {int(number): run for number, _, run in pairs if number.isdecimal() and run}

    def _tear_up(self, folder: Path, number: int, run: str) -> None:
        with suppress(FileNotFoundError):
            self.disk.unlink(folder / f"{number:012}.{run}")
