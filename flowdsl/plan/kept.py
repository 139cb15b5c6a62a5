"""Maps that are values, and cost nothing to speak of to add to, however much they hold.

A small one is a dict that is copied. From `SMALL` entries on it is a hash table of 256 small dicts (`Kept`), of which one
is copied and the others are shared. Both go through their entries in the order in which each key first came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

SMALL = 256
BUCKETS = 256  # a power of two

_place = itemgetter(1)


def put(kept: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    """The same with one entry more, or another value for its key."""
    if isinstance(kept, Kept):
        return kept.put(key, value)
    grown = {**kept, key: value}
    return grown if len(grown) < SMALL else Kept.of(grown)


def put_all(kept: Mapping[K, V], entries: Mapping[K, V]) -> Mapping[K, V]:
    """The same with these entries as well."""
    if isinstance(kept, Kept):
        return kept.put_all(entries)
    grown = {**kept, **entries}
    return grown if len(grown) < SMALL else Kept.of(grown)


def without(kept: Mapping[K, V], key: K) -> Mapping[K, V]:
    """The same without a key that it has."""
    if isinstance(kept, Kept):
        return kept.without(key)
    return {one: value for one, value in kept.items() if one != key}


class Kept(Mapping[K, V]):
    """`_next`: the place of the next key that comes. A bucket holds the value and the place of each of its keys."""

    __slots__ = ("_buckets", "_length", "_next")

    def __init__(self, buckets: tuple[dict[K, tuple[V, int]], ...], length: int, new: int) -> None:
        self._buckets, self._length, self._next = buckets, length, new

    @classmethod
    def of(cls, entries: Mapping[K, V]) -> Kept[K, V]:
        buckets: tuple[dict[K, tuple[V, int]], ...] = tuple({} for _ in range(BUCKETS))
        for place, (key, value) in enumerate(entries.items()):
            buckets[hash(key) % BUCKETS][key] = (value, place)
        return cls(buckets, len(entries), len(entries))

    def put(self, key: K, value: V) -> Kept[K, V]:
        at = hash(key) % BUCKETS
        known = self._buckets[at].get(key)
        place = self._next if known is None else known[1]
        bucket = {**self._buckets[at], key: (value, place)}
        return self._with(at, bucket, self._length + (known is None), self._next + (known is None))

    def put_all(self, entries: Mapping[K, V]) -> Kept[K, V]:
        """Each bucket is copied once."""
        buckets, copied, length = [*self._buckets], set[int](), self._length
        for new, (key, value) in enumerate(entries.items(), self._next):
            at = hash(key) % BUCKETS
            if at not in copied:
                copied.add(at)
                buckets[at] = {**buckets[at]}
            known = buckets[at].get(key)
            buckets[at][key] = (value, new if known is None else known[1])
            length += known is None
        return Kept(tuple(buckets), length, self._next + len(entries))

    def without(self, key: K) -> Kept[K, V]:
        at = hash(key) % BUCKETS
        bucket = dict(self._buckets[at])
        del bucket[key]
        return self._with(at, bucket, self._length - 1, self._next)

    def _with(self, at: int, bucket: dict[K, tuple[V, int]], length: int, new: int) -> Kept[K, V]:
        buckets = [*self._buckets]
        buckets[at] = bucket
        return Kept(tuple(buckets), length, new)

    def __getitem__(self, key: K) -> V:
        return self._buckets[hash(key) % BUCKETS][key][0]

    def get(self, key: K, default: D = None) -> V | D:  # type: ignore[assignment]
        known = self._buckets[hash(key) % BUCKETS].get(key)
        return default if known is None else known[0]

    def __contains__(self, key: object) -> bool:
        return key in self._buckets[hash(key) % BUCKETS]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[K]:
        """Taking keys away leaves gaps in the places, and no disorder."""
        places = [(key, entry[1]) for bucket in self._buckets for key, entry in bucket.items()]
        return map(itemgetter(0), sorted(places, key=_place))
