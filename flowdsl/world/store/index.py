"""What stands where in one journal: read batch by batch, each line verified, each run's lines by their offset.

A batch is not written before the one before it is synced. So damage with nothing of a later batch behind it is a torn tail,
if it is what a cut write leaves, an end that is missing or sectors of zeros: it was never acknowledged and is left out.
Any other damage is corruption: what it may have taken from a run is not guessed over, and the run is refused by name.
An index keeps offsets, not events.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from msgspec import Struct, field

from flowdsl.errors import StoreError
from flowdsl.saga.codec import decode
from flowdsl.saga.events import Admitted, Created, Ended
from flowdsl.world.store.line import Line, first_hash, read_line
from flowdsl.world.store.summary import RunSummary

LOST = bytes(8)  # of a sector that never reached the disk
_LOOKED_INTO = (b'{"t":"created"', b'{"t":"admitted"', b'{"t":"ended"')


class IndexEntry(Struct):
    """The lines of one run under its newest driver."""

    run: str
    epoch: int
    offsets: array[int]
    workflow: str = ""
    created_at: float = 0.0
    key: str = ""  # of the runs that go one at a time
    admitted: bool = False  # it is its turn among them
    ended: str = ""  # the state it ended in
    broken: bool = False  # a line is missing

    @property
    def count(self) -> int:
        return len(self.offsets)


def summary_of(entry: IndexEntry, *, driven: bool = False, damaged: bool = False) -> RunSummary:
    return RunSummary(
        entry.run, entry.workflow, entry.created_at, entry.ended, driven=driven, damaged=damaged
    )


class Damage(Struct, frozen=True):
    """Bytes of a journal that once were a synced batch, and cannot be read."""

    start: int
    end: int


class JournalIndex(Struct):
    """`end`, `number`, `batch` and `hash` are those of the last whole batch."""

    writer: str
    end: int = 0
    number: int = 0
    batch: int = 0
    hash: bytes = b""
    entries: dict[str, IndexEntry] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)  # runs with new lines, until somebody asks
    rotten_tail: bool = False  # the last damage is behind `end`, and looked at again with more

    def __post_init__(self) -> None:
        self.hash = self.hash or first_hash(self.writer)

    def read(self, data: bytes) -> None:
        """Take in all whole batches of `data`, which is what stands at `end` and after it."""
        start, position = self.end, 0
        if self.rotten_tail:
            self.damages.pop()
            self.rotten_tail = False
        number, chain = self.number, self.hash
        batch: list[tuple[int, Line]] = []
        while (newline := data.find(b"\n", position)) >= 0:
            line = read_line(data[position:newline])
            if line is None or not self._fits(line, number, chain):
                later = _later_batch(data, position, self.batch + 1)
                if later is None:
                    if not is_torn(data[position:]):
                        self._note_rotten_tail(start + position, start + len(data))
                    return  # if not, a torn tail, or a batch that is still being written
                where, line = later
                self.damages.append(Damage(start + position, start + where))
                batch += _salvaged(data, start, (position, where), self.batch + 1)
                position, number, chain = where, line.number - 1, line.previous
                self._commit(batch, start + where, line.batch - 1, (number, chain))
                batch = []
                continue
            batch.append((start + position, line))
            position, number, chain = newline + 1, line.number, line.hash
            if line.end:
                self._commit(batch, start + position, line.batch, (number, chain))
                batch = []
        if read_line(data[position:-1]) is not None:  # only its newline is something else
            self._note_rotten_tail(start + position, start + len(data))

    def _note_rotten_tail(self, start: int, end: int) -> None:
        self.damages.append(Damage(start, end))
        self.rotten_tail = True

    def _fits(self, line: Line, number: int, chain: bytes) -> bool:
        return (line.previous, line.number, line.batch) == (chain, number + 1, self.batch + 1)

    def _commit(
        self, lines: list[tuple[int, Line]], end: int, batch: int, link: tuple[int, bytes]
    ) -> None:
        for offset, line in lines:
            self.add(offset, line)
        self.end, self.batch, (self.number, self.hash) = end, batch, link

    def add(self, offset: int, line: Line) -> None:
        entry = self.entries.get(line.run)
        if entry is None or line.epoch > entry.epoch:
            entry = IndexEntry(line.run, line.epoch, array("Q"))
            self.entries[line.run] = entry
        elif line.epoch < entry.epoch:
            return  # a stale driver: never applied
        if line.sequence != entry.count + 1:
            entry.broken = True
        entry.offsets.append(offset)
        self.touched.add(line.run)
        _look_into(entry, line.data)

    def is_damaged(self, entry: IndexEntry) -> bool:
        """Whether lines of this run are, or may be, missing.

        A sound line behind the last damage, and no gap before it, proves that the damage took none of them.
        """
        if entry.broken:
            return True
        if not self.damages or entry.ended:
            return False
        # If not even the first line fits, this may be another journal under its name: nothing it says of an open run counts.
        known = entry.offsets[0 if self.damages[0].start == 0 else -1]
        return known < self.damages[-1].end


def is_torn(tail: bytes) -> bool:
    """Whether a cut write leaves this; a write that came in whole, and was changed later, was maybe acknowledged."""
    return not tail.endswith(b"\n") or tail.startswith(b"\0") or LOST in tail


def _look_into(entry: IndexEntry, data: bytes) -> None:
    """What a list of runs shows, without keeping the events."""
    if not data.startswith(_LOOKED_INTO):
        return
    try:
        event = decode(data)
    except StoreError:
        entry.broken = True
        return
    if isinstance(event, Created):
        entry.workflow, entry.created_at, entry.key = event.workflow, event.at, event.key
    elif isinstance(event, Admitted):
        entry.admitted = True
    elif isinstance(event, Ended):
        entry.ended = event.state


def _later_batch(data: bytes, position: int, batch: int) -> tuple[int, Line] | None:
    """The first line from `position` on that proves that `batch` had been synced: one of a batch after it."""
    for where, line in _sound_lines(data, position, len(data)):
        if line.batch > batch:
            return where, line
    return None


def _salvaged(data: bytes, start: int, span: tuple[int, int], batch: int) -> list[tuple[int, Line]]:
    """What can still be read of a batch with damage in it. A run that lost a line there shows a gap."""
    return [(start + w, line) for w, line in _sound_lines(data, *span) if line.batch == batch]


def _sound_lines(data: bytes, position: int, end: int) -> Iterator[tuple[int, Line]]:
    while position < end and (newline := data.find(b"\n", position, end)) >= 0:
        line = read_line(data[position:newline])
        if line is not None:
            yield position, line
        position = newline + 1
