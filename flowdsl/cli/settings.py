"""Settings from four places, in this order: flag, environment, `flowdsl.toml`, default. Flags and environment are click's."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from flowdsl.cli.screen import COLORS
from flowdsl.codes import Code
from flowdsl.errors import InputError, Place
from flowdsl.plan.words import did_you_mean

FILE = "flowdsl.toml"
FOLDER = ".flowdsl"
MARKS = (FILE, FOLDER, ".git")  # what makes a folder a project
BYTES_MAX = 1024 * 1024

PROGRESS = ("auto", "tty", "plain", "json", "quiet")


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """What `flowdsl.toml` says; paths are relative to its folder. Empty: it says nothing."""

    store: str = ""
    environment: str = ""
    progress: str = ""
    color: str = ""
    secrets_file: str = ""
    no_input: bool = False
    services: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by environment
    allow: tuple[str, ...] = ()  # addresses and networks that would be refused


KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"store": (), "environment": (), "progress": PROGRESS, "color": COLORS, "secrets_file": ()}
)


def project_folder(start: Path) -> Path:
    """The nearest folder upwards that is a project, else `start`."""
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in MARKS):
            return folder
    return start


def read_project(folder: Path) -> ProjectFile:
    """Raises InputError for a file that cannot be read or holds what nobody knows."""
    path = folder / FILE
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise _wrong(path, "is not a plain file")  # reading a pipe would wait for its writer
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return ProjectFile()
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from None
    if len(raw) > BYTES_MAX:
        raise _wrong(path, "is larger than 1 MiB")
    try:
        document = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(path, f"is not TOML: {error}") from None
    return _understood(path, document)


def _understood(path: Path, document: Mapping[str, object]) -> ProjectFile:
    _known(path, document, (*KEYS, "no_input", "env", "network"), "")
    texts: dict[str, str] = {}
    for key, choices in KEYS.items():
        value = document.get(key, "")
        if not isinstance(value, str):
            raise _wrong(path, f"`{key}` must be text")
        if value and choices and value not in choices:
            raise _wrong(path, f"`{key}` must be one of {', '.join(choices)}, not `{value}`")
        texts[key] = value
    no_input = document.get("no_input", False)
    if not isinstance(no_input, bool):
        raise _wrong(path, "`no_input` must be true or false")
    return ProjectFile(
        **texts,
        no_input=no_input,
        services=_environments(path, document.get("env")),
        allow=_allowed(path, document.get("network")),
    )


def _allowed(path: Path, network: object) -> tuple[str, ...]:
    if network is None:
        return ()
    if not isinstance(network, dict):
        raise _wrong(path, "`network` must be a table: [network]")
    _known(path, network, ("allow",), "network.")
    allow = network.get("allow", [])
    if not isinstance(allow, list) or not all(isinstance(text, str) for text in allow):
        raise _wrong(path, "`network.allow` must be a list of addresses and networks")
    from flowdsl.world.network.hosts import read_allowed

    for text in allow:
        try:
            read_allowed([text])
        except ValueError:
            raise _wrong(
                path,
                f"`network.allow` takes addresses and networks, not `{text[:200]}`",
                "a name may mean another address a moment later; write 169.254.10.20 or fe80::/10",
            ) from None
    return tuple(allow)


def _environments(path: Path, env: object) -> dict[str, Mapping[str, str]]:
    if env is None:
        return {}
    if not isinstance(env, dict):
        raise _wrong(
            path, "`env` must be a table: [env.NAME.services]", "a default is: environment = NAME"
        )
    found: dict[str, Mapping[str, str]] = {}
    for name, table in env.items():
        if not isinstance(table, dict):
            raise _wrong(path, f"`env.{name}` must be a table: [env.{name}.services]")
        _known(path, table, ("services",), f"env.{name}.")
        services = table.get("services", {})
        urls = services.values() if isinstance(services, dict) else [None]
        if not all(isinstance(url, str) for url in urls):
            raise _wrong(path, f"`env.{name}.services` must be a table of NAME = URL")
        found[name] = MappingProxyType(services)
    return found


def _known(path: Path, table: Mapping[str, object], keys: tuple[str, ...], prefix: str) -> None:
    for key in table:
        if key not in keys:
            known = f"the keys are: {', '.join(prefix + k for k in keys)}"
            hint = did_you_mean(key, keys, prefix) or known
            raise _wrong(path, f"unknown key `{prefix}{key}`", hint)


def _wrong(path: Path, what: str, hint: str = "") -> InputError:
    return InputError(
        f"{path}: {what}",
        code=Code.WRONG_SETTINGS,
        help=hint or "see: flowdsl explain F071",
        place=Place(str(path)),
    )
