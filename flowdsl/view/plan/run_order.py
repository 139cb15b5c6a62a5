"""What runs before what: a set of leaves is one number, so that a thousand steps are weighed against a thousand at once.

The order is that of the flat graph (`language/lower/flatten.py`), computed on the tree along `needs`: between two large
groups the graph has as many edges as the product of their steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import TypeAlias, assert_never

from msgspec import Struct, field

from flowdsl.plan.address import Address, enclosing, to_template
from flowdsl.plan.nodes import AnyNode, Block, Call, Confirm, Detach, ForEach, Local, Plan, Switch
from flowdsl.plan.unfold import inside

Bits: TypeAlias = int  # a set of leaves: a bit for each


class RunOrder(Struct, frozen=True):
    """`leaves` as they run, the bit of each at its place. `inside`: by address, what is in it. `before`, `after`: by leaf.

    `alike`: the items of one list, each step of it a set.
    """

    leaves: tuple[Address, ...]
    bit: dict[Address, Bits]
    inside: dict[Address, Bits]
    before: dict[Address, Bits]
    after: dict[Address, Bits]
    alike: tuple[Bits, ...]

    def last(self, bits: Bits) -> Address:
        return self.leaves[bits.bit_length() - 1]


class Leaves(Struct, frozen=True):
    """Some of the leaves, the last to run first: as they are undone."""

    order: RunOrder
    bits: Bits

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __iter__(self) -> Iterator[Address]:
        text = f"{self.bits:b}"
        at = text.find("1")
        while at >= 0:
            yield self.order.leaves[len(text) - 1 - at]
            at = text.find("1", at + 1)

    def by_list(self) -> tuple[int, Iterator[Address]]:
        """How many and which, several items of one list as the step of the list."""
        bits, several = self.bits, 0
        for alike in self.order.alike:
            both = bits & alike
            if both.bit_count() > 1:
                first = 1 << both.bit_length() - 1
                several |= first
                bits ^= both ^ first
        of_lists = set(Leaves(self.order, several)) if several else ()
        each = Leaves(self.order, bits)
        return len(each), (to_template(one) if one in of_lists else one for one in each)


def run_order(plan: Plan) -> RunOrder:
    """Of all that is below the root; what could run at the same time in the order of the file, from its end."""
    age = _Walk(max)
    age.over(plan.root, 0)
    backward = sorted(age.found, key=lambda address: -age.found[address])
    leaves = tuple(backward[::-1])
    bit = {address: 1 << place for place, address in enumerate(leaves)}
    before, after = _Walk(_union, bit), _Walk(_union, bit, back=True)
    before.over(plan.root, 0)
    after.over(plan.root, 0)
    inside_of: dict[Address, Bits] = defaultdict(int)
    of_step: dict[Address, Bits] = defaultdict(int)
    for address, own in bit.items():
        of_step[to_template(address)] |= own
        for around in enclosing(address):
            inside_of[around] |= own
    alike = tuple(bits for bits in of_step.values() if bits.bit_count() > 1)
    return RunOrder(leaves, bit, dict(inside_of), before.found, after.found, alike)


class _Walk(Struct, frozen=True):
    """Along the order, or `back`: a number for each leaf, `join`ed of all that comes before it.

    What a leaf adds to it is its own bit; without bits 1, and the numbers are generations.
    """

    join: Callable[[Iterable[int]], int]
    bit: dict[Address, Bits] | None = None
    back: bool = False
    found: dict[Address, int] = field(default_factory=dict)

    def over(self, node: AnyNode, sofar: int) -> int:
        """`sofar`: of what the node waits for. The same of what waits for the node."""
        match node:
            case Block(children=children):
                return self._in_order(children, sofar)
            case Switch() | ForEach():
                return self.join([sofar, *(self.over(each, sofar) for each in inside(node))])
            case Call() | Confirm() | Detach() | Local():
                if self.back:
                    return self._leaf(node.address, self._in_order(inside(node), sofar))
                return self._in_order(inside(node), self._leaf(node.address, sofar))
            case _:
                assert_never(node)

    def _leaf(self, address: Address, sofar: int) -> int:
        self.found[address] = sofar
        return sofar + 1 if self.bit is None else sofar | self.bit[address]

    def _in_order(self, children: tuple[AnyNode, ...], sofar: int) -> int:
        if not children:
            return sofar
        waits = [child.needs for child in children]
        waits = _turned(waits) if self.back else waits
        places = range(len(children))[:: -1 if self.back else 1]
        over: dict[int, int] = {}
        for place in places:
            earlier = [over[other] for other in waits[place]]
            over[place] = self.over(children[place], self.join(earlier) if earlier else sofar)
        return self.join([sofar, *over.values()])


def _turned(needs: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Who waits for each, instead of whom each waits for."""
    later: list[list[int]] = [[] for _ in needs]
    for place, earlier in enumerate(needs):
        for other in earlier:
            later[other].append(place)
    return [tuple(places) for places in later]


def _union(sets: Iterable[Bits]) -> Bits:
    return reduce(or_, sets, 0)
