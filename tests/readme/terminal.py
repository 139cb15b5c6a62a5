"""A terminal: what a person has on the screen when a command is done."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from select import select

from tests import warm

ROWS, COLUMNS = 100, 88
SECONDS_MAX = 120.0

PIECE = re.compile(r"\x1b\[(?P<number>\??[\d;]*)(?P<letter>[A-Za-z])|(?P<text>[^\x1b\r\n]+)|[\r\n]")


def run_warm_in_terminal(
    words: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[str, int]:
    """The same for `flowdsl` with those words, without the time in which its modules are loaded."""
    ours, its = os.openpty()
    try:
        _resize(its)
        running = warm.start(words, folder, environment, [its])
        os.close(its)
        seen = _read_all(ours, " ".join(words))
    finally:
        os.close(ours)
    return screen(seen.decode()), running.code()


def run_in_terminal(command: str, folder: Path, environment: Mapping[str, str]) -> tuple[str, int]:
    """What stands on the screen in the end, and the exit code."""
    process, terminal = pty.fork()
    if process == 0:  # pragma: no cover, the child is another program at once
        os.chdir(folder)
        os.execve("/bin/sh", ["sh", "-c", command], dict(environment))
    _resize(terminal)
    try:
        seen = _read_all(terminal, command)
    except BaseException:
        os.kill(process, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
        _, status = os.waitpid(process, 0)
    return screen(seen.decode()), os.waitstatus_to_exitcode(status)


def _resize(terminal: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))


def _read_all(terminal: int, command: str) -> bytes:
    """Until nobody holds the other end open any more."""
    seen = b""
    end = time.monotonic() + SECONDS_MAX
    while True:
        ready, _, _ = select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"this takes more than {SECONDS_MAX:.0f} s: {command}\n{seen.decode()}"
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux says it so
            return seen
        if not part:
            return seen
        seen += part


def screen(sent: str) -> str:
    """The few codes that a live picture needs: up, erase the line, back to its start. Lines are as long as they like."""
    lines, row, column = [""], 0, 0
    for piece in PIECE.finditer(sent):
        match piece["letter"], piece.group():
            case "A", _:
                row = max(0, row - int(piece["number"] or 1))
            case "K", _:
                lines[row] = ""
            case str(), _:  # colours, the cursor shown and hidden
                pass
            case _, "\r":
                column = 0
            case _, "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            case _, text:
                before = lines[row].ljust(column)
                lines[row] = before[:column] + text + before[column + len(text) :]
                column += len(text)
    return "\n".join(line.rstrip() for line in lines).strip("\n")
