"""Where everything of a graph stands: layers from left to right, few crossings, no overlap.

1. layers by the longest path     2. a dummy in each layer an edge passes through
3. order within a layer: barycentres, back and forth     4. heights: towards the neighbours, kept apart
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

SWEEPS = 12
DUMMY_HEIGHT = 18.0


@dataclass(frozen=True, slots=True)
class Size:
    """`above` and `below`: what stands over and under the line that edges meet."""

    width: float
    above: float
    below: float


@dataclass(frozen=True, slots=True)
class Spot:
    """`x` is the left side, `y` the line that edges meet."""

    x: float
    y: float
    size: Size


@dataclass(frozen=True, slots=True)
class Layout:
    """`bends` are the points of an edge between its ends, left to right."""

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
    chains = {edge: _chain(edge, depth) for edge in edges}
    for chain in chains.values():
        for index, dummy in enumerate(chain[1:-1], start=1):
            depth[dummy] = depth[chain[0]] + index
            sizes[dummy] = Size(0.0, DUMMY_HEIGHT / 2, DUMMY_HEIGHT / 2)
    short = [pair for chain in chains.values() for pair in pairwise(chain)]
    layers = _layers(depth)
    for layer in layers:  # boxes of a layer are equally wide, and edges run level past all of it
        widest = max(sizes[name].width for name in layer)
        for name in layer:
            sizes[name] = replace(sizes[name], width=widest)
    _order(layers, short)
    x = _columns(layers, sizes, gap_x)
    y = _heights(layers, sizes, short, gap_y)
    spots = {name: Spot(x[name], y[name], size) for name, size in sizes.items()}
    bends = {
        edge: tuple(
            (spots[each].x + side, spots[each].y)
            for each in chain[1:-1]
            for side in (0.0, spots[each].size.width)
        )
        for edge, chain in chains.items()
    }
    return Layout(
        {name: spot for name, spot in spots.items() if not name.startswith("\0")},
        bends,
        tuple(tuple(name for name in layer if not name.startswith("\0")) for layer in layers),
        max((spot.x + spot.size.width for spot in spots.values()), default=0.0),
        min((spot.y - spot.size.above for spot in spots.values()), default=0.0),
        max((spot.y + spot.size.below for spot in spots.values()), default=0.0),
    )


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
        ends = [
            sorted(place[each] for each in after.get(name, []) if each in place) for name in layer
        ]
        flat = [end for group in ends for end in group]
        total += sum(1 for i, a in enumerate(flat) for b in flat[i + 1 :] if b < a)
    return total


def _columns(layers: list[list[str]], sizes: Mapping[str, Size], gap: float) -> dict[str, float]:
    x: dict[str, float] = {}
    left = 0.0
    for layer in layers:
        x |= dict.fromkeys(layer, left)
        left += sizes[layer[0]].width + gap
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
    """Move each towards the middle of its neighbours; those that would overlap move as one."""
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
            moved = [(each, shift + apart) for each, shift in group[2]]
            total = count + group[1]
            joined = (wish_above * count + (group[0] - apart) * group[1]) / total
            group = (joined, total, members + moved)
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
