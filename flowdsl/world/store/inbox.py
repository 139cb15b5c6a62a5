"""Commands for a run from processes that do not drive it: one file each, durable before they are acknowledged.

The driver polls, records what a command means in the run's journal, and only then drops the file: a crash between
the two shows it again, and every command is safe to repeat.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.store.disk import Disk, is_no_file, names, read_whole, write_new
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.summary import Ordered

_SUFFIX = ".json"


@dataclass(slots=True)
class Inbox:
    disk: Disk
    layout: StoreLayout
    wall: Callable[[], float]
    unread: dict[str, OSError] = field(default_factory=dict)  # by run, as of the last look
    _taken: set[str] = field(default_factory=set)

    def send(self, run: str, command: Json) -> str:
        """The command's id; they sort by the time of sending."""
        command_id = f"{run}.{int(self.wall() * 1000):012x}{secrets.token_hex(6)}"
        write_new(self.disk, self.layout.inbox / f"{command_id}{_SUFFIX}", to_bytes(command))
        return command_id

    def take(self, runs: Container[str]) -> list[Ordered]:
        """What came for these runs since the last time. What cannot be read now is looked at again the next time."""
        found: list[Ordered] = []
        self.unread.clear()
        for command_id in sorted(self.waiting(), key=_when):
            run = command_id.rpartition(".")[0]
            if run in runs and command_id not in self._taken:
                try:
                    found += self._read(run, command_id)
                    self._taken.add(command_id)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self.unread[run] = error
        return found

    def put_back(self, command_id: str) -> None:
        self._taken.discard(command_id)

    def lies_for(self, run: str) -> list[Ordered]:
        """What came for a run and is still there, the oldest first; nothing is taken."""
        found = []
        for command_id in sorted(self.waiting(), key=_when):
            if command_id.rpartition(".")[0] == run:
                with suppress(FileNotFoundError, ValueError):
                    found.append(
                        Ordered(run, command_id, read_order(self.disk, self._path(command_id)))
                    )
        return found

    def lock(self) -> int | None:
        """For who looks before it sends. A handle to close; None while another process has it."""
        handle = self.disk.open(self.layout.key)  # a file that is there, and that nobody else locks
        if self.disk.lock(handle):
            return handle
        self.disk.close(handle)
        return None

    def _path(self, command_id: str) -> Path:
        return self.layout.inbox / f"{command_id}{_SUFFIX}"

    def drop(self, command_id: str) -> None:
        self._taken.discard(command_id)
        with suppress(FileNotFoundError):
            self.disk.unlink(self._path(command_id))

    def waiting(self) -> list[str]:
        found = names(self.disk, self.layout.inbox)
        return [name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)]

    def _read(self, run: str, command_id: str) -> list[Ordered]:
        try:
            return [Ordered(run, command_id, read_order(self.disk, self._path(command_id)))]
        except ValueError:  # it stops nobody: out of the way, and fsck shows it
            name = f"{command_id}{_SUFFIX}"
            self.disk.rename(self.layout.inbox / name, self.layout.quarantine / name)
            return []


def read_order(disk: Disk, path: Path) -> Json:
    """ValueError for what is none."""
    try:
        return from_bytes(read_whole(disk, path))
    except OSError as error:
        if is_no_file(error):
            raise ValueError("this is not a file") from None
        raise


def _when(command_id: str) -> str:
    return command_id.rpartition(".")[2]
