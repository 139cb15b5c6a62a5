"""Every state is a symbol and a word; the colour comes on top."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from flowdsl.saga.stand import StepState
from flowdsl.view.paint import Style, Styled


class Mark(Struct, frozen=True):
    symbol: str
    style: Style

    @property
    def piece(self) -> Styled:
        return Styled(self.symbol, self.style)


STEP_MARKS: Mapping[StepState, Mark] = MappingProxyType(
    {
        "pending": Mark("○", "dim"),
        "skipped": Mark("–", "dim"),
        "running": Mark("●", "yellow"),
        "waiting": Mark("●", "yellow"),
        "ok": Mark("✓", "green"),
        "kept": Mark("✓", "dim"),
        "refused": Mark("✗", "red"),
        "unknown": Mark("?", "yellow"),
        "undoing": Mark("●", "blue"),
        "undone": Mark("↺", "blue"),
        "stuck": Mark("!", "red"),
    }
)

WARNING = Mark("!", "yellow")  # a step that may fail did

RUN_MARKS: Mapping[str, Mark] = MappingProxyType(
    {
        "running": Mark("●", "yellow"),
        "waiting": Mark("●", "yellow"),
        "compensating": Mark("●", "blue"),
        "succeeded": Mark("✓", "green"),
        "compensated": Mark("↺", "blue"),
        "cancelled": Mark("↺", "blue"),
        "stuck": Mark("!", "red"),
        "interrupted": Mark("!", "yellow"),
    }
)
