"""Ids that a person chose: the first to claim one has it, and says for which file and inputs.

A claim is synced before the first record of its run. It is locked until then, so a claim whose maker died without having
started anything can be told from one that is about to start, and is taken over.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field

from flowdsl.world.disk import ASIDE, Disk, read_whole, write_all
from flowdsl.world.layout import Layout


@dataclass(slots=True)
class Claims:
    disk: Disk
    layout: Layout
    _held: dict[str, int] = field(default_factory=dict)  # run → the locked handle of its claim

    def make(self, run: str, fingerprint: str) -> bool:
        """False where there is one."""
        path = self.layout.claims / run
        if self.disk.look(path) is not None:
            return False
        aside = path.with_name(f"{ASIDE}{run}.{secrets.token_hex(4)}")
        handle = self.disk.create(aside)
        try:
            assert self.disk.lock(handle), "a file that nobody knew of was locked"
            write_all(self.disk, handle, fingerprint.encode())
            self.disk.sync(handle)
            self.disk.link(aside, path)
            self.disk.sync_folder(self.layout.claims)
        except FileExistsError:
            self.disk.close(handle)
            return False
        except OSError:
            self.disk.close(handle)
            raise
        finally:
            with suppress(OSError):
                self.disk.unlink(aside)
        self._held[run] = handle
        return True

    def fingerprint(self, run: str) -> str | None:
        try:
            return read_whole(self.disk, self.layout.claims / run).decode(errors="replace")
        except FileNotFoundError:
            return None

    def lock(self, run: str) -> bool:
        """Of a maker that died, before or after it started the run: the caller looks after this."""
        handle = self.disk.open(self.layout.claims / run, append=True)
        if not self.disk.lock(handle):
            self.disk.close(handle)
            return False
        self._held[run] = handle
        return True

    def rewrite(self, run: str, fingerprint: str) -> None:
        """Nothing was ever started under this claim, so it may be for something else now."""
        handle = self._held[run]
        self.disk.truncate(handle, 0)
        write_all(self.disk, handle, fingerprint.encode())
        self.disk.sync(handle)

    def release(self, run: str) -> None:
        """The run's first record is durable, or will never be."""
        handle = self._held.pop(run, None)
        if handle is not None:
            self.disk.close(handle)

    def release_all(self) -> None:
        for run in list(self._held):
            self.release(run)
