"""The exceptions that a person hears of, and the exit code of each branch.

    FlowdslError             70   as it is: a bug in flowdsl, with its report
    ├── InputError           2    asked wrongly: a bad flag, a missing input, a bad store; nothing was sent
    │   ├── InvalidWorkflow       a workflow file with errors, all of them (`language.load`)
    │   ├── UnreadableFile        no workflow file, or none that can be read: why, and which was probably meant
    │   └── WrongFile             the same for a person: shown with frames (`cli.sources`)
    ├── StoreError           74   the disk let us down while a run went on; nothing more was sent
    │   ├── DiskFull              no room: what was in flight is still recorded, nothing new starts
    │   └── JournalLost           somebody deleted or changed the journal under the process that writes it
    ├── OutOfMemory         74   no memory: nothing more was sent, what is recorded is safe
    └── Interrupted          130  Ctrl-C, or 128 and the number of another signal: saved, and can be resumed

How a run ended is a value, not an exception. What an expression cannot read or compute (`plan.fault`) becomes a
diagnostic or a fact before anybody hears of it. Any other exception is a bug: 70.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowdsl.codes import Code


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file. Lines and columns count from 1; 0: the file as a whole."""

    file: str
    line: int = 0
    column: int = 0


class FlowdslError(Exception):
    """Something a person can act on. `code` is a catalogue code, `help` the next step to take.

    `place` is for programs: the message says it in words.
    """

    exit_code = 70

    def __init__(
        self,
        message: str,
        *,
        code: Code | Literal[""] = "",
        help: str = "",  # noqa: A002
        place: Place | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.help = help
        self.place = place


class InputError(FlowdslError):
    exit_code = 2


class StoreError(FlowdslError):
    exit_code = 74


class DiskFull(StoreError):
    pass


class JournalLost(StoreError):
    pass


class OutOfMemory(FlowdslError):
    exit_code = 74


class Interrupted(FlowdslError):
    exit_code = 130
