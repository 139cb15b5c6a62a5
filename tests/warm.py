"""`flowdsl …` in a process of its own that has the modules loaded already: a copy of one that waits.

What a command costs on its own is mostly Python and our imports, and the pages and the tests of processes type some two
hundred. The copy has the folder, the environment and the terminal that it is given. With `--full` each one starts afresh.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS_MAX = 180.0
MESSAGE_BYTES = 1 << 20
Limits = Sequence[tuple[int, int]]  # `resource.RLIMIT_…`, and how much


@dataclass(slots=True)
class Way:
    """Whether each command starts afresh all the same."""

    afresh: bool = False


WAY = Way()


@dataclass(frozen=True, slots=True)
class Running:
    """Its standard streams are those that it was given."""

    line: socket.socket
    pid: int

    def code(self) -> int:
        """Its exit code, once it has ended."""
        try:
            return _number(self.line)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            raise


@cache
def _waiting() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.warm", str(theirs.fileno())],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    ours.settimeout(SECONDS_MAX)

    def leave() -> None:
        ours.close()
        process.wait()

    atexit.register(leave)
    return ours


def start(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    streams: Sequence[int],
    limits: Limits = (),
) -> Running:
    """`streams` are stdin, stdout and stderr, or one terminal for all three."""
    line = _waiting()
    asked = {
        "words": words,
        "folder": str(folder),
        "environment": dict(environment),
        "limits": limits,
    }
    socket.send_fds(line, [json.dumps(asked).encode()], streams)
    return Running(line, _number(line))


def run(
    words: Sequence[str], folder: Path, environment: Mapping[str, str], limits: Limits = ()
) -> subprocess.CompletedProcess[str]:
    if WAY.afresh:
        return subprocess.run(
            [sys.executable, "-m", "flowdsl", *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            preexec_fn=partial(confine, limits),
            check=False,
        )
    with (
        Path(os.devnull).open("rb") as nothing,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        streams = [file.fileno() for file in (nothing, out, err)]
        code = start(words, folder, environment, streams, limits).code()
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(["flowdsl", *words], code, *said)


def confine(limits: Limits) -> None:
    """What is used up before a copy is made counts for its memory, and not for its time."""
    for what, most in limits:
        resource.setrlimit(what, (most, most))


def _number(line: socket.socket) -> int:
    return int(line.recv(64))


# --- the one that waits ------------------------------------------------------------------------------


def serve(line: socket.socket) -> None:
    """Returns in a copy that has become the command, and ends the process when nobody asks any more."""
    import flowdsl
    from flowdsl.language import compile_plan

    for module in pkgutil.walk_packages(flowdsl.__path__, "flowdsl."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    compile_plan("flowdsl: 1\nsteps: [{ wait: 1s }]\n", "any.yaml")
    gc.collect()
    gc.freeze()
    while True:
        message, streams, _, _ = socket.recv_fds(line, MESSAGE_BYTES, 3)
        if not message:
            sys.exit(0)
        pid = os.fork()
        if pid == 0:
            line.close()
            become(json.loads(message), streams)
            return
        for stream in streams:
            os.close(stream)
        line.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())


def become(asked: dict[str, object], streams: list[int]) -> None:
    if len(streams) == 1:
        os.login_tty(streams[0])
    else:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
    folder, environment, words = asked["folder"], asked["environment"], asked["words"]
    limits = asked["limits"]
    assert isinstance(folder, str)
    assert isinstance(environment, dict)
    assert isinstance(words, list)
    assert isinstance(limits, list)
    confine(limits)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - a number
        for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    sys.argv = ["flowdsl", *words]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
    from flowdsl.cli import main

    main()
