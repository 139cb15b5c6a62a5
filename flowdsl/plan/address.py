"""Identity: a node's path in the plan, for ever.

`book/flight` is a step; `book/flight!undo` is its compensation, and so on. One spelling serves the journal, the
idempotency key, the command line and every picture. Nothing here is a counter that a changed file could shift.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Address: TypeAlias = str  # `book/flight`; the root block is ""
CallId: TypeAlias = str  # an address and, but for the call itself, a direction: `book/flight!undo`

ROOT: Address = ""
COMMIT: Final = "commit"
CONFIRMS: Final = (
    "confirms"  # the block below the commit line that holds the confirms of the steps above it
)
ON_FAILURE: Final = "on_failure"

_INDEX = re.compile(r"\[[0-9]+\]")


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


def directions_of(step: Address) -> tuple[CallId, ...]:
    """The calls that find out or settle what the step itself did: all but its undo and its confirm."""
    return step, answer(step), probe(step), second_probe(step)


def is_below(address: Address, block: Address) -> bool:
    """Whether it is the block or in it; an item `ship[3]`, and what is in that, is in `ship`."""
    if block in (ROOT, address):
        return True
    return address.startswith((f"{block}/", f"{block}["))


def enclosing(address: Address) -> tuple[Address, ...]:
    """The address and everything it is in, innermost first, but for the root: `ship[3]/label`, `ship[3]`, `ship`."""
    ends = (end for end in range(len(address) - 1, 0, -1) if address[end] in "/[")
    return (address, *(address[:end] for end in ends)) if address else ()


def item(each: Address, index: int) -> Address:
    return f"{each}[{index}]"


def item_template(each: Address) -> Address:
    """What an item of this `for_each` stands under in a plan whose items are not known yet."""
    return f"{each}[]"


def to_template(address: Address) -> Address:
    """`ship[3]/invoice` → `ship[]/invoice`."""
    return _INDEX.sub("[]", address)


def located(template: Address, viewer: Address) -> Address:
    """The address that a template means, seen from an address in the same items: `ship[]/invoice` from `ship[3]/label`
    is `ship[3]/invoice`. Names inside a `for_each` are only seen inside, so the viewer says every index.
    """
    if "[]" not in template:
        return template
    found = template
    for match in _INDEX.finditer(viewer):
        prefix = viewer[: match.start()]
        if found.startswith(f"{prefix}[]"):
            found = prefix + match.group() + found[len(prefix) + 2 :]
    return found


def items_around(address: Address) -> tuple[tuple[Address, int], ...]:
    """The items an address is in, outermost first: the `for_each` and the position."""
    return tuple(
        (address[: match.start()], int(match.group()[1:-1])) for match in _INDEX.finditer(address)
    )
