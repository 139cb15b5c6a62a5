"""The values that flow through a run: JSON, and secrets by reference.

Numbers with a point are `Decimal`, so that money goes out as it came in. A secret is never a value:
expressions yield a `Secret`, which names it; only `world` puts the value in, at the last moment.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"


class Secret(Struct, frozen=True):
    """A reference to a secret: `PAYMENTS_TOKEN`, or `inputs.otp` for an input marked `secret: true`."""

    name: str


# Text in which secrets stand by reference: "bearer ", Secret("PAYMENTS_TOKEN").
Sealed: TypeAlias = "tuple[str | Secret, ...]"
