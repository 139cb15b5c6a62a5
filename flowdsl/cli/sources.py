"""Workflow files: found, read, checked. What is wrong with one is shown as a frame, with exit code 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from flowdsl.codes import Code
from flowdsl.errors import InputError, Place
from flowdsl.plan.words import like

if TYPE_CHECKING:
    from flowdsl.language import Checked, Library, Source
    from flowdsl.plan.nodes import Plan
    from flowdsl.view.paint import Line

BYTES_MAX = (
    4 * 1024 * 1024
)  # what is read of a file; the language has a lower limit and a better message
LIBRARY_FILES_MAX = 64  # of one workflow: what it uses, and the documents of its services
LIBRARY_BYTES_MAX = 8 * 1024 * 1024
SUFFIXES = (".yaml", ".yml")
HEAD_BYTES = 64 * 1024
FILES_MAX = 10_000
STDIN = "<stdin>"


class WrongFile(InputError):
    """A workflow file with errors: shown with frames, then this."""

    def __init__(self, checked: Checked) -> None:
        from flowdsl.language import Severity

        self.checked = checked
        number = checked.number(Severity.ERROR)
        super().__init__(
            f"{checked.source.path} has {number} error{'' if number == 1 else 's'}; nothing was sent",
            code=checked.errors[0].code,
        )

    def frames(self) -> list[Line]:
        """Each error at its place."""
        from flowdsl.view.problem.diagnostic import errors

        return errors(self.checked)


class UnreadableFile(InputError):
    """`why`, in words; `near`: a file that is there, and was probably meant."""

    def __init__(
        self, path: str, why: str, hint: str, *, near: str = "", before_why: str = ""
    ) -> None:
        self.why, self.near = why, near
        message = f"{path}: {before_why}{why}"
        super().__init__(message, code=Code.NO_WORKFLOW_FILE, help=hint, place=Place(path))


def load_plan(path: str) -> Plan:
    """The plan of a file, or WrongFile."""
    from flowdsl.language import InvalidWorkflow, is_workflow
    from flowdsl.language.load import load

    source = read_source(path)
    if not is_workflow(source.text):
        raise UnreadableFile(path, "not a workflow file", "its first key is `flowdsl: 1`")
    try:
        return load(source, library_for(source))
    except InvalidWorkflow as error:
        raise WrongFile(error.checked) from None


def read_source(path: str) -> Source:
    from flowdsl.language import decode

    if path == "-":
        return decode(STDIN, read_stdin())
    return decode(path, read_bytes(path, "a workflow file"))


def library_for(source: Source) -> Library:
    """Every other file that a workflow is made of: what it names by `uses` and `openapi`, and what those name."""
    from flowdsl.language import Library, Source, decode, is_workflow, paths_named

    texts: dict[str, str] = {}
    why: dict[str, str] = {}
    bytes_left = LIBRARY_BYTES_MAX
    still_open: list[Source] = [source]
    while still_open:
        naming = still_open.pop()
        for key in paths_named(naming):
            if key in texts or key in why:
                continue
            if len(texts) == LIBRARY_FILES_MAX:
                why[key] = f"a workflow is made of at most {LIBRARY_FILES_MAX} files"
                continue
            raw = _named(key, naming.path)
            if isinstance(raw, str):
                why[key] = raw
                continue
            bytes_left -= len(raw)
            if bytes_left < 0:
                why[key] = f"the files together are larger than {LIBRARY_BYTES_MAX >> 20} MiB"
                continue
            texts[key] = decode(key, raw).text
            if is_workflow(texts[key]):
                still_open.append(Source(key, texts[key]))
    return Library(texts, why)


def _named(key: str, naming: str) -> bytes | str:
    """What a file that another one names holds, or why that cannot be had."""
    if _is_odd(key):
        return "it is not a plain file"  # a workflow from elsewhere may name a pipe, or a device
    try:
        return read_bytes(key, "")
    except UnreadableFile as error:
        near = error.near
        meant = near.endswith((*SUFFIXES, ".json")) and Path(near) != Path(naming)
        return f"{error.why}; did you mean {near}?" if meant else error.why


def _is_odd(path: str) -> bool:
    """Whether something is there that is neither a file nor a folder."""
    try:
        there = Path(path)
        return there.exists() and not there.is_file() and not there.is_dir()
    except (OSError, ValueError):
        return False  # reading it says why


def read_bytes(path: str, what: str) -> bytes:
    """What a file, or a pipe, holds: at most `BYTES_MAX` of it."""
    try:
        with Path(path).open("rb") as file:
            return _bounded(file, path)
    except InputError:
        raise
    except FileNotFoundError:
        near = _near(path)
        hint = f"did you mean {near}?" if near else f"name {what}"
        raise UnreadableFile(path, "no such file", hint, near=near) from None
    except IsADirectoryError:
        raise UnreadableFile(path, "a folder", f"name {what}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UnreadableFile(path, why, f"name {what}", before_why="cannot be read: ") from None


def read_stdin() -> bytes:
    return _bounded(sys.stdin.buffer, STDIN)


def _bounded(file: BinaryIO, path: str) -> bytes:
    raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise UnreadableFile(path, "larger than 4 MiB", "is it the right file?")
    return raw


def find_workflows(paths: Sequence[str]) -> list[Source]:
    """Every file given, and in folders every *.yaml and *.yml whose first key is `flowdsl`, in the order of names."""
    from flowdsl.language import is_workflow

    found: dict[str, Source] = {}
    for path in paths:
        if path != "-" and _is_folder(path):
            for name in _yaml_files(path):
                if is_workflow(_head(name)):
                    found[name] = read_source(name)
        else:
            found[path] = read_source(path)
    return list(found.values())


def _head(path: str) -> str:
    """Enough of a file to tell a workflow: a folder may hold all kinds of YAML, of any size."""
    try:
        with Path(path).open("rb") as file:
            return file.read(HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:
        return False  # a name that no file can have: reading it says so


def _yaml_files(folder: str) -> Iterator[str]:
    count = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "node_modules")
        for name in sorted(files):
            path = os.path.join(parent, name)  # noqa: PTH118 - as the person wrote it, `./` kept off
            if name.endswith(SUFFIXES) and Path(path).is_file():
                count += 1
                if count > FILES_MAX:
                    raise InputError(
                        f"{folder}: more than {FILES_MAX:,} YAML files",
                        code=Code.NO_WORKFLOW_FILE,
                        help="name a smaller folder",
                    )
                yield os.path.normpath(path)


def _near(path: str) -> str:
    parent = Path(path).parent
    try:
        names = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    except OSError:
        return ""
    # By the stem: all names that end alike are a little alike. Of two, the one with the same ending.
    ending = Path(path).suffix
    names.sort(key=lambda name: (Path(name).suffix == ending, name))
    alike = {Path(name).stem.lower(): name for name in names}
    meant = like(Path(path).stem.lower(), alike)
    return str(parent / alike[meant]) if meant else ""
