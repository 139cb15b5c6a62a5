"""Bugs that let the disk lie: in the journal, and in the store around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from flowdsl.errors import StoreError
from flowdsl.world.store.archive_writer import ArchiveWriter, OpenArchive
from flowdsl.world.store.archived_run import run_in
from flowdsl.world.store.disk import Disk, explain, write_all
from flowdsl.world.store.index import IndexEntry, JournalIndex
from flowdsl.world.store.journal import Batch, JournalFile, Record, RecordGroup
from flowdsl.world.store.journals import JournalReader
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.line import Line
from flowdsl.world.store.line import read_line as _read_line
from flowdsl.world.store.queues import Queues
from tests.museum.exhibit import Exhibit


def of_the_head_alone(previous: bytes, body: bytes) -> bytes:
    return sha256(previous + body.partition(b',"d":')[0]).hexdigest()[:32].encode()


def whatever_comes_first(self: JournalIndex, line: Line, _number: int, _chain: bytes) -> bool:
    return line.batch == self.batch + 1


def tail_and_all(self: JournalIndex, data: bytes) -> None:
    """The last batch is believed without its end."""
    start = self.end
    _read(self, data)
    place = self.end
    for text in data[self.end - start :].splitlines(keepends=True):
        line = _read_line(text.rstrip(b"\n"))
        if line is not None:
            self.add(place, line)
        place += len(text)


def without_sync(self: JournalFile, groups: Sequence[RecordGroup]) -> Batch:
    """Acknowledged as soon as it is written."""
    lines, texts = self._lines(groups)
    write_all(self.disk, self.handle, b"".join(texts))
    placed = []
    for line, text in zip(lines, texts, strict=True):
        placed.append((self.size, line))
        self.size += len(text)
    return Batch(tuple(placed), self.size, texts[-1][6:38])


def renamed_and_no_more(self: JournalFile) -> None:
    """Whoever looks sees it; nothing keeps the name."""
    self.disk.rename(self._aside, self.path)


def named_before_sync(disk: Disk, path: Path, data: bytes) -> bool:
    handle = disk.create(path)
    write_all(disk, handle, data)
    disk.sync_folder(path.parent)
    disk.close(handle)
    return True


def any_epoch(self: JournalIndex, offset: int, line: Line) -> None:
    entry = self.entries.get(line.run)
    if entry is not None and line.epoch < entry.epoch:
        del self.entries[line.run]
    _add(self, offset, line)


def nothing_is_missing(self: JournalIndex, entry: IndexEntry) -> bool:
    return False


def there_is_one(text: bytes) -> bool:
    return run_in(text) != ""


def nothing_to_sync(self: ArchiveWriter, file: OpenArchive) -> None:
    """What is over is acknowledged as soon as it is written."""


def cut_off_for_good(disk: Disk, layout: StoreLayout, reader: JournalReader, handle: int) -> None:
    disk.truncate(handle, reader.index.end)


def goes_on(self: JournalFile, error: OSError) -> StoreError:
    failure = _poison(self, error)
    self.failure = None
    return failure


def kept_half(self: JournalFile, error: OSError) -> StoreError:
    """What was half written stays, and the next batch is glued to it."""
    self.full = True
    return explain(error, self.path)


class Agreeable(bytes):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def whatever_it_says(records: Iterable[tuple[int, Record]]) -> bytes:
    return Agreeable(b"0" * 32)


def any_key(key: bytes) -> str:
    return "0" * 32


def who_has_none_gets_none(
    self: Queues, folder: Path, tickets: dict[int, str], holders: Iterable[str]
) -> None:
    """The ticket of a run whose turn it is stays lost."""


_read, _add, _poison = JournalIndex.read, JournalIndex.add, JournalFile._poison
STORE = "flowdsl.world.store."
STATES = "tests/disk/test_states.py::test_every_state_recovers_to_what_was_acknowledged"
INDEX = "tests/world/store/test_index.py::"
JOURNAL = "tests/world/store/test_journal.py::"
ADOPTION = "tests/world/store/test_adoption.py::"
BYTES = "tests/disk/test_bytes.py::"
OWN = "tests/disk/test_own_files.py::"

EXHIBITS = (
    Exhibit("a checksum is of the head of a line alone", f"{STORE}line._hash", of_the_head_alone, INDEX + "test_every_flipped_bit_is_noticed"),
    Exhibit("lines are not asked what they follow", f"{STORE}index.JournalIndex._fits", whatever_comes_first, INDEX + "test_lines_dropped_doubled_and_swapped_change_no_fact"),
    Exhibit("a torn tail is believed", f"{STORE}index.JournalIndex.read", tail_and_all, INDEX + "test_every_truncation_leaves_exactly_the_whole_batches"),
    Exhibit("a batch is acknowledged before it is synced", f"{STORE}journal.JournalFile.write", without_sync, f"{STATES}[ends_and_stays-ordered]"),
    Exhibit("the name of a journal is not synced", f"{STORE}journal.JournalFile.publish", renamed_and_no_more, f"{STATES}[ends_and_stays-weakest]"),
    Exhibit("a definition has its name before its bytes are synced", f"{STORE}definitions.write_once", named_before_sync, f"{STATES}[ends_and_stays-write-back]"),
    Exhibit("an older epoch is applied", f"{STORE}index.JournalIndex.add", any_epoch, INDEX + "test_a_stale_driver_is_never_applied"),
    Exhibit("a run that lost records is gone on with", f"{STORE}index.JournalIndex.is_damaged", nothing_is_missing, ADOPTION + "test_damage_stops_the_runs_it_touches_by_name_and_no_other"),
    Exhibit("a line of the archive is whole because it is there", f"{STORE}archive.is_sound", there_is_one, ADOPTION + "test_a_line_of_the_archive_that_a_power_cut_emptied_is_written_again_from_the_journal"),
    Exhibit("a journal goes before what is over in it is synced", f"{STORE}archive_writer.ArchiveWriter._sync", nothing_to_sync, "tests/disk/test_renewal.py::test_no_journal_goes_before_what_is_over_in_it_is_synced"),
    Exhibit("a torn tail is cut off and not kept", f"{STORE}dead_journals.set_torn_tail_aside", cut_off_for_good, ADOPTION + "test_a_torn_tail_is_kept_aside_with_the_reason_and_nothing_is_glued_to_it"),
    Exhibit("after a failed sync it is tried again", f"{STORE}journal.JournalFile._poison", goes_on, JOURNAL + "test_after_a_failure_nobody_can_judge_nothing_is_written_or_synced_again"),
    Exhibit("what was half written stays", f"{STORE}journal.JournalFile._take_back", kept_half, JOURNAL + "test_no_room_takes_back_what_was_half_written_and_says_so"),
    Exhibit("a hole of zeros in a document is believed", f"{STORE}documents._check", whatever_it_says, BYTES + "test_a_hole_of_zeros_in_what_is_over_is_not_believed[document]"),
    Exhibit("another key is taken for the store's", f"{STORE}layout.digest_of_key", any_key, OWN + "test_no_damage_to_the_key_or_store_json_is_another_key[key]"),
    Exhibit("a lost ticket lets another run in", f"{STORE}queues.Queues._give_back", who_has_none_gets_none, OWN + "test_a_run_whose_ticket_is_lost_keeps_its_turn"),
)  # fmt: skip
