"""The cases that the language of today cannot express, and the key that each waits for."""

from __future__ import annotations

NOT_YET = {
    "C14": ("for_each", "an undo of several steps: `compensate` is one call (a list of them is not designed)"),
}
