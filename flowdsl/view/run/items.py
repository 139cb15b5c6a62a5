"""The items of a `for_each` as a reader wants them: the first few, the winners, whatever is not ok; the rest is counted.

An item that lost, or that may fail, is not an error: other items carry on, and nothing of it is left behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from flowdsl.plan.address import Address, enclosing, items_around
from flowdsl.plan.nodes import AnyNode, Block, Call, Confirm, ForEach, Plan, Switch
from flowdsl.plan.values import Json
from flowdsl.saga.collecting import LOST
from flowdsl.saga.events import Turned
from flowdsl.saga.run import Run
from flowdsl.saga.state import NO_CALL
from flowdsl.view.brief import one_line, summary
from flowdsl.view.outline import Items
from flowdsl.view.paint import counted, cut
from flowdsl.view.run.positions import state_of

SHOWN_MAX = 8  # items of a list that is shown in full
FIRST = 3  # of a longer one, whatever became of them
NOTABLE_MAX = 8  # and of those that are not ok
WINNERS_MAX = 8  # and of those that have won
ITEM_MAX = 32  # columns of an item's value

GRAVE = ("stuck", "unknown", "refused", "undoing", "running", "waiting")  # the gravest first
COUNTED = ("ok", "running", "waiting", "undoing", "stuck", "unknown", "refused", "undone", "lost",
           "skipped", "pending")  # fmt: skip


class Folded(Struct, frozen=True):
    """What of a run is shown: long lists in part, branches not taken and fallbacks not needed by name only."""

    run: Run

    def items(self, each: ForEach) -> tuple[Items, Items]:
        items = each.branches or ()
        if each.mirrors is not None:  # nothing is said of the confirms of those that did not win
            items = tuple(item for item in items if self.word(item) != "skipped")
        if len(items) <= SHOWN_MAX:
            return items, ()
        kept = {*range(FIRST), *self._to_look_at(items)}
        if each.mirrors is None:
            kept |= set(self.run.state.chosen.get(each.address, ())[:WINNERS_MAX])
        words = [self.word(item) for item in items]
        grave = [i for i, word in enumerate(words) if word in GRAVE and i not in kept]
        kept |= set(sorted(grave, key=lambda i: GRAVE.index(words[i]))[:NOTABLE_MAX])
        shown = tuple(items[index] for index in sorted(kept))
        return shown, tuple(item for index, item in enumerate(items) if index not in kept)

    def _to_look_at(self, items: Items) -> set[int]:
        """Where the run went wrong, and where something is left."""
        steps = [one.step for one in self.run.progress.residue[:NOTABLE_MAX]]
        if self.run.state.turning is not None:
            steps.append(self.run.state.turning.failure.step)
        around = {place for step in steps for place in enclosing(step)}
        return {index for index, item in enumerate(items) if item.address in around}

    def is_open(self, node: AnyNode) -> bool:
        if isinstance(node, Call):
            return self.run.state.calls.get(node.address, NO_CALL).answer is None
        return state_of(self.run, node.address) != "skipped"

    def word(self, item: AnyNode) -> str:
        """What became of an item, in a word."""
        seen = state_of(self.run, item.address)
        seen = "ok" if seen == "kept" else seen
        if turned_item(self.run, item.address, LOST) and seen in ("ok", "refused", "pending"):
            return LOST
        return seen


def counts(words: Iterable[str]) -> str:
    """`91 ok · 3 refused`."""
    number = Counter(words)
    return " · ".join(f"{number[word]} {word}" for word in COUNTED if number[word])


def turned_item(run: Run, address: Address, cause: str = "") -> Turned | None:
    """Why the item that the address is, or is in, turned alone; only if it was for this cause, where one is given."""
    for around in enclosing(address):
        turned = run.state.turned.get(around)
        if turned is not None and around.endswith("]"):
            return turned if cause in ("", turned.cause) else None
    return None


def is_tolerated(plan: Plan, address: Address) -> bool:
    """Whether a failure here is one of an item that may fail: others carry on."""
    return any(
        isinstance(each := plan.nodes.get(around), ForEach) and each.collect != "all"
        for around, _ in items_around(address)
    )


def item_value(run: Run, address: Address) -> tuple[bool, Json]:
    """Whether the address is that of an item, and what the item is."""
    around = items_around(address)
    if not around or not address.endswith("]"):
        return False, None
    each, index = around[-1]
    items = run.state.expanded.get(each, ())
    return index < len(items), items[index] if index < len(items) else None


def item_text(item: Json) -> str:
    """`wh-2`, or of an object the two or three words that tell it from others."""
    return cut(summary(item) if isinstance(item, dict) else one_line(item).strip('"'), ITEM_MAX)


def each_text(each: ForEach) -> str:
    """`each wh in ['wh-1', 'wh-2']`."""
    return "" if each.items is None else f"each {each.variable} in {each.items.text.strip()}"


def collect_text(each: ForEach) -> str:
    """What the list waits for, and how many go at once: `first_success, 2 at a time`."""
    words = {"all": "", "quorum": f"quorum {each.quorum}"}.get(each.collect, each.collect)
    most = f"{each.max_parallel} at a time" if each.max_parallel is not None else ""
    return ", ".join(word for word in (words, most) if word)


def multiplied_text(each: ForEach) -> str:
    """`each wh in ['wh-1', 'wh-2'], first_success, 2 at a time`."""
    return ", ".join(word for word in (each_text(each), collect_text(each)) if word)


def result_text(folded: Folded, each: ForEach) -> str:
    """What came of a list: who won, or how many are how far."""
    items = folded.run.state.expanded.get(each.address, ())
    winners = folded.run.state.chosen.get(each.address)
    if winners:
        names = [item_text(items[index]) for index in winners[:3]]
        more = f" and {len(winners) - 3} more" if len(winners) > 3 else ""
        return f"{each.collect}: {', '.join(names)}{more}"
    words = counts(folded.word(item) for item in each.branches or ())
    how = collect_text(each) if each.collect != "all" else ""
    total = counted(len(items), "item")
    return " · ".join(
        word for word in (how, total if words == f"{len(items)} ok" else words or total) if word
    )


def has_fallen_back(run: Run, call: Call) -> bool:
    """Whether what runs in the stead of a call has begun."""
    fallback = call.fallback
    return fallback is not None and any(
        (stand := run.progress.stands.get(node.address)) is not None and stand.state != "pending"
        for node in fallback.children
    )


def is_template(node: AnyNode) -> bool:
    """Whether it stands for items that are not known yet."""
    if isinstance(node, ForEach):
        return node.branches is None
    return isinstance(node, Confirm) and "[]" in node.address


def taken_branch(run: Run, switch: Switch) -> Block | None:
    taken = run.state.done.get(switch.address)
    return switch.branches[taken] if isinstance(taken, int) else None
