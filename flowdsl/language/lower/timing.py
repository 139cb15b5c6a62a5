"""How long a plan may take when every attempt runs into its timeout: what deadlines are compared with.

Computed on the flat graph, where the longest way through is the worst case. What cannot be known beforehand, such as
how many items a list has, is an assumption with a name.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, inf
from typing import TYPE_CHECKING, TypeAlias, assert_never

from msgspec import Struct

from flowdsl.language.lower.flatten import flatten
from flowdsl.plan.address import Address
from flowdsl.plan.expression.tree import ListDisplay, Tree
from flowdsl.plan.nodes import (
    Action,
    AnyNode,
    Block,
    Call,
    Compensation,
    Confirm,
    Detach,
    ForEach,
    Local,
    Plan,
    Retry,
    Switch,
    Wait,
    WaitFor,
)
from flowdsl.plan.unfold import inside

if TYPE_CHECKING:
    import networkx

_JITTER = 1.5  # a delay is at most this much longer than its number

Weigh: TypeAlias = Callable[[Address], float]


class Timed(Struct, frozen=True):
    """`forward`, `back`: the worst seconds of each leaf on the way there and in its undo. `rounds`: how often it is gone
    through, one after the other. `assumed`: by leaf, what the figure takes for granted.
    """

    graph: networkx.DiGraph[Address]
    forward: dict[Address, float]
    back: dict[Address, float]
    assumed: dict[Address, str]


class Way(Struct, frozen=True):
    """The longest way: its leaves in order, and what all of them take together."""

    seconds: float
    leaves: tuple[Address, ...] = ()


def timed(plan: Plan) -> Timed:
    found = Timed(flatten(plan), {}, {}, {})
    _time(plan, plan.root, found, rounds=1, assumed="")
    return found


def _time(plan: Plan, node: AnyNode, found: Timed, *, rounds: int, assumed: str) -> None:
    if isinstance(node, ForEach):
        more, taken = _rounds_of(node)
        rounds, assumed = rounds * more, assumed or taken
    if node.address in found.graph:
        found.forward[node.address] = forward_seconds(node) * rounds
        found.back[node.address] = back_seconds(plan, node) * rounds
        if taken := assumed or _taken_for_granted(node):
            found.assumed[node.address] = taken
    for lower in inside(node):
        _time(plan, lower, found, rounds=rounds, assumed=assumed)


def forward_seconds(node: AnyNode) -> float:
    match node:
        case Call(action=action, probe=probe):
            return worst_seconds(action) + (worst_seconds(probe.action) if probe else 0.0)
        case Confirm(action=action):
            return worst_seconds(action)
        case Wait(seconds=seconds):
            return seconds
        case WaitFor(timeout_seconds=timeout):
            return inf if timeout is None else timeout
        case Block() | Switch() | ForEach() | Detach() | Local():
            return 0.0
        case _:
            assert_never(node)


def back_seconds(plan: Plan, node: AnyNode) -> float:
    """An undo, and before it the window in which a request that was given up on may still arrive."""
    if not isinstance(node, Call) or not isinstance(node.compensation, Compensation):
        return 0.0
    service = plan.services[node.action.service]
    settle = service.settle_seconds
    window = node.action.timeout_seconds if settle is None else settle
    return worst_seconds(node.compensation.action) + (0.0 if service.tombstone else window)


def worst_seconds(action: Action) -> float:
    return action.retry.attempts * action.timeout_seconds + _delays(action.retry)


def _delays(retry: Retry) -> float:
    total, delay = 0.0, retry.delay_seconds
    for _ in range(retry.attempts - 1):
        total += min(delay, retry.max_delay_seconds) * _JITTER
        delay = min(delay * retry.backoff, retry.max_delay_seconds)
    return total


def _rounds_of(each: ForEach) -> tuple[int, str]:
    """How many items wait for others, with the assumption in that. The confirms of items all run at once."""
    if each.max_parallel is None or each.items is None:
        return 1, ""
    length = length_of(each.items.tree)
    if length is None:
        return 1, f"`{each.name or each.address}` has at most {each.max_parallel} items"
    return ceil(length / each.max_parallel), ""


def length_of(items: Tree) -> int | None:
    """How many items there are, if the list is written out."""
    return len(items.items) if isinstance(items, ListDisplay) else None


def _taken_for_granted(node: AnyNode) -> str:
    if not isinstance(node, Wait) or node.until is None:
        return ""
    return f"`{node.until.text}` is not in the future"


# --- the longest way ---------------------------------------------------------------------------------


def longest_way(graph: networkx.DiGraph[Address], weigh: Weigh) -> Way:
    """Through the whole graph."""
    return ways_from(graph, None, weigh).longest()


class Ways(Struct, frozen=True):
    """The longest ways from one leaf to those after it; `before`: by which one each of them comes last."""

    seconds: dict[Address, float]
    before: dict[Address, Address | None]
    start: Address | None

    def to(self, end: Address) -> Way:
        leaves: list[Address] = []
        here: Address | None = end
        while here is not None and here != self.start:
            leaves.append(here)
            here = self.before[here]
        return Way(self.seconds[end], tuple(reversed(leaves)))

    def longest(self) -> Way:
        end = max(self.seconds, key=self.seconds.__getitem__, default=None)
        return self.to(end) if end is not None else Way(0.0)


def ways_from(graph: networkx.DiGraph[Address], start: Address | None, weigh: Weigh) -> Ways:
    """For every leaf that comes after `start`, or for all: the longest way there, it included and `start` not."""
    import networkx

    found = Ways({}, {}, start)
    for address in networkx.topological_sort(graph):
        earlier = [other for other in graph.predecessors(address) if other in found.seconds]
        if address == start:
            found.seconds[address], found.before[address] = 0.0, None
        elif earlier or start is None:
            last = max(earlier, key=found.seconds.__getitem__, default=None)
            sofar = found.seconds[last] if last is not None else 0.0
            found.seconds[address] = sofar + weigh(address)
            found.before[address] = last
    return found


def spell(seconds: float) -> str:
    """`1h 2m 3s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [
        f"{hours}h" if hours else "",
        f"{minutes}m" if minutes else "",
        f"{rest}s" if rest else "",
    ]
    return " ".join(part for part in parts if part) or "0s"
