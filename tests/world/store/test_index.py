"""However a journal is hurt: what is read is what was written, and what may be missing is said by name."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowdsl.saga.codec import encode
from flowdsl.saga.events import Event
from flowdsl.world.store.index import JournalIndex
from flowdsl.world.store.journal import JournalFile, Record, RecordGroup, read_records
from flowdsl.world.store.line import Line, read_line, write_line
from tests.lives.simdisk import SimDisk
from tests.world.store.kit import ENDED, created, facts, intent

FOLDER = Path("/journals")
Batches = list[list[tuple[str, list[Event]]]]


def written(batches: Batches, writer: str = "w") -> tuple[bytes, list[int]]:
    """The bytes of a journal, and where each batch ends."""
    disk = SimDisk()
    disk.make_folder(FOLDER)
    journal = JournalFile.create(disk, FOLDER, writer)
    journal.publish()
    ends = [0]
    known: set[str] = set()
    for batch in batches:
        groups = []
        for run, events in batch:
            records = tuple(Record(1000, encode(event)) for event in events)
            groups.append(RecordGroup(run, records, None if run in known else 1))
            known.add(run)
        journal.kept(journal.write(groups))
        ends.append(journal.size)
    return disk.content(journal.path), ends


BATCHES: Batches = [
    [("a", [created("a"), intent()]), ("b", [created("b")])],
    [("a", facts(1)), ("b", facts(2, 3))],
    [("b", [ENDED])],
    [("a", facts(4))],
    [("c", [created("c")]), ("a", facts(5, 6))],
]
WHOLE, ENDS = written(BATCHES)
Seen = dict[str, list[bytes]]


def seen(data: bytes, writer: str = "w") -> tuple[JournalIndex, Seen]:
    """The index, and the events of all runs that it vouches for."""
    index = JournalIndex(writer)
    index.read(data)
    runs = {}
    for run, entry in index.entries.items():
        if not index.is_damaged(entry):
            found = read_records(lambda offset, size: data[offset : offset + size], entry)
            runs[run] = [record.data for _, record in found]
    return index, runs


def prefix(count: int) -> Seen:
    """What the first so many batches say."""
    runs: Seen = {}
    for batch in BATCHES[:count]:
        for run, events in batch:
            runs.setdefault(run, []).extend(map(encode, events))
    return runs


def whole_batches(size: int) -> int:
    return sum(end <= size for end in ENDS[1:])


def vouched_for_is_true(data: bytes) -> None:
    """A hurt journal: a prefix of whole batches, or damage; and each run that is vouched for is as far as that goes."""
    index, runs = seen(data)
    everything = prefix(len(BATCHES))
    if not index.damages:
        assert runs == prefix(whole_batches(index.end))
        return
    for run, events in runs.items():
        assert events == everything[run][: len(events)]
        if len(events) < len(everything[run]):
            # only the torn tail may be missing
            assert events in [prefix(count).get(run) for count in range(len(BATCHES))]


def test_a_sound_journal_is_read_whole() -> None:
    index, runs = seen(WHOLE)
    assert (index.end, index.damages, runs) == (len(WHOLE), [], prefix(5))


def test_every_truncation_leaves_exactly_the_whole_batches() -> None:
    for size in range(len(WHOLE)):
        index, runs = seen(WHOLE[:size])
        count = whole_batches(size)
        assert (runs, index.end, index.damages) == (prefix(count), ENDS[count], [])


def test_every_flipped_bit_is_noticed() -> None:
    for position in range(len(WHOLE)):
        hurt = bytearray(WHOLE)
        hurt[position] ^= 1 << (position % 8)
        batch = whole_batches(position)
        index, runs = seen(bytes(hurt))
        vouched_for_is_true(bytes(hurt))
        if batch == len(BATCHES) - 1:  # it came in whole: it may have been acknowledged
            assert set(runs) <= {"b"}, "only what has ended can be known to have lost nothing"
            assert len(index.damages) == 1
        else:
            assert len(index.damages) == 1
            assert index.damages[0].start <= position < index.damages[0].end
            whole = runs.get("a", prefix(5)["a"])
            assert whole == prefix(5)["a"], (
                "it went on after the damage: vouched for whole, or not at all"
            )


def test_a_run_with_no_gap_around_the_damage_is_not_touched_by_it() -> None:
    lines = _lines(WHOLE)
    hurt = next(n for n, line in enumerate(lines) if b'"b"' in line and b"timer-2" in line)
    lines[hurt] = lines[hurt].replace(b"timer-2", b"timer-X")
    index, runs = seen(b"".join(lines))
    assert len(index.damages) == 1
    assert runs == {run: events for run, events in prefix(5).items() if run != "b"}
    assert index.is_damaged(index.entries["b"])


def test_a_run_that_was_open_and_is_not_heard_of_after_the_damage_may_have_lost_lines() -> None:
    without_the_last = WHOLE[: ENDS[4]]
    hurt = bytearray(without_the_last)
    hurt[ENDS[1] + 50] ^= 1
    assert "a" not in seen(bytes(hurt))[1], "a line of its own was hurt"
    index, runs = seen(_hurt_line(WHOLE[: ENDS[3]], b"timer-1"))
    assert index.damages
    assert "a" not in runs


def test_a_run_that_ended_before_the_damage_is_not_touched_by_it() -> None:
    hurt = bytearray(WHOLE)
    hurt[ENDS[3] + 50] ^= 1
    index, runs = seen(bytes(hurt))
    assert index.damages
    assert runs["b"] == prefix(5)["b"]
    assert runs["c"] == prefix(5)["c"], "it began after the damage"


def test_a_run_whose_lines_were_lost_between_two_others_is_named() -> None:
    without = WHOLE[: ENDS[1]] + WHOLE[ENDS[2] :]  # a whole batch, cut out cleanly
    index, runs = seen(without)
    assert index.damages
    assert set(runs) == {"c"}
    assert index.is_damaged(index.entries["a"])


def _hurt_line(data: bytes, holding: bytes) -> bytes:
    return data.replace(holding, b"timer-X", 1)


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


@pytest.mark.parametrize("seed", range(200))
def test_lines_dropped_doubled_and_swapped_change_no_fact(seed: int) -> None:
    chance = random.Random(seed)
    lines = _lines(WHOLE)
    for _ in range(chance.randint(1, 3)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.choice(["drop", "double", "swap", "hole", "garbage"]):
            case "drop":
                lines[at] = b""
            case "double":
                lines[at] *= 2
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "hole":
                lines[at] = bytes(len(lines[at]))
            case "garbage":
                lines[at] = chance.randbytes(len(lines[at]))
    vouched_for_is_true(b"".join(lines))


@given(st.binary(max_size=300), st.integers(0, len(WHOLE)))
def test_bytes_of_others_in_it_change_no_fact(extra: bytes, position: int) -> None:
    vouched_for_is_true(WHOLE[:position] + extra + WHOLE[position:])


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8))
def test_it_is_read_bit_by_bit_as_it_is_read_at_once(cuts: list[int]) -> None:
    index = JournalIndex("w")
    for cut in sorted([*cuts, len(WHOLE)]):
        index.read(WHOLE[index.end : cut])
    assert index == seen(WHOLE)[0]


def test_what_stands_behind_a_torn_tail_later_makes_it_damage() -> None:
    hurt = bytearray(WHOLE)
    hurt[ENDS[2] + 60] ^= 1
    index = JournalIndex("w")
    index.read(bytes(hurt[: ENDS[3] - 1]))
    assert not index.damages, "nothing proves yet that this batch was synced"
    index.read(bytes(hurt[index.end :]))
    assert index.damages
    assert index.is_damaged(index.entries["b"])


def test_a_last_batch_that_came_in_whole_and_is_wrong_is_damage_and_no_torn_tail() -> None:
    # given a batch that was acknowledged, with one bit changed since
    hurt = bytearray(WHOLE)
    hurt[ENDS[4] + 60] ^= 1
    index, runs = seen(bytes(hurt))
    # then no run is gone on with as if its last records had never been
    assert [(each.start, each.end) for each in index.damages] == [(ENDS[4], len(WHOLE))]
    assert set(runs) == {"b"}
    # but for what a cut write leaves
    for tail in (bytes(60), WHOLE[ENDS[4] : -1], WHOLE[ENDS[4] : -90] + bytes(89) + b"\n"):
        index, runs = seen(WHOLE[: ENDS[4]] + tail)
        assert (index.damages, runs) == ([], prefix(4))


def test_a_journal_under_another_name_is_not_taken_for_another_journal() -> None:
    index, runs = seen(WHOLE, writer="v")
    assert index.damages
    assert "a" not in runs


def test_a_stale_driver_is_never_applied() -> None:
    index = JournalIndex("w")
    for offset, epoch, sequence in [(0, 2, 1), (10, 1, 1), (20, 2, 2)]:
        index.add(offset, line(epoch, sequence))
    assert list(index.entries["a"].offsets) == [0, 20]
    assert not index.is_damaged(index.entries["a"])


def line(epoch: int, sequence: int, data: bytes = b"{}") -> Line:
    return Line(b"", 1, 1, b"0" * 32, 0, "a", sequence, epoch, end=True, data=data)


def test_a_first_fact_that_only_a_newer_flowdsl_can_read_hurts_its_run_alone() -> None:
    index = JournalIndex("w")
    index.add(0, line(1, 1, b'{"t":"created","run":7}'))
    assert index.is_damaged(index.entries["a"])


def test_a_line_is_read_as_it_was_written() -> None:
    digest, text = write_line(line(3, 4))
    found = read_line(text[:-1])
    assert found is not None
    assert (found.hash, found.epoch, found.sequence, found.run) == (digest, 3, 4, "a")
    assert text.isascii()


@given(st.binary(max_size=200))
def test_no_bytes_are_taken_for_a_line_by_chance(text: bytes) -> None:
    assert read_line(text) is None
