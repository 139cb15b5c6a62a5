"""What really happened, whoever asked for it and however often: the judge of every test.

One entry of `GET /ledger` is one thing somebody wanted, told apart by service, path and body of its
request. Two keys for one body are a double: `count` is 2 and `keys` shows both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mock_services.exchange import Json

Standing: TypeAlias = Literal[
    "held", "confirmed", "released", "charged", "refunded", "issued", "sent", "published"
]
Act: TypeAlias = Literal["do", "undo", "confirm"]

ENDS = ("succeeded", "compensated", "cancelled")
# What a run that was undone may leave: what it took back, and news, which nobody can take back.
GONE = frozenset({"released", "refunded", "published"})
# The standing of a group is that of the one in it which is least cleared away.
BY_WEIGHT: tuple[Standing, ...] = (
    "held",
    "charged",
    "issued",
    "sent",
    "confirmed",
    "published",
    "released",
    "refunded",
)


@dataclass(frozen=True, slots=True)
class Deed:
    """One act that happened, in seconds since the services started."""

    act: Act
    id: str
    key: str | None
    started: float
    ended: float


@dataclass(slots=True)
class Effect:
    """A reservation, a charge, a message: one thing that exists because of one `do`."""

    service: str
    id: str
    kind: str
    path: str
    body: Json
    standing: Standing
    answer: dict[str, Json]
    deeds: list[Deed] = field(default_factory=list)

    @property
    def key(self) -> str | None:
        return self.deeds[0].key

    @property
    def wish(self) -> tuple[str, str, str]:
        """What the caller wanted: equal for two requests that differ in their key only."""
        return self.service, self.path, json.dumps(self.body, sort_keys=True)

    @property
    def shown(self) -> dict[str, Json]:
        """What the service says of it. News are told on as they came."""
        return (
            self.answer
            if self.standing == "published"
            else {**self.answer, "status": self.standing}
        )


@dataclass(slots=True)
class Ledger:
    effects: list[Effect] = field(default_factory=list)
    _names: dict[tuple[str, str, str], Effect] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, effect: Effect) -> None:
        self.effects.append(effect)
        for name in (effect.id, effect.key):
            if name is not None:
                self._names.setdefault((effect.service, effect.path, name), effect)

    def find(self, service: str, collection: str, name: str) -> Effect | None:
        """By its id, or by the key of the request that made it."""
        return self._names.get((service, collection, name))

    def new_id(self, prefix: str) -> str:
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}-{self._numbers[prefix]}"

    def clear(self) -> None:
        self.effects.clear()
        self._names.clear()
        self._numbers.clear()

    def as_json(self) -> Json:
        groups: dict[tuple[str, str, str], list[Effect]] = {}
        for effect in self.effects:
            groups.setdefault(effect.wish, []).append(effect)
        return {"effects": [_group_as_json(group) for group in groups.values()]}

    def residue(self, ended: str) -> Json:
        """What must not be there after a run that ended so. `ended` is one of ENDS."""
        return {"residue": [_left_over(effect) for effect in self.left_behind(ended)]}

    def left_behind(self, ended: str) -> Iterator[Effect]:
        for effect in self.effects:
            gone = effect.standing != "held" if ended == "succeeded" else effect.standing in GONE
            if not gone:
                yield effect


def _group_as_json(group: list[Effect]) -> Json:
    first = group[0]
    deeds = sorted((deed for effect in group for deed in effect.deeds), key=lambda deed: deed.ended)
    return {
        "service": first.service,
        "id": first.id,
        "ids": [effect.id for effect in group],
        "kind": first.kind,
        "path": first.path,
        "body": first.body,
        "standing": min((effect.standing for effect in group), key=BY_WEIGHT.index),
        "key": first.key,
        "keys": list(dict.fromkeys(effect.key for effect in group)),
        "count": len(group),
        "undone": sum(1 for deed in deeds if deed.act == "undo"),
        "confirmed": sum(1 for deed in deeds if deed.act == "confirm"),
        "times": {
            "do": _times(deeds, "do"),
            "undo": _times(deeds, "undo"),
            "confirm": _times(deeds, "confirm"),
        },
        "deeds": [
            {"act": d.act, "id": d.id, "key": d.key, "started": d.started, "ended": d.ended}
            for d in deeds
        ],
    }


def _times(deeds: list[Deed], act: Act) -> Json:
    """[start, end] of the last one, or null."""
    last = next((deed for deed in reversed(deeds) if deed.act == act), None)
    return [last.started, last.ended] if last else None


def _left_over(effect: Effect) -> Json:
    return {
        "service": effect.service,
        "id": effect.id,
        "kind": effect.kind,
        "key": effect.key,
        "standing": effect.standing,
        "path": effect.path,
        "body": effect.body,
    }
