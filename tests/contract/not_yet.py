"""The cases that the language of today cannot express: the first lines of each, and the key that it waits for."""

from __future__ import annotations

from types import MappingProxyType

# The case: why not, a step that it needs, and the key that is refused by name.
NOT_YET = MappingProxyType(
    {
        "C14": (
            "an undo of several steps",
            "{ id: a, call: POST mail/messages, compensate: [POST mail/a, POST mail/b] }",
            "compensate",
        ),
        "C16": (
            "a step that is carried out once for each item",
            "{ id: a, for_each: 'x in [1, 2]', call: POST mail/messages, compensate: none }",
            "for_each",
        ),
        "C25": (
            "a branch that was not taken",
            "{ switch: [{ steps: [{ call: POST mail/messages, compensate: none }] }] }",
            "switch",
        ),
        "C64": (
            "a signal before, together with and after its wait",
            "{ id: a, wait_for: approve }",
            "wait_for",
        ),
    }
)
