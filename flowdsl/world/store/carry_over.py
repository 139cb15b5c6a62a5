"""Documents of older versions move to the archive, a few whenever a process that wrote the store lets go of it.

A document is deleted after the line of its run is durable. Two processes may carry the same one over: then two lines say the
same. One that is damaged stays where it is.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from msgspec import Struct

from flowdsl.errors import StoreError
from flowdsl.world.store.archive_writer import ArchiveWriter
from flowdsl.world.store.archived_run import write_run
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.offload import Offload

CARRIED_MAX = 64  # at a time
_Line = tuple[str, bytes]


class CarryOver(Struct, frozen=True):
    documents: Documents
    writer: ArchiveWriter
    reading: Offload

    async def some(self, most: int = CARRIED_MAX) -> int:
        """How many were carried over."""
        with suppress(OSError, StoreError):
            lines = await self.reading(partial(self._lines, most))
            await self.writer.keep(lines, _text)
            await self.reading(partial(self.documents.delete, [run for run, _ in lines]))
            return len(lines)
        return 0

    def _lines(self, most: int) -> list[_Line]:
        found: list[_Line] = []
        for run in self.documents.runs():
            if len(found) == most:
                break
            with suppress(OSError, StoreError):
                summary, records = self.documents.summary(run), self.documents.read(run)
                if records and not summary.damaged:
                    found.append((run, write_run(summary, [record for _, record in records])))
        return found


def _text(line: _Line) -> bytes:
    return line[1]
