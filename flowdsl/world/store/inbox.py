"""Orders for a run from processes that do not drive it: one file each, durable before they are acknowledged.

The driver polls, records what an order means in the run's journal, and only then drops the file: a crash between
the two shows it again, and every order is safe to repeat.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.plan.values import Json
from flowdsl.world.store.disk import Disk, is_no_file, names, read_whole, write_new
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.summary import Ordered

_SUFFIX = ".json"


class InboxLook(Struct, frozen=True):
    """What lay in the inbox for some runs at one moment, and what of it could not be read then."""

    orders: list[Ordered]
    unread: dict[str, OSError]  # by run
    lies: frozenset[str]  # the ids of all that lay there


class InboxFolder(Struct):
    disk: Disk
    layout: StoreLayout
    wall: Callable[[], float]

    def send(self, run: str, order: Json) -> str:
        """The order's id; they sort by the time of sending."""
        order_id = f"{run}.{int(self.wall() * 1000):012x}{secrets.token_hex(6)}"
        write_new(self.disk, self.layout.inbox / f"{order_id}{_SUFFIX}", to_bytes(order))
        return order_id

    def look(self, runs: Container[str], taken: Container[str]) -> InboxLook:
        """What came for these runs, but for what was taken before. What cannot be read now is looked at again."""
        found: list[Ordered] = []
        unread: dict[str, OSError] = {}
        lies = self.waiting()
        for order_id in sorted(lies, key=_when):
            run = order_id.rpartition(".")[0]
            if run in runs and order_id not in taken:
                try:
                    found += self._read(run, order_id)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    unread[run] = error
        return InboxLook(found, unread, frozenset(lies))

    def lies_for(self, run: str) -> list[Ordered]:
        """What came for a run and is still there, the oldest first; nothing is taken."""
        found = []
        for order_id in sorted(self.waiting(), key=_when):
            if order_id.rpartition(".")[0] == run:
                with suppress(FileNotFoundError, ValueError):
                    found.append(
                        Ordered(run, order_id, read_order(self.disk, self._path(order_id)))
                    )
        return found

    def lock(self) -> int | None:
        """For who looks before it sends. A handle to close; None while somebody else has it."""
        handle = self.disk.open(self.layout.key)  # a file that is there, and that nobody else locks
        if self.disk.lock(handle):
            return handle
        self.disk.close(handle)
        return None

    def _path(self, order_id: str) -> Path:
        return self.layout.inbox / f"{order_id}{_SUFFIX}"

    def drop(self, order_id: str) -> None:
        with suppress(FileNotFoundError):
            self.disk.unlink(self._path(order_id))

    def waiting(self) -> list[str]:
        found = names(self.disk, self.layout.inbox)
        return [name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)]

    def _read(self, run: str, order_id: str) -> list[Ordered]:
        try:
            return [Ordered(run, order_id, read_order(self.disk, self._path(order_id)))]
        except ValueError:  # it stops nobody: out of the way, and fsck shows it
            name = f"{order_id}{_SUFFIX}"
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


def _when(order_id: str) -> str:
    return order_id.rpartition(".")[2]
