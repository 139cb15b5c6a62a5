"""Commands for a run from processes that do not drive it: one file each, durable before they are acknowledged.

The driver polls, records what a command means in the run's journal, and only then drops the file: a crash between
the two shows it again, and every command is safe to repeat.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass, field

from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.contents import Ordered
from flowdsl.world.disk import Disk, names, read_whole, write_new
from flowdsl.world.layout import Layout

_SUFFIX = ".json"


@dataclass(slots=True)
class Inbox:
    disk: Disk
    layout: Layout
    wall: Callable[[], float]
    _taken: set[str] = field(default_factory=set)

    def send(self, run: str, command: Json) -> str:
        """The command's id; they sort by the time of sending."""
        command_id = f"{run}.{int(self.wall() * 1000):012x}{secrets.token_hex(6)}"
        write_new(self.disk, self.layout.inbox / f"{command_id}{_SUFFIX}", to_bytes(command))
        return command_id

    def take(self, runs: Container[str]) -> list[Ordered]:
        """What came for these runs since the last time. Where one cannot be read, none was taken."""
        found, read = list[Ordered](), set[str]()
        for command_id in sorted(self.waiting(), key=_when):
            run = command_id.rpartition(".")[0]
            if run in runs and command_id not in self._taken:
                with suppress(FileNotFoundError):
                    found += self._read(run, command_id)
                read.add(command_id)
        self._taken |= read
        return found

    def drop(self, command_id: str) -> None:
        self._taken.discard(command_id)
        with suppress(FileNotFoundError):
            self.disk.unlink(self.layout.inbox / f"{command_id}{_SUFFIX}")

    def waiting(self) -> list[str]:
        found = names(self.disk, self.layout.inbox)
        return [name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)]

    def _read(self, run: str, command_id: str) -> list[Ordered]:
        path = self.layout.inbox / f"{command_id}{_SUFFIX}"
        try:
            return [Ordered(run, command_id, from_bytes(read_whole(self.disk, path)))]
        except ValueError:  # it stops nobody: out of the way, and fsck shows it
            self.disk.rename(path, self.layout.quarantine / path.name)
            return []


def _when(command_id: str) -> str:
    return command_id.rpartition(".")[2]
