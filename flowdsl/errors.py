"""The exceptions that cross a floor, and the exit code of each branch.

    FlowdslError
    ├── InputError   2   asked wrongly: a bad flag, a missing input, an invalid file; nothing was sent
    ├── StoreError   74  the disk let us down; nothing more was sent
    │   └── DiskFull     no room: what was in flight is still recorded, nothing new starts
    └── Interrupted  130 Ctrl-C: the run is saved and can be resumed

How a run ended is a value, not an exception. Any other exception is a bug in flowdsl: 70.
"""

from __future__ import annotations


class FlowdslError(Exception):
    """Something a person can act on. `code` is a catalogue code, `help` the next step to take."""

    exit_code = 70

    def __init__(self, message: str, *, code: str = "", help: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.code = code
        self.help = help


class InputError(FlowdslError):
    exit_code = 2


class StoreError(FlowdslError):
    exit_code = 74


class DiskFull(StoreError):  # noqa: N818
    pass


class Interrupted(FlowdslError):  # noqa: N818
    exit_code = 130
