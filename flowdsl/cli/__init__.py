"""The command line: the only floor that prints and exits. `main` is the entry point; commands load when they are called."""

from flowdsl.cli.group import main

__all__ = ["main"]
