"""`flowdsl`: finds the command, loads it, runs it, and turns what comes back into an exit code.

A command is a module of its own that is imported when it is called: `--help` must not load the network or the store.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

import click

from flowdsl.cli.screen import Screen
from flowdsl.cli.sources import WrongFile
from flowdsl.codes import Code
from flowdsl.errors import FlowdslError, InputError, OutOfMemory
from flowdsl.version import __version__

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "init": "write a workflow to start from",
        "validate": "find every workflow file and everything that is wrong in it",
        "plan": "the calls a run would make, and what happens if one fails; sends nothing",
        "graph": "draw a workflow, its undo and its commit line",
        "run": "run a workflow to its end",
        "status": "where a run stands, and what you can do now",
        "list": "all runs",
        "show": "one step's exchange in full",
        "resume": "go on with an interrupted, waiting or stuck run",
        "cancel": "stop a run and undo what it did",
        "signal": "answer a step that waits for somebody",
        "rerun": "a new run from the inputs of an old one",
        "explain": "what an error code or a language key means",
        "fsck": "check the store",
        "prune": "throw away runs that ended long ago",
    }
)
# For `gc.set_threshold`: a run's records live long and hold no rings, so most of what the collector looks at is looked at in vain.
COLLECTOR = (20_000, 20, 50)
FIRST = ("init", "validate", "run", "status", "resume")  # what a newcomer needs
NOT_YET = frozenset({"test", "prove", "serve"})

NO_MEMORY = OutOfMemory(
    "the memory ran out: nothing more was sent",
    code=Code.OUT_OF_MEMORY,
    help="what was acknowledged is on disk; with more memory a run goes on: flowdsl resume",
)

BARE = """\
flowdsl: sagas in a YAML file. If a step fails, what was done is undone.

{commands}

Examples:
  flowdsl init demo
  flowdsl run workflows/trip.yaml -i flight=LH-454 -i hotel=Savoy -i card=tok_visa
  flowdsl run workflows/trip.yaml -f trip.json | jq .payment

All commands: flowdsl --help    One of them: flowdsl run --help
"""


class Commands(click.Group):
    """The commands by name; each in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name in NOT_YET:
            raise InputError(
                f"`flowdsl {cmd_name}` is not there yet",
                code=Code.WRONG_USAGE,
                help="see: flowdsl --help",
            )
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"flowdsl.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.NoSuchCommand(name, possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """From the table, so that no command is loaded to say what it does."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog="Exit codes: 0 yes · 1 no, and nothing is left behind · 2 asked wrongly · 3 a person is needed"
    " · 4 not finished · 70 a bug in flowdsl · 74 the disk failed, or the memory ran out · 130 interrupted and saved (143 by SIGTERM, 129 by SIGHUP).",
)
@click.version_option(__version__, "--version", message="flowdsl %(version)s")
@click.pass_context
def flowdsl(ctx: click.Context) -> int:
    """Sagas in a YAML file."""
    if ctx.invoked_subcommand is None:
        width = max(map(len, FIRST))
        shown = "\n".join(f"  {name:<{width}}   {COMMANDS[name]}" for name in FIRST)
        click.echo(BARE.format(commands=shown), nl=False)
    return 0


def main(arguments: Sequence[str] | None = None) -> None:
    gc.set_threshold(*COLLECTOR)
    _open_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    Screen.close_out()
    gc.freeze()  # nobody need look through all that is left, on the way out
    sys.exit(code)


def _open_closed() -> None:
    """Where a stream is closed Python has none, and the next file opened, a journal perhaps, would get its number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code. Nothing but SystemExit ever gets past it."""
    screen = Screen.of_arguments(arguments)
    try:
        code = flowdsl.main(args=arguments, prog_name="flowdsl", standalone_mode=False, obj=screen)
    except click.UsageError as error:
        screen.fail(_usage(error))
        return 2
    except click.ClickException as error:
        screen.fail(InputError(error.format_message(), code=Code.WRONG_USAGE))
        return 2
    except WrongFile as error:
        screen.say(error.frames())
        screen.fail(error)
        return error.exit_code
    except FlowdslError as error:
        screen.fail(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        screen.stopped("stopped")
        return 130
    except BrokenPipeError:
        return 0  # the reader of our output has seen enough
    except MemoryError:
        screen.fail(NO_MEMORY)
        return NO_MEMORY.exit_code
    except Exception as error:  # noqa: BLE001 - the last net: a bug is reported, never thrown at a person
        from flowdsl.cli.bug import report_bug

        report_bug(screen, error, arguments)
        return 70
    return code if isinstance(code, int) else 0


def _usage(error: click.UsageError) -> InputError:
    """What click has to say, in our words: a message, and where the flags are listed."""
    path = error.ctx.command_path if error.ctx is not None else "flowdsl"
    message = error.format_message().rstrip(".")
    return InputError(
        message[:1].lower() + message[1:],
        code=Code.WRONG_USAGE,
        help=f"the flags are listed by: {path} --help",
    )
