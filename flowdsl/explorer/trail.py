"""A trail: `start flight · lose reply flight · crash · fire flight!settle#1 · cancel`. Written, parsed, replayed.

Its parts are separated by ` · ` or stand on lines of their own; ` & ` joins those that happen at once, before the
engine looks again. The explorer's violations are trails, so that each can be pasted into `play`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from flowdsl.explorer.happening import Happening, read_happening
from flowdsl.explorer.model import model_of
from flowdsl.explorer.situation import Situation, begin, enact
from flowdsl.plan.nodes import Plan
from flowdsl.plan.values import Json

Moment: TypeAlias = tuple[Happening, ...]  # what happens before the engine looks again

_SEPARATOR = re.compile(r"\s+·\s+|\n")
_AT_ONCE = re.compile(r"\s+&\s+")


def play(plan: Plan, trail: str, inputs: Mapping[str, Json] | None = None) -> Situation:
    """Replay a trail through the real core: where the run stands then, and every fact on the way.

    Raises InputError where the trail cannot be read, or what it says cannot happen.
    """
    model = model_of(plan)
    here = begin(model, inputs or {})
    for moment in read_trail(trail):
        here = enact(model, here, moment)
    return here


def read_trail(text: str) -> tuple[Moment, ...]:
    parts = (part.strip() for part in _SEPARATOR.split(text.strip()))
    return tuple(
        tuple(read_happening(one) for one in _AT_ONCE.split(part)) for part in parts if part
    )


def write_moment(moment: Moment) -> str:
    return " & ".join(str(happening) for happening in moment)
