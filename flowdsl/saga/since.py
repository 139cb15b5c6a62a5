"""What two answers differ in: commands that went, and commands that came. What both share is not looked into."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flowdsl.saga.commands import Await, Begin, Command, Invoke, Queue, Sleep
from flowdsl.saga.progress import Progress
from flowdsl.saga.row import Row, Within, read


class Since(NamedTuple):
    """What was in flight and is no more, and what is to be from now on; decisions, which never are, left out.

    What is only let land is in neither: it was wanted before, and nothing that may take effect is ever cut off.
    """

    gone: list[Command]
    came: list[Command]


def since(before: Progress | None, now: Progress) -> Since:
    found = Since([], [])
    _compare(() if before is None else before.pieces[0], now.pieces[0], found)
    gone, came = set(found.gone), set(found.came)  # a command may have moved
    return Since(
        [command for command in found.gone if command not in came],
        [command for command in found.came if command not in gone],
    )


def _compare(before: Iterable[object], now: Iterable[object], found: Since) -> None:
    """Rows of the same container are compared place by place; others are listed whole."""
    before, now = tuple(before), tuple(now)
    olds = {(one.row.holder, one.row.order): one for one in before if isinstance(one, Within)}
    news = {(one.row.holder, one.row.order): one for one in now if isinstance(one, Within)}
    for place, old in olds.items():
        new = news.pop(place, None)
        if new is not None and new.row.length == old.row.length:
            _compare_rows(old.row, new.row, found)
        else:
            found.gone.extend(_in_flight(read([old])))
            found.came.extend(_in_flight(read([] if new is None else [new])))
    found.came.extend(_in_flight(read(news.values())))
    was, being = [*_in_flight(before)], [*_in_flight(now)]
    if was != being:
        found.gone.extend(was)
        found.came.extend(being)


def _compare_rows(before: Row, now: Row, found: Since) -> None:
    for old, new in zip(before.chunks, now.chunks, strict=True):
        if old is not new:
            for one, other in zip(old.parts, new.parts, strict=True):
                if one is not other:
                    _compare(one.said[0], other.said[0], found)


def _in_flight(pieces: Iterable[object]) -> list[Command]:
    return [one for one in pieces if isinstance(one, Invoke | Sleep | Await | Queue | Begin)]
