"""Journals of real runs, as a dead process leaves them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json
from flowdsl.world.store.index import JournalIndex
from flowdsl.world.store.journal import read_records
from tests.lives.machine import OneRun
from tests.lives.simdisk import SimDisk
from tests.lives.stage import TRIP, workflow

DECLINED: dict[str, Json] = {**TRIP, "card": "tok_declined"}
Records = dict[str, list[bytes]]


def died(inputs: dict[str, Json] = TRIP, share: float = 0.8) -> OneRun:
    """A trip whose process was killed after that share of its life."""
    one = OneRun(_plan(), inputs)
    assert one.live(round(_points(str(inputs["card"])) * share))[0] is None
    return one


@cache
def _plan() -> Plan:
    return workflow("trip.yaml")


@cache
def _points(card: str) -> int:
    return OneRun(_plan(), {**TRIP, "card": card}).live()[1]


def journal_of(disk: SimDisk) -> Path:
    (journal,) = [
        path
        for path in disk.files()
        if path.parent.name == "journals" and path.suffix == ".jsonl" and path.name[0] != "."
    ]
    return journal


def read(path: Path, data: bytes) -> tuple[JournalIndex, Records]:
    """What is believed of these bytes: the records of each run that is not refused."""
    index = JournalIndex(path.stem)
    index.read(data)
    believed = {
        run: [record.data for _, record in read_records(lambda o, n: data[o : o + n], entry)]
        for run, entry in index.entries.items()
        if not index.is_damaged(entry)
    }
    return index, believed


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
