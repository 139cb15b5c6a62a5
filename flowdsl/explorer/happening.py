"""One thing that happens to a run, and how it is written: `ok flight`, `lose reply flight!undo`, `fire wait-1`.

A trail is a list of them. The explorer makes them, prints them and, like a person who pastes a trail, plays them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from flowdsl.codes import Code
from flowdsl.errors import InputError

# Each word: what follows it, and what it means. Longer words first, for the parser takes the first that fits.
WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ok": ("call", "the request is carried out and answered; a JSON body may follow"),
        "lose request": ("call", "it never arrives, and no answer comes"),
        "lose reply": ("call", "it is carried out, and the answer is lost"),
        "delay": ("call", "no answer comes, and it is still in the network"),
        "not sent": ("call", "no connection comes about"),
        "refuse": ("call", "the service says no; a status may follow, else 402"),
        "busy": ("call", "503 with Retry-After; the seconds may follow, else 2s"),
        "fail": ("call", "it is carried out, and the answer is a 500 or the status that follows"),
        "garble": ("call", "it is carried out, and the body of the answer is cut short"),
        "decline": ("call", "a 2xx of which `expect` does not hold: nothing was done"),
        "puzzle": ("call", "it is carried out, and `expect` fails on the answer"),
        "misfit": ("call", "it is carried out, and the answer does not fit the service's contract"),
        "late": ("step", "a delayed request arrives after all"),
        "fire": ("timer", "the timer's time has come"),
        "signal": (
            "name",
            "somebody answers a `wait_for`; a JSON payload may follow, or #1 for which one",
        ),
        "begin": ("step", "the detached run is there"),
        "admit": ("", "it is the run's turn among those with its key"),
        "long crash": ("calls", "the process dies for so long that all keys are forgotten"),
        "crash": ("calls", "the process dies; requests that had arrived may follow: `a,b`"),
        "cancel": ("", "a person cancels the run"),
        "retry": ("step", "a person grants a fresh set of attempts"),
        "resolve": ("step", "a person supplies the lost answer"),
        "absent": ("step", "a person says that it never happened"),
        "skip": ("step", "a person takes it upon them"),
        "start": ("call", "the request is in flight (nothing changes: this is a check)"),
    }
)


class Happening(Struct, frozen=True):
    """`about` is a call, a step, a timer or, of a crash, what had arrived; `detail` a status, seconds or a body."""

    word: str
    about: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.word, self.about, self.detail) if part)


def read_happening(text: str) -> Happening:
    """The happening that a text says. Raises InputError."""
    text = " ".join(text.split())
    for word in WORDS:
        if text == word or text.startswith(f"{word} "):
            about, _, detail = text[len(word) :].strip().partition(" ")
            if (WORDS[word][0] == "call" and word != "start" and not about) or (
                not WORDS[word][0] and about
            ):
                break
            return Happening(word, about, detail.strip())
    raise InputError(
        f"`{text}` is not a part of a trail",
        code=Code.UNREADABLE_TRAIL,
        help="one is a word and what it is about, as in `ok flight`; the words: "
        + ", ".join(WORDS),
    )
