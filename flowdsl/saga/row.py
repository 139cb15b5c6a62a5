"""What the children of a container said when they were last asked, as values that later answers share.

A `Row` is the parts of all of them in chunks of 128: with another part in one place it is a new row of the same chunks but
one. Each chunk counts what is in it, so that "is there a command", "who has failed" or "the first decision" look only
where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import MappingProxyType
from typing import Literal, TypeAlias, assert_never, cast

from msgspec import Struct

from flowdsl.plan.address import Address
from flowdsl.plan.nodes import AnyNode, Local
from flowdsl.saga.commands import Await, Begin, Command, Decide, Invoke, Queue, Sleep
from flowdsl.saga.events import Failure
from flowdsl.saga.stand import PENDING, RANKED, SKIPPED, Stand, StepState
from flowdsl.saga.state import NO_CALL, State

Kind: TypeAlias = Literal["commands", "stuck", "residue", "waiting", "warnings"]
Order: TypeAlias = Literal["forward", "backward", "begun first"]

KINDS: tuple[Kind, ...] = ("commands", "stuck", "residue", "waiting", "warnings")
CHUNK = 128
# What is counted, each in its own bits of one number: sums of all of them are added and subtracted at once.
LANES = (
    *KINDS, "open", "causes", "decisions", "busy", "flying", "idle", "won", "lost",
    *(f"looks {state}" for state in RANKED),
)  # fmt: skip
LANE_BITS = 24  # items of lists in lists, and more, are never that many
_SHIFTS = MappingProxyType({lane: LANE_BITS * place for place, lane in enumerate(LANES)})
_ONE = MappingProxyType({lane: 1 << shift for lane, shift in _SHIFTS.items()})
_MASK = (1 << LANE_BITS) - 1


class Within(Struct, frozen=True):
    """All of one kind that a row says, in the place where its container said it."""

    row: Row
    kind: Kind


class Later(Struct, frozen=True):
    """What is looked for once somebody reads it: it follows from the plan and the state alone."""

    read: Callable[[], Iterable[object]]


Piece: TypeAlias = Within | Later


class Part(Struct, frozen=True):
    """What one child said. `cause`: why what it is in has to turn. `is_fresh`: an item of which nothing is known."""

    stand: Stand
    row: Row | None = None
    cause: Failure | None = None
    said: tuple[tuple[object, ...], ...] = ((),) * len(KINDS)  # by kind
    sums: int = 0
    is_fresh: bool = False


def read(pieces: Iterable[object], lane: str = "") -> Iterator[object]:
    """What the pieces say, one by one. `lane`: only what is below parts that count something there."""
    for piece in pieces:
        match piece:
            case Within(row=row, kind=kind):
                for _, part in row.having(lane or kind):
                    yield from read(part.said[KINDS.index(kind)], lane)
            case Later():
                yield from piece.read()
            case _:
                yield piece


def count_of(sums: int, lane: str) -> int:
    return sums >> _SHIFTS[lane] & _MASK


def sums_of(
    state: State, node: AnyNode, stand: Stand, said: tuple[tuple[object, ...], ...], *lanes: str
) -> int:
    """Of one part: how it stands itself, and what it says with all that is below it."""
    sums = sum(_ONE[lane] for lane in lanes) + (0 if stand.over else _ONE["open"])
    look = "kept" if stand.state == "ok" and isinstance(node, Local) else stand.state
    sums += _ONE.get(f"looks {look}", 0)
    for kind, pieces in zip(KINDS, said, strict=True):
        for piece in pieces:
            if isinstance(piece, Within):
                sums += _ONE[kind] * piece.row.count(kind)
                if kind == "commands":
                    for lane in ("decisions", "busy", "flying"):
                        sums += _ONE[lane] * piece.row.count(lane)
            else:
                sums += _ONE[kind]
                if kind == "commands":
                    sums += _of_command(state, node.address, stand, cast("Command | Later", piece))
    return sums


def _of_command(state: State, here: Address, stand: Stand, command: Command | Later) -> int:
    match command:
        case Await():
            return 0
        case Sleep(timer=timer) if timer == here and stand.state == "waiting":
            return 0
        case Decide():
            return _ONE["busy"] + _ONE["decisions"]
        case Invoke(call=call) if state.calls.get(call, NO_CALL).flying:
            return _ONE["busy"] + _ONE["flying"]
        case Sleep() | Invoke() | Queue() | Begin() | Later():
            return _ONE["busy"]
        case _:
            assert_never(command)


NOT_READY = Part(PENDING, sums=_ONE["open"])  # and nothing in it is
IDLE = Part(PENDING, sums=_ONE["open"] + _ONE["idle"], is_fresh=True)  # an item that may not begin
PASSED_OVER = Part(SKIPPED)


class Chunk(Struct, frozen=True):
    parts: tuple[Part, ...]
    sums: int


class Row(Struct, frozen=True):
    """`holder`: the container. `order`: in which its children are asked, and read."""

    holder: Address
    order: Order
    chunks: tuple[Chunk, ...]
    sums: int
    length: int

    @classmethod
    def of(cls, holder: Address, order: Order, part: Part, length: int) -> Row:
        """All children say the same."""
        sizes = (min(CHUNK, length - start) for start in range(0, length, CHUNK))
        chunks = tuple(Chunk((part,) * size, part.sums * size) for size in sizes)
        return cls(holder, order, chunks, part.sums * length, length)

    def put(self, position: int, part: Part) -> Row:
        at, place = divmod(position, CHUNK)
        chunk = self.chunks[at]
        more = part.sums - chunk.parts[place].sums
        parts = (*chunk.parts[:place], part, *chunk.parts[place + 1 :])
        changed = Chunk(parts, chunk.sums + more)
        chunks = (*self.chunks[:at], changed, *self.chunks[at + 1 :])
        return Row(self.holder, self.order, chunks, self.sums + more, self.length)

    def count(self, lane: str) -> int:
        return count_of(self.sums, lane)

    def __getitem__(self, position: int) -> Part:
        return self.chunks[position // CHUNK].parts[position % CHUNK]

    def parts(self) -> Iterator[Part]:
        for chunk in self.chunks:
            yield from chunk.parts

    def having(self, lane: str) -> Iterator[tuple[int, Part]]:
        """The parts that count something there, with their positions, in the order in which they are asked."""
        if not self.count(lane):
            return
        match self.order:
            case "forward":
                yield from self._in_place(lane)
            case "backward":
                yield from reversed([*self._in_place(lane)])
            case "begun first":
                found = [*self._in_place(lane)]
                yield from (one for one in found if not one[1].is_fresh)
                yield from (one for one in found if one[1].is_fresh)

    def _in_place(self, lane: str) -> Iterator[tuple[int, Part]]:
        for at, chunk in enumerate(self.chunks):
            if count_of(chunk.sums, lane):
                for position, part in enumerate(chunk.parts, at * CHUNK):
                    if count_of(part.sums, lane):
                        yield position, part

    def cause(self) -> Failure | None:
        """The first reason to turn."""
        return next((part.cause for _, part in self.having("causes")), None)

    def looks(self) -> StepState:
        """As a group looks: like the furthest of what is in it."""
        return next((state for state in RANKED if self.count(f"looks {state}")), "pending")
