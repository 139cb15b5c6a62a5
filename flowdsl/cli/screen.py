"""What is printed, where, and in which colours. The result of a command is on stdout; everything else is on stderr."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

from flowdsl.codes import Code
from flowdsl.errors import FlowdslError, Interrupted, StoreError

if TYPE_CHECKING:
    from flowdsl.plan.values import Json
    from flowdsl.view.paint import Line
    from flowdsl.view.run.closing import Suggestion

Color: TypeAlias = Literal["auto", "always", "never"]
COLORS: tuple[Color, ...] = ("auto", "always", "never")

_STEERING = re.compile(r"[\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(slots=True)
class Said:
    """Whether the result is out: there is one of it."""

    result: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """`json`: a program reads stdout, so what goes wrong is told there too."""

    color: Color = "auto"
    json: bool = False
    said: Said = field(default_factory=Said)

    @classmethod
    def of_arguments(cls, arguments: Sequence[str]) -> Screen:
        """What can be told before anything is parsed: errors of the parser are painted, and told to programs, too."""
        flags = list(takewhile(lambda word: word != "--", arguments))
        json = "--json" in flags or _value_of("--format", flags) == "json"
        asked = _value_of("--color", flags)
        return cls(next((color for color in COLORS if color == asked), "auto"), json)

    @property
    def is_terminal(self) -> bool:
        """Whether a person sees what goes to stderr, live."""
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def columns(self) -> int:
        """How wide the terminal is; wide where there is none."""
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns or 1000
        except (OSError, ValueError):
            return 1000

    @property
    def is_piped(self) -> bool:
        """Whether the result goes to a program or a file."""
        return not sys.stdout.isatty()

    def result(self, text: str) -> None:
        """The result: stdout. A reader that has stopped has seen enough."""
        self.said.result = True
        try:
            sys.stdout.write(_steerless(text if text.endswith("\n") else text + "\n"))
            sys.stdout.flush()
        except BrokenPipeError:
            self.close_out()
        except OSError as error:
            self.close_out()
            raise StoreError(
                f"stdout cannot be written: {error.strerror}", code=Code.CLOSED_STDOUT
            ) from None

    def tell(self, value: Json) -> None:
        """The result for a program: one line of JSON, in ASCII, so that no encoding of stdout can spoil it."""
        from flowdsl.plan.json import to_ascii

        self.result(to_ascii(value))

    def show(self, lines: Iterable[Line]) -> None:
        """A result for people: stdout, painted where that is a terminal."""
        self.result(self._text(lines, sys.stdout))

    def say(self, lines: Iterable[Line]) -> None:
        """Progress, hints, errors: stderr."""
        _write_err(self._text(lines, sys.stderr))

    def hint(self, text: str) -> None:
        _write_err(self._dim(text) + "\n")

    def suggest(self, suggestions: Sequence[Suggestion]) -> None:
        """The next commands worth typing. A command is never cut: it is there to be copied."""
        left = max((len(each.command) for each in suggestions), default=0)
        lines = "".join(
            f"  {each.command:<{left}}  {each.why}".rstrip() + "\n" for each in suggestions
        )
        if lines:
            _write_err("\n" + "".join(self._dim(each) + "\n" for each in lines.splitlines()))

    def fail(self, error: FlowdslError) -> None:
        """`error[F072]: …`, and the next step."""
        code = f"[{error.code}]" if error.code else ""
        head = self._paint(f"error{code}:", "1;31")
        _write_err("".join(f"{head} {line}\n" for line in _visible(error.message).split("\n")))
        if error.help:
            head, *rest = _visible(error.help).split("\n")
            _write_err(f"{self._paint('help:', '1;36')} {head}\n")
            _write_err("".join(f"      {line}\n" for line in rest))
        self._tell_program(error)

    def stopped(self, text: str) -> None:
        """Ctrl-C, and there is nothing else to be said."""
        self.hint(text)
        self._tell_program(Interrupted(text, code=Code.STOPPED))

    def _tell_program(self, error: FlowdslError) -> None:
        """The error as the one object on stdout, unless the result is there already."""
        if not self.json or self.said.result:
            return
        from flowdsl.cli.error_json import error_json

        with suppress(StoreError):  # stdout cannot be written, which may be the very error
            self.tell(error_json(error))

    def paints(self, stream: TextIO) -> bool:
        return paints(self.color, os.environ, is_terminal=stream.isatty())

    @staticmethod
    def close_out() -> None:
        """Flush stdout; where nobody reads it any more, Python must not complain on its way out."""
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _text(self, lines: Iterable[Line], stream: TextIO) -> str:
        from flowdsl.view.paint import ansi, plain

        return ansi(lines) if self.paints(stream) else plain(lines)

    def _dim(self, text: str) -> str:
        return self._paint(_visible(text), "2")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.paints(sys.stderr) else text


def _value_of(flag: str, words: Sequence[str]) -> str:
    """What the command line gives a flag, as `--flag VALUE` or `--flag=VALUE`."""
    for word, after in pairwise([*words, ""]):
        if word == flag:
            return after
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return ""


def paints(color: Color, environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Flag, then NO_COLOR and FORCE_COLOR, then whether it is a terminal that knows colours."""
    if color != "auto":
        return color == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def _steerless(text: str) -> str:
    """What JSON lets through and a terminal would obey, spelled as JSON does: the value stays the same."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _visible(text: str) -> str:
    """Line ends stay; other control characters are shown, not sent to the terminal."""
    from flowdsl.view.paint import visible

    return "\n".join(map(visible, text.split("\n")))


def _write_err(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:  # nobody listens; the exit code still says it
        pass
