"""The items of a `for_each`: which may begin, which have won, and what becomes of the others.

With `all`, items are children like any other. Otherwise each item is a scope of its own: it turns alone when it fails or
loses, whatever it answers and whenever, and nothing of it may be left before the list is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.plan.address import Address
from flowdsl.plan.nodes import AnyNode, ForEach
from flowdsl.saga.commands import Decide
from flowdsl.saga.events import Chosen, Failure, Turned
from flowdsl.saga.walk import OVER_OK, PENDING, RUNNING, SKIPPED, Stand, Walk

Onward: TypeAlias = Callable[[AnyNode, Address], Stand]  # an item forward, in the scope it turns in
Back: TypeAlias = Callable[[AnyNode], Stand]  # an item that has turned alone

LOST = "lost"


class Collector(Struct, frozen=True):
    """One list in one ask. `scope` is what turns when the list fails."""

    walk: Walk
    each: ForEach
    scope: Address
    onward: Onward
    back: Back

    @property
    def items(self) -> tuple[AnyNode, ...]:
        assert self.each.branches is not None, "an expanded list has items"
        return self.each.branches

    @property
    def winners(self) -> tuple[int, ...] | None:
        return self.walk.state.chosen.get(self.each.address)


def collect(collector: Collector) -> tuple[Stand, Failure | None]:
    """Where the list stands, and why it has failed, if it has."""
    walk = collector.walk
    stands = _walk_items(collector)
    walk.stands.update({item.address: stands[item.address] for item in collector.items})
    all_over = all(stand.over for stand in stands.values())
    if collector.each.collect in ("all", "settled"):
        return (OVER_OK if all_over else RUNNING), None
    return _choose(collector, stands, all_over=all_over)


def _walk_items(collector: Collector) -> dict[Address, Stand]:
    """Those that have begun first: how many are on their way says how many more may begin."""
    walk = collector.walk
    stands: dict[Address, Stand] = {}
    fresh: list[AnyNode] = []
    for position, item in enumerate(collector.items):
        if item.address in walk.state.items:
            stands[item.address] = _begun_item(collector, position, item)
        else:
            fresh.append(item)
    most = collector.each.max_parallel or len(collector.items)
    on_their_way = sum(not stand.over for stand in stands.values())
    for item in fresh:
        if collector.winners is not None:
            stand = SKIPPED
        elif on_their_way >= most:
            stand = PENDING
        else:
            stand = _onward(collector, item)
            on_their_way += not stand.over
        stands[item.address] = stand
    return stands


def _begun_item(collector: Collector, position: int, item: AnyNode) -> Stand:
    walk, here = collector.walk, item.address
    turned = walk.state.turned.get(here)
    if turned is not None and collector.each.collect != "all":
        stand = collector.back(item)
        if collector.each.collect == "settled":
            walk.warnings.append(turned.failure)  # of a list of which some may fail, it says why
        return stand
    winners = collector.winners
    if winners is not None and position not in winners:
        failure = Failure(Code.LOST_TO_ANOTHER, "other items were chosen", here)
        walk.commands.append(Decide(Turned(here, LOST, failure)))
        return RUNNING
    return _onward(collector, item)


def _onward(collector: Collector, item: AnyNode) -> Stand:
    if collector.each.collect == "all":
        return collector.onward(item, collector.scope)
    walk, here = collector.walk, item.address
    stand = collector.onward(item, here)
    if here in walk.causes:
        walk.commands.append(Decide(Turned(here, "refused", walk.causes[here])))
    return stand


def _choose(
    collector: Collector, stands: dict[Address, Stand], *, all_over: bool
) -> tuple[Stand, Failure | None]:
    """Once enough have succeeded, they have won for good."""
    walk, each, items = collector.walk, collector.each, collector.items
    if collector.winners is not None:
        return (OVER_OK if all_over else RUNNING), None
    won = [i for i, item in enumerate(items) if _succeeded(walk, item, stands[item.address])]
    if len(won) >= each.quorum:
        walk.commands.append(Decide(Chosen(each.address, tuple(won[: each.quorum]))))
        return RUNNING, None
    lost = [item for item in items if _is_lost(walk, item, stands[item.address])]
    if len(items) - len(lost) >= each.quorum:
        return RUNNING, None
    if walk.state.committed and not all_over:
        return RUNNING, None  # by then nothing of the losers is left
    return RUNNING, _too_few(collector, lost)


def _succeeded(walk: Walk, item: AnyNode, stand: Stand) -> bool:
    return stand.over and stand.state != "skipped" and item.address not in walk.state.turned


def _is_lost(walk: Walk, item: AnyNode, stand: Stand) -> bool:
    skipped = stand.over and stand.state == "skipped"
    return skipped or item.address in walk.state.turned or item.address in walk.causes


def _too_few(collector: Collector, lost: list[AnyNode]) -> Failure:
    """The failure of the first item that did not make it says most; without one, that there are too few items."""
    walk, each = collector.walk, collector.each
    for item in lost:
        turned = walk.state.turned.get(item.address)
        failure = turned.failure if turned is not None else walk.causes.get(item.address)
        if failure is not None:
            return failure
    wanted = "one was to succeed" if each.quorum == 1 else f"{each.quorum} were to succeed"
    message = f"there are {len(collector.items)} items to go through, and {wanted}"
    return Failure(Code.TOO_FEW_ITEMS, message, each.address)
