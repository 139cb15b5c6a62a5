"""What the stories of one test came to, and the size they are told in. `conftest.py` sets and reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """`full`: every point, and a second death after each first one."""

    full: bool = False
    crashes: int = 0
    struck: int = 0

    def begin(self, *, full: bool) -> None:
        self.full, self.crashes, self.struck = full, 0, 0


TALLY = Tally()
