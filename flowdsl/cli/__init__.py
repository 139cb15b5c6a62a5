"""The command line: the only floor that prints and exits. `main` is the entry point; commands load when they are called.

    group.py        finds the command, runs it, turns what comes back into an exit code
    commands/       one file a command
    options.py, settings.py     the flags that commands share, and where each setting comes from
    sources.py, given.py        workflow files; the inputs of a run
    drive.py, display.py        a run driven here, and how it shows itself; `ending.py`, what is said at its end
    runs.py         the runs of a store, read
    screen.py       what is printed, where, in which colours; `error_json.py`, errors as JSON; `bug.py`, a bug's report

Nothing here decides about a run: that is `engine` and `saga`.
"""

from flowdsl.cli.group import main

__all__ = ["main"]
