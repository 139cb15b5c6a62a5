"""`runs/<id>.json`, in stores of older versions: one document a finished run, its report and its events.

Its last field is a checksum of the events, for a power cut may leave the size of a document without all of its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from flowdsl.errors import StoreError
from flowdsl.plan.json import from_bytes, to_bytes
from flowdsl.saga.codec import decode
from flowdsl.saga.events import Created, Ended
from flowdsl.world.store.disk import Disk, is_no_file, names, read_whole
from flowdsl.world.store.journal import Record
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.summary import RunSummary, damaged

_MARK = b'"events":[\n'
_TAIL = re.compile(rb'\n\](?:,"check":"([0-9a-f]{32})")?\}\n\Z')  # without: by flowdsl 0.1.0
_EVENT = re.compile(rb'\{"s":([0-9]+),"w":([0-9]+),"d":(\{.*\})\},?')


class Documents(Struct, frozen=True):
    disk: Disk
    layout: StoreLayout

    def read(self, run: str) -> list[tuple[int, Record]] | None:
        """None where there is none."""
        try:
            data = read_whole(self.disk, self._path(run))
        except FileNotFoundError:
            return None
        except OSError as error:
            if is_no_file(error):
                raise damaged(run, str(self._path(run))) from None
            raise
        records = _records(data)
        if not records or [number for number, _ in records] != list(range(1, len(records) + 1)):
            raise damaged(run, str(self._path(run)))
        return records

    def exists(self, run: str) -> bool:
        return self.disk.look(self._path(run)) is not None

    def runs(self) -> list[str]:
        found = names(self.disk, self.layout.runs)
        return [name.removesuffix(".json") for name in found if name.endswith(".json")]

    def modified(self, run: str) -> float:
        status = self.disk.look(self._path(run))
        return 0.0 if status is None else status.modified

    def delete(self, runs: Iterable[str]) -> None:
        for run in runs:
            with suppress(FileNotFoundError):
                self.disk.unlink(self._path(run))

    def summary(self, run: str) -> RunSummary:
        with suppress(StoreError, OSError):  # who asks for this run alone is told why
            if records := self.read(run):
                first, last = decode(records[0][1].data), decode(records[-1][1].data)
                if isinstance(first, Created) and isinstance(last, Ended):
                    return RunSummary(run, first.workflow, first.at, last.state)
        return RunSummary(run, "", 0.0, damaged=True)

    def _path(self, run: str) -> Path:
        return self.layout.runs / f"{run}.json"


def _event_line(number: int, record: Record) -> bytes:
    return b'{"s":%d,"w":%d,"d":%b}' % (number, record.wall_milliseconds, record.data)


def _check(records: Iterable[tuple[int, Record]]) -> bytes:
    digest = sha256()
    for number, record in records:
        digest.update(_event_line(number, record) + b"\n")
    return digest.hexdigest()[:32].encode()


def _records(data: bytes) -> list[tuple[int, Record]]:
    """None of them where they are not what was written."""
    start, tail = data.find(_MARK), _TAIL.search(data)
    if start >= 0 and tail is not None:
        lines = data[start + len(_MARK) : tail.start()].split(b"\n")
        found = [_EVENT.fullmatch(line) for line in lines]
        if None not in found:
            records = [(int(m[1]), Record(int(m[2]), m[3])) for m in found if m is not None]
            return records if tail[1] in (None, _check(records)) else []
    return _reformatted(data)


def _reformatted(data: bytes) -> list[tuple[int, Record]]:
    """A document that went through somebody's formatter: its bytes are not those of the checksum any more."""
    try:
        document = from_bytes(data)
    except ValueError:
        return []
    events = document.get("events") if isinstance(document, dict) else None
    records: list[tuple[int, Record]] = []
    for event in events if isinstance(events, list) else ():
        match event:
            case {"s": int(number), "w": int(wall), "d": dict(fact)}:
                records.append((number, Record(wall, to_bytes(fact))))
            case _:
                return []
    return records
