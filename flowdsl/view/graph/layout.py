"""Layered drawing after Sugiyama, Tagawa and Toda (1981): layers from left to right, few crossings, no overlap.

1. layers by the longest path     2. a dummy in each layer an edge passes through
3. order within a layer: barycentres, back and forth     4. heights: towards the neighbours, kept apart
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

SWEEPS = 12
DUMMY_HEIGHT = 18.0
DUMMIES_MAX = 8_000


class Size(Struct, frozen=True):
    """`above` and `below`: what stands over and under the line that edges meet. `stretches`: to the width of its layer."""

    width: float
    above: float
    below: float
    stretches: bool = True


class Spot(Struct, frozen=True):
    """`x` is the left side, `y` the line that edges meet."""

    x: float
    y: float
    size: Size


class Layout(Struct, frozen=True):
    """`bends` are the points of an edge between its ends, left to right: it runs level past all of a layer."""

    spots: dict[str, Spot]
    bends: dict[tuple[str, str], tuple[tuple[float, float], ...]]
    layers: tuple[tuple[str, ...], ...]
    width: float
    top: float
    bottom: float


def layout(
    sizes: Mapping[str, Size],
    edges: Sequence[tuple[str, str]],
    *,
    gap_x: float = 64.0,
    gap_y: float = 26.0,
) -> Layout:
    depth = _depths(list(sizes), edges)
    sizes = dict(sizes)
    chains = _chains(edges, depth)
    for chain in chains.values():
        for index, dummy in enumerate(chain[1:-1], start=1):
            depth[dummy] = depth[chain[0]] + index
            sizes[dummy] = Size(0.0, DUMMY_HEIGHT / 2, DUMMY_HEIGHT / 2)
    short = [pair for chain in chains.values() for pair in pairwise(chain)]
    layers = _layers(depth)
    reach = _stretch(layers, sizes)
    _order(layers, short)
    x = _columns(layers, reach, gap_x)
    y = _heights(layers, sizes, short, gap_y)
    spots = {name: Spot(x[name], y[name], size) for name, size in sizes.items()}
    bends = {edge: _bends(chain, spots, reach) for edge, chain in chains.items()}
    return Layout(
        {name: spot for name, spot in spots.items() if not name.startswith("\0")},
        bends,
        tuple(tuple(name for name in layer if not name.startswith("\0")) for layer in layers),
        max((spot.x + spot.size.width for spot in spots.values()), default=0.0),
        min((spot.y - spot.size.above for spot in spots.values()), default=0.0),
        max((spot.y + spot.size.below for spot in spots.values()), default=0.0),
    )


def _stretch(layers: list[list[str]], sizes: dict[str, Size]) -> dict[str, float]:
    """Boxes of a layer are equally wide; frames are as wide as what is in them. How wide the layer of each is."""
    reach: dict[str, float] = {}
    for layer in layers:
        widest = max(sizes[name].width for name in layer)
        box = max((sizes[name].width for name in layer if sizes[name].stretches), default=0.0)
        for name in layer:
            reach[name] = widest
            if sizes[name].stretches:
                sizes[name] = replace(sizes[name], width=box)
    return reach


def _bends(
    chain: tuple[str, ...], spots: Mapping[str, Spot], reach: Mapping[str, float]
) -> tuple[tuple[float, float], ...]:
    """Past what is wider in the layer it leaves, then past each layer between."""
    first = spots[chain[0]]
    points: list[tuple[float, float]] = []
    if first.size.width < reach[chain[0]]:
        points.append((first.x + reach[chain[0]], first.y))
    for dummy in chain[1:-1]:
        spot = spots[dummy]
        points += [(spot.x, spot.y), (spot.x + reach[dummy], spot.y)]
    return tuple(points)


def _depths(names: list[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each vertex; names are in a topological order."""
    depth = dict.fromkeys(names, 0)
    later: dict[str, list[str]] = {name: [] for name in names}
    for first, last in edges:
        later[first].append(last)
    for name in names:
        for last in later[name]:
            depth[last] = max(depth[last], depth[name] + 1)
    return depth


def _chains(
    edges: Sequence[tuple[str, str]], depth: Mapping[str, int]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Each edge with the dummies it passes; past the limit the longest ones run straight, behind what is in their way."""
    left = DUMMIES_MAX
    bent: set[tuple[str, str]] = set()
    for edge in sorted(edges, key=lambda edge: depth[edge[1]] - depth[edge[0]]):
        left -= depth[edge[1]] - depth[edge[0]] - 1
        if left < 0:
            break
        bent.add(edge)
    return {edge: _chain(edge, depth) if edge in bent else edge for edge in edges}


def _chain(edge: tuple[str, str], depth: Mapping[str, int]) -> tuple[str, ...]:
    first, last = edge
    between = range(depth[first] + 1, depth[last])
    return (first, *(f"\0{first}\0{last}\0{layer}" for layer in between), last)


def _layers(depth: Mapping[str, int]) -> list[list[str]]:
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, layer in depth.items():
        layers[layer].append(name)
    return layers


def _order(layers: list[list[str]], edges: Sequence[tuple[str, str]]) -> None:
    """Sweep left to right and back; keep the order with the fewest crossings."""
    before, after = _neighbours(edges)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, after)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        forward = sweep % 2 == 0
        indices = range(1, len(layers)) if forward else range(len(layers) - 2, -1, -1)
        for index in indices:
            beside = layers[index - 1] if forward else layers[index + 1]
            _sort_by_barycentre(layers[index], beside, before if forward else after)
        crossings = _crossings(layers, after)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _sort_by_barycentre(
    layer: list[str], beside: list[str], neighbours: Mapping[str, list[str]]
) -> None:
    place = {name: index for index, name in enumerate(beside)}
    here = {name: index for index, name in enumerate(layer)}

    def barycentre(name: str) -> float:
        near = [place[each] for each in neighbours.get(name, []) if each in place]
        return sum(near) / len(near) if near else float(here[name])

    layer.sort(key=barycentre)


def _crossings(layers: list[list[str]], after: Mapping[str, list[str]]) -> int:
    total = 0
    for index, layer in enumerate(layers[:-1]):
        place = {name: at for at, name in enumerate(layers[index + 1])}
        seen: list[int] = []  # where the edges so far end, sorted
        for name in layer:
            ends = [place[each] for each in after.get(name, []) if each in place]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _columns(layers: list[list[str]], reach: Mapping[str, float], gap: float) -> dict[str, float]:
    x: dict[str, float] = {}
    left = 0.0
    for layer in layers:
        x |= dict.fromkeys(layer, left)
        left += reach[layer[0]] + gap
    return x


def _heights(
    layers: list[list[str]],
    sizes: Mapping[str, Size],
    edges: Sequence[tuple[str, str]],
    gap: float,
) -> dict[str, float]:
    y: dict[str, float] = {}
    for layer in layers:
        at = 0.0
        for name in layer:
            at += sizes[name].above
            y[name] = at
            at += sizes[name].below + gap
        middle = (at - gap) / 2
        for name in layer:
            y[name] -= middle
    before, after = _neighbours(edges)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            _settle(layer, y, sizes, before if forward else after, gap)
    return y


def _settle(
    layer: list[str],
    y: dict[str, float],
    sizes: Mapping[str, Size],
    neighbours: Mapping[str, list[str]],
    gap: float,
) -> None:
    """Pool adjacent violators: each moves to the middle of its neighbours; those that would overlap move as one."""
    groups: list[tuple[float, int, list[tuple[str, float]]]] = []
    for name in layer:
        near = [y[each] for each in neighbours.get(name, [])]
        wish = (min(near) + max(near)) / 2 if near else y[name]
        group: tuple[float, int, list[tuple[str, float]]] = (wish, 1, [(name, 0.0)])
        while groups:
            wish_above, count, members = groups[-1]
            last, offset = members[-1]
            first = group[2][0][0]
            apart = offset + sizes[last].below + gap + sizes[first].above
            if wish_above + apart <= group[0]:
                break
            groups.pop()
            members += [(each, shift + apart) for each, shift in group[2]]
            total = count + group[1]
            joined = (wish_above * count + (group[0] - apart) * group[1]) / total
            group = (joined, total, members)
        groups.append(group)
    for start, _, members in groups:
        for name, shift in members:
            y[name] = start + shift


def _neighbours(
    edges: Sequence[tuple[str, str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for first, last in edges:
        after.setdefault(first, []).append(last)
        before.setdefault(last, []).append(first)
    return before, after
