"""The items of a `for_each`: which may begin, which have won, and what becomes of the others.

With `all`, items are children like any other. Otherwise each item is a scope of its own: it turns alone when it fails or
loses, whatever it answers and whenever, and nothing of it may be left before the list is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from flowdsl.codes import Code
from flowdsl.plan.address import Address
from flowdsl.plan.nodes import AnyNode, ForEach
from flowdsl.saga.commands import Decide
from flowdsl.saga.events import Chosen, Failure, Turned
from flowdsl.saga.stand import OVER_OK, PENDING, RUNNING, SKIPPED, Stand
from flowdsl.saga.walk import Form, Walk

Onward: TypeAlias = Callable[[Walk, AnyNode, Address], Stand]  # an item forward, in its scope
Back: TypeAlias = Callable[[Walk, AnyNode], Stand]  # an item that has turned alone

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

    @property
    def form(self) -> Form:
        return Form("begun first", self.scope, chosen=self.winners is not None)

    def scope_of(self, item: AnyNode) -> Address:
        """What turns when an item fails."""
        return self.scope if self.each.collect == "all" else item.address


class Tally(Struct, frozen=True):
    """How a list is doing. `wins` are the positions of those that have won; `losses`, why each that has not failed, where
    that is known. Both are read no further than they are needed.
    """

    is_over: bool
    won: int
    lost: int
    wins: Iterable[int]
    losses: Iterable[Failure | None]


def collect(collector: Collector) -> tuple[Stand, Failure | None]:
    """Where the list stands, and why it has failed, if it has."""
    remembers = collector.walk.memory is not None
    tally = _remembered(collector) if remembers else _walked(collector)
    if collector.each.collect in ("all", "settled"):
        return (OVER_OK if tally.is_over else RUNNING), None
    return _choose(collector, tally)


def _walked(collector: Collector) -> Tally:
    """Those that have begun first: how many are on their way says how many more may begin."""
    walk, items = collector.walk, collector.items
    begun = [at for at, item in enumerate(items) if item.address in walk.state.items]
    stands = {at: _ask_item(collector, at) for at in begun}
    on_their_way = sum(not stand.over for stand in stands.values())
    for at in range(len(items)):
        if at not in stands:
            may = _may_begin(collector, on_their_way)
            stands[at] = _ask_item(collector, at) if may else PENDING
            on_their_way += may and not stands[at].over
    walk.stands.update({item.address: stands[at] for at, item in enumerate(items)})
    won = [at for at, item in enumerate(items) if _succeeded(walk, item, stands[at])]
    lost = [item for at, item in enumerate(items) if _is_lost(walk, item, stands[at])]
    is_over = all(stand.over for stand in stands.values())
    losses = (_loss_of(walk, item, walk.causes.get(item.address)) for item in lost)
    return Tally(is_over, len(won), len(lost), won, losses)


def _remembered(collector: Collector) -> Tally:
    walk, items = collector.walk, collector.items
    assert walk.memory is not None
    may, ask = partial(_may_begin, collector), partial(_ask_for_itself, collector)
    row = walk.memory.items(collector.each.address, items, collector.form, ask, may)
    walk.hear(row)
    cause = row.cause()
    if cause is not None and collector.each.collect == "all":
        walk.causes.setdefault(collector.scope, cause)
    wins = (at for at, _ in row.having("won"))
    losses = (_loss_of(walk, items[at], part.cause) for at, part in row.having("lost"))
    return Tally(row.count("open") == 0, row.count("won"), row.count("lost"), wins, losses)


def _ask_for_itself(
    collector: Collector, walk: Walk, position: int
) -> tuple[Stand, Failure | None, tuple[str, ...]]:
    """What an item says in a walk of its own, why it failed, and what it counts as."""
    item = collector.items[position]
    stand = _ask_item(replace(collector, walk=walk), position)
    won = ("won",) if _succeeded(walk, item, stand) else ()
    lost = ("lost",) if _is_lost(walk, item, stand) else ()
    return stand, walk.causes.get(collector.scope_of(item)), (*won, *lost)


def _may_begin(collector: Collector, on_their_way: int) -> bool:
    """Whether one more item may: as long as there is a place, or it is only to be passed over."""
    most = collector.each.max_parallel
    return collector.winners is not None or most is None or on_their_way < most


def _ask_item(collector: Collector, position: int) -> Stand:
    item = collector.items[position]
    if item.address in collector.walk.state.items:
        return _begun_item(collector, position, item)
    return SKIPPED if collector.winners is not None else _onward(collector, item)


def _begun_item(collector: Collector, position: int, item: AnyNode) -> Stand:
    walk, here = collector.walk, item.address
    turned = walk.state.turned.get(here)
    if turned is not None and collector.each.collect != "all":
        stand = collector.back(walk, item)
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
    walk, scope = collector.walk, collector.scope_of(item)
    stand = collector.onward(walk, item, scope)
    if scope in walk.causes and scope == item.address:
        walk.commands.append(Decide(Turned(scope, "refused", walk.causes[scope])))
    return stand


def _choose(collector: Collector, tally: Tally) -> tuple[Stand, Failure | None]:
    """Once enough have succeeded, they have won for good."""
    walk, each = collector.walk, collector.each
    if collector.winners is not None:
        return (OVER_OK if tally.is_over else RUNNING), None
    if tally.won >= each.quorum:
        chosen = Chosen(each.address, tuple(islice(tally.wins, each.quorum)))
        walk.commands.append(Decide(chosen))
        return RUNNING, None
    if len(collector.items) - tally.lost >= each.quorum:
        return RUNNING, None
    if walk.state.committed and not tally.is_over:
        return RUNNING, None  # by then nothing of the losers is left
    return RUNNING, _too_few(collector, tally)


def _succeeded(walk: Walk, item: AnyNode, stand: Stand) -> bool:
    return stand.over and stand.state != "skipped" and item.address not in walk.state.turned


def _is_lost(walk: Walk, item: AnyNode, stand: Stand) -> bool:
    skipped = stand.over and stand.state == "skipped"
    return skipped or item.address in walk.state.turned or item.address in walk.causes


def _loss_of(walk: Walk, item: AnyNode, cause: Failure | None) -> Failure | None:
    turned = walk.state.turned.get(item.address)
    return cause if turned is None else turned.failure


def _too_few(collector: Collector, tally: Tally) -> Failure:
    """The failure of the first item that did not make it says most; without one, that there are too few items."""
    failure = next((loss for loss in tally.losses if loss is not None), None)
    if failure is not None:
        return failure
    each = collector.each
    wanted = "one was to succeed" if each.quorum == 1 else f"{each.quorum} were to succeed"
    message = f"there are {len(collector.items)} items to go through, and {wanted}"
    return Failure(Code.TOO_FEW_ITEMS, message, each.address)
