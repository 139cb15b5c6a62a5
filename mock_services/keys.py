"""Idempotency keys: the first answer to a key is kept, and is the answer to every later request with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from mock_services.exchange import Reply, Request, refusal

Slot: TypeAlias = tuple[str, str, str]  # method, path, key


@dataclass(slots=True)
class Kept:
    body: bytes
    reply: Reply | None = None  # None: being worked on


@dataclass(slots=True)
class Keys:
    kept: dict[Slot, Kept] = field(default_factory=dict)

    def claim(self, request: Request) -> Kept | Reply:
        """A place to keep the answer in, for who comes first; the answer, for everybody else."""
        if request.key is None or request.method == "GET":
            return Kept(request.body)
        slot = (request.method, request.path, request.key)
        kept = self.kept.get(slot)
        if kept is None:
            return self.kept.setdefault(slot, Kept(request.body))
        if kept.body != request.body:
            return refusal(422, "key_reused", "this key was used with another body")
        if kept.reply is None:
            return refusal(409, "in_progress", "the first request with this key is being worked on")
        return kept.reply

    def clear(self) -> None:
        self.kept.clear()
