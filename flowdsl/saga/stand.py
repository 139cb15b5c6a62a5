"""Where one node stands, in a word for people and a yes or no for what hangs on it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

StepState: TypeAlias = Literal[
    "pending", "skipped", "running", "waiting", "ok", "refused",
    "unknown", "undoing", "undone", "kept", "stuck",
]  # fmt: skip
# What a group looks like: the first of these that is in it.
RANKED: tuple[StepState, ...] = (
    "stuck", "undoing", "running", "unknown", "ok", "undone", "refused", "kept",
)  # fmt: skip


class Stand(Struct, frozen=True):
    """`over`: what needs it may start (forward), what it held up may be undone (backward)."""

    state: StepState
    over: bool


PENDING = Stand("pending", over=False)
RUNNING = Stand("running", over=False)
OVER_OK = Stand("ok", over=True)
SKIPPED = Stand("skipped", over=True)
STUCK = Stand("stuck", over=False)
