"""The colours of states where there is more than a terminal: readable on white, the word stands beside them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from flowdsl.saga.stand import StepState


class Colour(Struct, frozen=True):
    fill: str
    stroke: str
    text: str


NEUTRAL = Colour("#ffffff", "#8c959f", "#57606a")
_GREEN = Colour("#e6f6ea", "#2da44e", "#116329")
_YELLOW = Colour("#fff6d6", "#d4a72c", "#7d4e00")
_RED = Colour("#ffebe9", "#cf222e", "#a40e26")
_BLUE = Colour("#ddf0ff", "#218bff", "#0550ae")
_GREY = Colour("#f6f8fa", "#afb8c1", "#57606a")

COLOURS: Mapping[StepState, Colour] = MappingProxyType(
    {
        "pending": _GREY,
        "skipped": _GREY,
        "running": _YELLOW,
        "waiting": _YELLOW,
        "ok": _GREEN,
        "kept": _GREEN,
        "refused": _RED,
        "unknown": _YELLOW,
        "undoing": _BLUE,
        "undone": _BLUE,
        "stuck": _RED,
    }
)
