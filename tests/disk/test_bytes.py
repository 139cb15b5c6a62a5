"""Every cut and every flipped bit of what real runs left: a torn tail or named damage, and nothing changed is believed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flowdsl.errors import InputError, StoreError
from flowdsl.plan.values import Json
from flowdsl.world.store.archive import Archive
from flowdsl.world.store.catalogue import Catalogue
from flowdsl.world.store.documents import Documents
from flowdsl.world.store.layout import StoreLayout
from flowdsl.world.store.line import read_line
from tests.counts import count
from tests.disk.journals import DECLINED, died, flipped, journal_of, read
from tests.lives.machine import RUN, OneRun
from tests.lives.simdisk import SimDisk
from tests.lives.stage import TRIP
from tests.lives.virtual import at_once
from tests.world.store.kit import (
    ENDED,
    ROOT,
    created,
    document,
    events_of,
    facts,
    intent,
    old_store,
    put,
    run,
    sim_store,
)

DOCUMENT, LINE = ROOT / "runs" / "a.json", ROOT / "archive" / "1.jsonl"
SCENES = pytest.mark.parametrize("inputs", [TRIP, DECLINED], ids=["trip", "declined"])


@SCENES
def test_a_cut_anywhere_leaves_whole_batches_and_a_torn_tail(inputs: dict[str, Json]) -> None:
    # given
    one = died(inputs)
    path = journal_of(one.disk)
    data = one.disk.content(path)
    _, whole = read(path, data)
    ends = 0
    # when
    for size in range(len(data)):
        index, believed = read(path, data[:size])
        # then
        assert not index.damages
        records = believed.get(RUN, [])
        assert records == whole[RUN][: len(records)]
        assert index.end <= size
        ends += index.end == size
    assert ends > 1
    count("truncations of a journal", len(data))


@SCENES
def test_every_flipped_bit_is_damage_that_is_named_and_sends_nothing_twice(
    inputs: dict[str, Json], *, full: bool
) -> None:
    """Flips that are read alike are recovered from alike: of each kind one goes through the engine.

    The small size reads the journal anew only where a line is not simply refused, and once for each line.
    """
    # given
    one = died(inputs)
    path = journal_of(one.disk)
    data = one.disk.content(path)
    _, whole = read(path, data)
    kinds: dict[object, int] = {}
    refused = 0
    # when
    for start, end in _lines(data):
        for bit in range(start * 8, end * 8):
            if not full and bit != start * 8 and _is_simply_refused(data, start, end, bit):
                refused += 1
                continue
            index, believed = read(path, flipped(data, bit))
            # then nothing is believed of a run that lost something, not even where the last batch is hurt
            assert index.damages, f"bit {bit % 8} of byte {bit // 8}"
            assert believed in ({}, whole)
            kinds.setdefault((tuple(index.damages), index.end, bool(believed)), bit)
    count("bit flips in a journal", len(data) * 8)
    assert full or refused > len(data) * 7
    # and it is refused, nothing is sent, and not a byte of it is deleted
    replayed = list(kinds.values())[:: 1 if full else 2]
    stopped = sum(_is_stopped(inputs, bit) for bit in replayed)
    assert stopped > len(replayed) / 2
    count("flipped bits replayed through the engine", len(replayed))


def _lines(data: bytes) -> Iterator[tuple[int, int]]:
    """Each with its newline."""
    start = 0
    for line in data.splitlines(keepends=True):
        yield start, start + len(line)
        start += len(line)


def _is_simply_refused(data: bytes, start: int, end: int, bit: int) -> bool:
    """It is still one line, between the same two, and no line any more. At the end of the journal nothing is simple."""
    if end == len(data) or bit // 8 == end - 1:
        return False
    line = flipped(data[start : end - 1], bit - start * 8)
    return b"\n" not in line and read_line(line) is None


def _is_stopped(inputs: dict[str, Json], bit: int) -> bool:
    one = died(inputs)
    path = journal_of(one.disk)
    hurt = flipped(one.disk.content(path), bit)
    one.disk.overwrite(path, hurt)
    sent = len(one.app.requests)
    error = _failure_of(one)
    if error is None:
        return False
    assert error.code == "F203"
    assert len(one.app.requests) == sent
    assert one.disk.content(path) == hurt
    return True


def test_a_flipped_bit_stops_the_runs_it_may_have_touched_and_no_other(*, full: bool) -> None:
    # given three runs that took turns, one of which has moved on since
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        for name in "abc":
            await store.create(name, [created(name), intent()])
        await store.append("b", [ENDED])
        await store.append("c", facts(1, 2))
        await store.append("a", facts(3))
        await store.close()

    run(story())
    path = journal_of(disk)
    data = disk.content(path)
    _, whole = read(path, data)
    stopped = dict.fromkeys(whole, 0)
    bits = range(0, len(data) * 8, 1 if full else 3)
    for bit in bits:
        index, believed = read(path, flipped(data, bit))
        assert index.damages
        assert all(whole[name] == records for name, records in believed.items())
        for name in whole:
            stopped[name] += name not in believed
    assert 0 < stopped["b"] < len(bits) / 2, "what has ended is stopped by its own lines only"
    assert stopped["a"] < stopped["c"], "what moved on after the damage, without a gap, goes on"
    count("bit flips in a journal", len(bits))


def test_who_cuts_a_journal_where_its_last_damage_begins_goes_on() -> None:
    """As `fsck` says it: a person knows, then, what flowdsl cannot."""
    one = died()
    path = journal_of(one.disk)
    data = one.disk.content(path)
    one.disk.overwrite(path, flipped(data, 8 * (len(data) - 60)))
    store = sim_store(one.disk, read_only=True, root=path.parent.parent)
    (finding, *_) = at_once(store.fsck())
    assert "the last batch" in finding.help
    where = int(finding.explanation.split()[1])
    assert _failure_of(one) is not None
    one.disk.overwrite(path, data[:where])
    assert _failure_of(one) is None


def test_a_run_of_zeros_or_a_missing_end_is_torn_and_gone_on_with() -> None:
    one = died()
    path = journal_of(one.disk)
    data = one.disk.content(path)
    last = data[:-1].rindex(b"\n") + 1
    for tail in (b"", bytes(40), data[last : last + 40], data[last : last + 9] + bytes(30) + b"\n"):
        index, _ = read(path, data[:last] + tail)
        assert index.damages == []


EXPECTED = [created("a"), intent(), *facts(1, 22), ENDED]


def with_document() -> SimDisk:
    """A store of an older version, with the document of a run that ended."""
    disk = old_store()
    put(disk, DOCUMENT, document(EXPECTED))
    return disk


def with_line() -> SimDisk:
    """A store with the line of a run that ended, which has no other place."""
    disk = SimDisk()
    store = sim_store(disk)

    async def story() -> None:
        await store.start()
        await store.create("a", EXPECTED)
        await store.finish("a")
        await store.close()

    run(story())
    return disk


@pytest.mark.parametrize(
    ("disk", "path"), [(with_document(), DOCUMENT), (with_line(), LINE)], ids=["document", "line"]
)
def test_no_flipped_bit_and_no_cut_of_what_is_over_is_believed(disk: SimDisk, path: Path) -> None:
    data = disk.content(path)
    reader = sim_store(disk, read_only=True)
    damaged = 0
    changed = [flipped(data, bit) for bit in range(len(data) * 8)]
    for text in changed + [data[:size] for size in range(len(data))]:
        disk.overwrite(path, text)
        with suppress(StoreError, InputError):
            assert events_of(at_once(reader.events("a"))) == EXPECTED
            continue
        damaged += 1
    assert damaged > len(changed) / 2
    what = "a document" if path == DOCUMENT else "a line of the archive"
    count(f"bit flips and truncations of {what}", len(changed) + len(data))


@pytest.mark.parametrize(
    ("disk", "path"), [(with_document(), DOCUMENT), (with_line(), LINE)], ids=["document", "line"]
)
def test_a_hole_of_zeros_in_what_is_over_is_not_believed(disk: SimDisk, path: Path) -> None:
    """A power cut may leave a size whose bytes never came. Who took it for whole would delete the journal of its run."""
    data = disk.content(path)
    holes = 0
    for size in (1, 2, 16):
        for start in range(max(data.find(b'"events"'), 0), len(data) - size):
            disk.overwrite(path, data[:start] + bytes(size) + data[start + size :])
            documents = Documents(disk, StoreLayout(ROOT))
            catalogue = Catalogue(disk, StoreLayout(ROOT))
            if path == DOCUMENT:
                with pytest.raises(StoreError):
                    documents.read("a")
            else:
                assert Archive(disk, StoreLayout(ROOT), documents, catalogue).stand(["a"]) == {}
            holes += 1
    what = "a document" if path == DOCUMENT else "a line of the archive"
    count(f"holes of zeros in {what}", holes)


def test_a_document_written_before_there_were_checksums_is_still_read() -> None:
    disk = with_document()
    data = disk.content(DOCUMENT)
    assert b'],"check":"' in data
    disk.overwrite(DOCUMENT, data[: data.rindex(b',"check"')] + b"}\n")
    assert events_of(at_once(sim_store(disk, read_only=True).events("a"))) == EXPECTED


def _failure_of(one: OneRun) -> StoreError | None:
    """What came of going on; a run that could be is judged."""
    try:
        result, _ = one.live()
    except StoreError as error:
        return error
    assert result is not None
    one.judge(result)
    return None
