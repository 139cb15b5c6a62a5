"""What holds up what among the children of one container, counted and not searched (Kahn's algorithm, 1962).

Forward, a child waits for those in its `needs`; backward the same edges are reversed: it waits for those that need it. A
child that has got through lets go those that wait for it; one that is let go by all is open. Nothing that got through is
ever in the way again, but for a person's word, after which everything is asked anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from flowdsl.plan.nodes import AnyNode


class Gate(Struct):
    """By position: how many are still in the way, which wait for it, and whether it has got through."""

    in_the_way: list[int]
    waiting: list[list[int]]
    through: list[bool]

    @classmethod
    def of(cls, children: tuple[AnyNode, ...], *, backward: bool) -> Gate:
        needs = [list(node.needs) for node in children]
        needed_by: list[list[int]] = [[] for _ in children]
        for position, node in enumerate(children):
            for need in node.needs:
                needed_by[need].append(position)
        held_by, waiting = (needed_by, needs) if backward else (needs, needed_by)
        return cls([len(by) for by in held_by], waiting, [False] * len(children))

    def is_open(self, position: int) -> bool:
        return self.in_the_way[position] == 0

    def pass_through(self, position: int, through: bool) -> Iterator[int]:
        """Those that are open from now on."""
        assert through or not self.through[position], "what is over does not become un-over"
        if through and not self.through[position]:
            self.through[position] = True
            for waiting in self.waiting[position]:
                self.in_the_way[waiting] -= 1
                if self.is_open(waiting):
                    yield waiting
