"""What one evaluation may spend: operations and room, and the names it can see.

One mutable object per evaluation, given to every closure. The cost of the expression itself is spent
once, before it starts; only what depends on the data is counted on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, DivisionByZero, InvalidOperation, Overflow, Underflow
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

from flowdsl.plan.expression.fault import Fault

if TYPE_CHECKING:
    from flowdsl.plan.expression.tree import Scalar
    from flowdsl.plan.values import Secret

# JSON in which secrets may stand by reference: what an expression works on.
Value: TypeAlias = "Scalar | Secret | tuple[str | Secret, ...] | list[Value] | dict[str, Value]"

PRECISION = 50  # digits of a decimal result
LARGEST_EXPONENT = 4_299  # so that a decimal, written out, is no longer than the longest integer
CHARACTERS_AN_OPERATION = 64  # text is copied and compared in long strides


class Frame(Struct):
    """`operations` and `room` (characters and elements) are what is left of each."""

    scope: Mapping[str, Value]
    operations: int
    room: int
    variables: dict[str, Value] = field(default_factory=dict)
    context: Context | None = None

    def spend(self, operations: int) -> None:
        self.operations -= operations
        if self.operations < 0:
            raise Fault("this takes more operations than an expression may use")

    def take(self, elements: int) -> None:
        """Room for a new text or list of so many characters or elements, and the work to fill it."""
        self.room -= elements
        if self.room < 0:
            raise Fault("this makes more text or longer lists than an expression may hold")

    def take_text(self, characters: int) -> None:
        self.take(characters)
        self.spend(1 + characters // CHARACTERS_AN_OPERATION)

    def take_list(self, elements: int) -> None:
        self.take(elements)
        self.spend(1 + elements)

    @property
    def decimals(self) -> Context:
        """Made when the first decimal comes along: most evaluations have none."""
        if self.context is None:
            self.context = Context(
                prec=PRECISION,
                Emax=LARGEST_EXPONENT,
                Emin=-LARGEST_EXPONENT,
                capitals=1,
                clamp=0,
                traps=[InvalidOperation, DivisionByZero, Overflow, Underflow],
            )
        return self.context


Closure: TypeAlias = Callable[[Frame], Value]
