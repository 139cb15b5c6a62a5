"""Identity: a node's path in the plan, for ever.

`book/flight` is a step; `book/flight!undo` is its compensation, and so on. One spelling serves the journal, the
idempotency key, the command line and every picture. Nothing here is a counter that a changed file could shift.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Address: TypeAlias = str  # `book/flight`; the root block is ""
CallId: TypeAlias = str  # an address and, but for the call itself, a direction: `book/flight!undo`

ROOT: Address = ""
COMMIT: Final = "commit"
CONFIRMS: Final = (
    "confirms"  # the block below the commit line that holds the confirms of the steps above it
)
ON_FAILURE: Final = "on_failure"


def child(parent: Address, name: str) -> Address:
    return f"{parent}/{name}" if parent else name


def undo(address: Address) -> CallId:
    return f"{address}!undo"


def confirm(address: Address) -> CallId:
    return f"{address}!confirm"


def probe(address: Address) -> CallId:
    return f"{address}!probe"


def second_probe(address: Address) -> CallId:
    """The probe that may conclude "it never happened": sent when nothing can arrive late any more."""
    return f"{address}!probe2"


def answer(address: Address) -> CallId:
    """The call asked again, with its own key, because its undo needs the answer that was lost."""
    return f"{address}!answer"


def is_answer(call: CallId) -> bool:
    return call.endswith("!answer")


def settle(address: Address, sends: int) -> str:
    """The timer of the window in which a call that was given up on may still arrive; a later send has one of its own."""
    return f"{address}!settle#{sends}"


def is_settle(timer: str) -> bool:
    return "!settle#" in timer


def step_of(call: CallId) -> Address:
    return call.partition("!")[0]


def direction_of(call: CallId) -> str:
    """`do`, `undo`, `confirm` or `probe`: what the key of a call is derived from."""
    direction = call.partition("!")[2]
    if direction in ("", "answer"):
        return "do"
    return "probe" if direction == "probe2" else direction


def is_below(address: Address, block: Address) -> bool:
    return block == ROOT or address.startswith(f"{block}/")
