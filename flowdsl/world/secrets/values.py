"""The values of secrets: from a file named on the command line, the environment, or `.env`, in this order.

Only what a workflow names is kept. A value shows in no repr and in no message.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from flowdsl.codes import Code
from flowdsl.errors import InputError, Place

FILE_BYTES_MAX = 1024 * 1024

LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*?)\s*", re.DOTALL)
DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?', re.DOTALL)
SINGLE_QUOTED = re.compile(r"'([^']*)'\s*(?:#.*)?", re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Secrets(Mapping[str, str]):
    """Name to value, for those that have one."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def read(
        cls,
        names: Iterable[str],
        *,
        folder: Path | None,
        file: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Secrets:
        """`folder` is the project's, if there is one; InputError if a file cannot be read or understood."""
        known = os.environ if environment is None else environment
        named = _read_file(file) if file is not None else {}
        wanted = tuple(names)
        values: dict[str, str] = {}
        beside: dict[str, str] | None = None
        for name in wanted:
            if name in named:
                values[name] = named[name]
            elif name in known:
                values[name] = _decoded(name, known[name])
            else:
                beside = _read_beside(folder) if beside is None else beside
                if name in beside:
                    values[name] = beside[name]
        return cls(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those without a value, or with an empty one, each once."""
        return [name for name in dict.fromkeys(names) if not self._values.get(name)]


def _decoded(name: str, value: str) -> str:
    """A variable as Python hands it over: bytes that are not UTF-8 come as halves of surrogate pairs."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"`{name}` in the environment is not UTF-8",
            code=Code.UNREADABLE_SECRETS_FILE,
            help=f"set {name} again",
        ) from None
    return value


def _read_beside(folder: Path | None) -> dict[str, str]:
    if folder is None:
        return {}
    path = folder / ".env"
    return _read_file(path) if path.is_file() else {}


def _read_file(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise InputError(
            f"{path}: cannot be read: {why}",
            code=Code.UNREADABLE_SECRETS_FILE,
            help="name a file with --secrets-file, or set the secrets in the environment",
            place=Place(str(path)),
        ) from None
    if len(content) > FILE_BYTES_MAX:
        raise InputError(
            f"{path}: is larger than 1 MiB",
            code=Code.UNREADABLE_SECRETS_FILE,
            help="is it the right file?",
            place=Place(str(path)),
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: is not UTF-8",
            code=Code.UNREADABLE_SECRETS_FILE,
            help="save it as UTF-8",
            place=Place(str(path)),
        ) from None
    return dict(_pairs(text, path))


def _pairs(text: str, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = LINE.fullmatch(line)
        value = _value(found[2]) if found else None
        if found is None or value is None:
            raise InputError(
                f"{path}:{number}: this line is not NAME=VALUE",
                code=Code.UNREADABLE_SECRETS_FILE,
                help='write NAME=VALUE, or NAME="VALUE" with both quotes; # begins a comment',
                place=Place(str(path), number),
            )
        yield found[1], value


def _value(text: str) -> str | None:
    """None where a quote is not closed."""
    if text.startswith('"'):
        quoted = DOUBLE_QUOTED.fullmatch(text)
        return ESCAPE.sub(_unescaped, quoted[1]) if quoted else None
    if text.startswith("'"):
        quoted = SINGLE_QUOTED.fullmatch(text)
        return quoted[1] if quoted else None
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()


def _unescaped(found: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "r": "\r"}.get(found[1], found[1])
