"""The flags that commands share, and the Session that they make: one order of settings for all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar, cast

import click

from flowdsl.cli.screen import COLORS, Color, Screen
from flowdsl.cli.settings import FOLDER, PROGRESS, ProjectFile, project_folder, read_project
from flowdsl.codes import Code
from flowdsl.errors import InputError

if TYPE_CHECKING:
    from flowdsl.engine.project import Project

ProgressKind: TypeAlias = Literal["auto", "tty", "plain", "json", "quiet"]
P = ParamSpec("P")
Flag: TypeAlias = Callable[[Callable[..., int]], Callable[..., int]]
F = TypeVar("F", bound=Callable[..., int])


@dataclass(frozen=True, slots=True)
class Session:
    """One command line: what was asked for, and where."""

    screen: Screen
    folder: Path  # of the project
    store: str  # its address: the path of a folder, or `SCHEME:REST`
    json: bool = False
    progress: ProgressKind = "auto"
    no_input: bool = False
    secrets_file: Path | None = None
    environment: str = ""
    services: Mapping[str, str] | None = None  # base URLs of the chosen environment
    allow: tuple[str, ...] = ()  # addresses that may be called although they would be refused

    @property
    def project(self) -> Project:
        """Where its runs get their environment, secrets and addresses from."""
        from flowdsl.engine.project import Project

        return Project(self.folder, None, self.secrets_file, self.services or {}, self.allow)

    @property
    def may_ask(self) -> bool:
        """Whether there is a person who can be asked."""
        import sys

        asked = not (self.no_input or os.environ.get("CI"))
        return asked and sys.stdin.isatty() and sys.stderr.isatty()


def with_session(command: Callable[Concatenate[Session, P], int]) -> Callable[P, int]:
    """The command with the flags that every command has."""

    @wraps(command)
    def called(*args: P.args, **kwargs: P.kwargs) -> int:
        names = ("store", "json", "color", "progress", "no_input", "secrets_file", "environment")
        flags = {name: kwargs.pop(name) for name in names if name in kwargs}
        return command(session_of(flags), *args, **kwargs)

    for flag in (
        click.option(
            "--color", type=click.Choice(COLORS), envvar="FLOWDSL_COLOR", help="Default: auto."
        ),
        click.option("--json", is_flag=True, help="One JSON object on stdout."),
        click.option(
            "--store",
            metavar="DIR",
            envvar="FLOWDSL_STORE",
            help="Default: .flowdsl beside the project.",
        ),
    ):
        called = flag(called)
    return called


def with_services(command: F) -> F:
    """Flags of a command that needs environment and secrets."""
    for flag in (
        click.option(
            "--secrets-file",
            metavar="FILE",
            envvar="FLOWDSL_SECRETS_FILE",
            help="NAME=VALUE lines; before the environment and .env.",
        ),
        click.option(
            "--env",
            "environment",
            metavar="NAME",
            envvar="FLOWDSL_ENV",
            help="Take [env.NAME.services] of flowdsl.toml.",
        ),
    ):
        command = flag(command)
    return command


def with_progress(command: F) -> F:
    """Flags of a command that drives or follows a run."""
    for flag in (
        click.option("--no-input", is_flag=True, envvar="FLOWDSL_NO_INPUT", help="Never ask."),
        click.option(
            "--progress",
            type=click.Choice(PROGRESS),
            envvar="FLOWDSL_PROGRESS",
            help="Default: auto.",
        ),
    ):
        command = flag(command)
    return command


def with_inputs(command: F) -> F:
    for flag in (
        click.option(
            "-f",
            "--inputs",
            "inputs_file",
            metavar="FILE",
            help="Inputs from YAML or JSON; - is stdin.",
        ),
        click.option(
            "-i",
            "--input",
            "given",
            multiple=True,
            metavar="KEY=VALUE",
            help="One input; KEY=@FILE reads it from a file.",
        ),
    ):
        command = flag(command)
    return command


def run_and(words: tuple[str, ...], name: str) -> tuple[str | None, str]:
    """`[RUN] NAME`: what stands last is the name; without a run, the newest is meant."""
    if not words:
        raise click.UsageError(f"Missing argument '{name}'.", click.get_current_context())
    if len(words) > 2:
        message = f"Got unexpected extra argument ({words[2]})"
        raise click.UsageError(message, click.get_current_context())
    return (words[0] if len(words) == 2 else None), words[-1]


def session_of(flags: Mapping[str, object]) -> Session:
    try:
        here = Path.cwd()
    except FileNotFoundError:
        message = "the folder that you are in is gone"
        raise InputError(
            message, code=Code.NO_WORKFLOW_FILE, help="cd to one that is there"
        ) from None
    folder = project_folder(here)
    said = read_project(folder)
    environment = str(flags.get("environment") or said.environment)
    secrets = str(flags.get("secrets_file") or "")
    beside = folder / said.secrets_file if said.secrets_file else None
    return Session(
        screen=_screen(flags.get("color") or said.color or "auto"),
        folder=folder,
        store=_store(flags.get("store"), said, folder, here),
        json=bool(flags.get("json")),
        progress=cast("ProgressKind", flags.get("progress") or said.progress or "auto"),
        no_input=bool(flags.get("no_input")) or said.no_input,
        secrets_file=here / secrets if secrets else beside,
        environment=environment,
        services=_services(said, environment) if "environment" in flags else None,
        allow=said.allow,
    )


def _screen(color: object) -> Screen:
    """The one of this command line, in the colours that were asked for."""
    context = click.get_current_context(silent=True)
    found = context.find_object(Screen) if context is not None else None
    return replace(found or Screen(), color=cast("Color", color))


def _store(flag: object, said: ProjectFile, folder: Path, here: Path) -> str:
    """What `--store` says is seen from here, what `flowdsl.toml` says from its folder."""
    from flowdsl.world.store import scheme_of

    given = flag if isinstance(flag, str) else ""
    address = given or said.store or FOLDER
    if "\0" in address:
        message = f"{address!r} is not a path: it holds the character U+0000"
        raise InputError(message, code=Code.EMPTY_STORE, help="name a folder with --store")
    if scheme_of(address) not in ("", "file"):
        return address
    return str((here if given else folder) / address.removeprefix("file:"))


def _services(said: ProjectFile, environment: str) -> Mapping[str, str]:
    if not environment:
        return {}
    if environment not in said.services:
        known = ", ".join(said.services) or "there is none"
        raise InputError(
            f"no environment `{environment}` in flowdsl.toml",
            code=Code.UNKNOWN_ENVIRONMENT,
            help=f"the environments are: {known}; a new one is a table [env.{environment}.services]",
        )
    return said.services[environment]
