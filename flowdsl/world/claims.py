"""Ids that a person chose: the first to claim one has it, and says for which file and inputs.

A claim is synced before the first record of its run. It is locked until then, so a claim whose maker died without having
started anything can be told from one that is about to start, and is taken over.
"""

from __future__ import annotations

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

    def take_over(self, run: str, fingerprint: str) -> bool:
        """Of a maker that died: the lock says so. Whether it started anything, the caller has to look after this."""
        handle = self.disk.open(self.layout.claims / run, append=True)
        if not self.disk.lock(handle):
            self.disk.close(handle)
            return False
        self._held[run] = handle
        return True
