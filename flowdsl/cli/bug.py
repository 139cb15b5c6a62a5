"""A bug in flowdsl: a report that can be pasted into an issue, and where it lies. It holds no values, only code and versions."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flowdsl.cli.screen import Screen
from flowdsl.codes import Code
from flowdsl.errors import FlowdslError
from flowdsl.version import __version__

LIBRARIES = (
    "click",
    "httptools",
    "httpx",
    "jsonschema",
    "msgspec",
    "networkx",
    "PyYAML",
    "rich",
)


def report_bug(screen: Screen, error: BaseException, arguments: list[str]) -> None:
    path = _write(report(error, arguments))
    where = f"a report ready to paste: {path}" if path else "no report could be written"
    message = f"a bug in flowdsl: {type(error).__name__}"
    screen.fail(
        FlowdslError(
            message,
            code=Code.BUG,
            help=f"{where}\nthe runs are safe: what was acknowledged is on disk",
        )
    )


def report(error: BaseException, arguments: list[str]) -> str:
    """Type, places and versions. No message, no local variable, no argument but the command and the names of flags:
    any of these could hold a secret.
    """
    chain: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(chain) < 10:
        places = "".join(
            f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}\n"
            for frame in traceback.extract_tb(seen.__traceback__)
        )
        chain.append(f"{type(seen).__module__}.{type(seen).__qualname__}\n{places}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    libraries = "".join(f"  {name} {_version(name)}\n" for name in LIBRARIES)
    return (
        f"flowdsl {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"command: flowdsl {' '.join(_words(arguments))}\n\n"
        + "caused by\n".join(chain)
        + f"\nlibraries\n{libraries}"
    )


def _words(arguments: list[str]) -> list[str]:
    flags = [word.partition("=")[0] for word in arguments if word.startswith("-")]
    return [*(word for word in arguments[:1] if word.isalpha()), *flags]


def _short(path: str) -> str:
    parts = Path(path).parts
    for mark in ("site-packages", "flowdsl"):
        if mark in parts:
            last = len(parts) - 1 - parts[::-1].index(mark)
            return "/".join(parts[last + (mark == "site-packages") :])
    return Path(path).name


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _write(text: str) -> Path | None:
    try:
        handle, name = tempfile.mkstemp(prefix="flowdsl-bug-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return None
    return Path(name)
